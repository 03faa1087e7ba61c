"""JSON as the Web API reads and writes it: decimals pass through as numerals, never as floats."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, NoReturn

from sandbox.crm import errors


def loads(body: bytes) -> Any:
    """The value in `body`: fractions as Decimal. Raises ApiError 400 for anything that is not strict JSON."""
    try:
        return _DECODER.decode(body.decode("utf-8-sig"))
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise errors.bad_payload(f"An error occurred while reading the JSON: {error}") from error


def load_object(body: bytes) -> dict[str, Any]:
    content = loads(body)
    if not isinstance(content, dict):
        raise errors.bad_payload("A JSON object is expected.")
    return content


def dumps(value: Any) -> bytes:
    parts: list[str] = []
    _write(value, parts.append)
    return "".join(parts).encode()


def _write(value: Any, emit: Callable[[str], None]) -> None:
    scalar = _SCALARS.get(type(value))
    if scalar is not None:
        emit(scalar(value))
    elif isinstance(value, Mapping):
        separator = "{"
        for key, item in value.items():
            emit(separator)
            emit(_key(key))
            scalar = _SCALARS.get(type(item))
            if scalar is not None:
                emit(scalar(item))
            else:
                _write(item, emit)
            separator = ","
        emit("}" if separator == "," else "{}")
    elif isinstance(value, list | tuple):
        separator = "["
        for item in value:
            emit(separator)
            _write(item, emit)
            separator = ","
        emit("]" if separator == "," else "[]")
    else:
        emit(encode_basestring(str(value)))


def _refuse_constant(name: str) -> NoReturn:
    raise errors.bad_payload(f"{name} is not a number in JSON.")


@lru_cache(maxsize=16_384)
def _key(name: str) -> str:
    return f"{encode_basestring(name)}:"


_SCALARS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "null",
    bool: lambda value: "true" if value else "false",
    str: encode_basestring,
    int: repr,
    float: repr,
    Decimal: "{:f}".format,
}
_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant)
