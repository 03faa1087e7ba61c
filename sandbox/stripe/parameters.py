"""Reading a call's parameters as Stripe does: unknown names, wrong types and limits are each their own refusal."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.stripe.errors import StripeError, invalid_request

Reader = Callable[[str, Any], Any]
"""From a parameter's name and its text (or tree of texts) to its value."""

METADATA_KEYS = 50
METADATA_KEY_LENGTH = 40
METADATA_VALUE_LENGTH = 500


def read(
    given: Mapping[str, Any], known: Mapping[str, Reader], required: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The values of the parameters that were given.

    Documented parameters that the local Stripe does not act on are unknown to it: better refused than ignored.
    """
    for name in given:
        if name not in known:
            raise invalid_request(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
    for name in required:
        if name not in given:
            raise invalid_request(f"Missing required param: {name}.", code="parameter_missing", param=name)
    return {name: known[name](name, value) for name, value in given.items()}


def text(longest: int = 5000) -> Reader:
    """Text; the empty text unsets the field."""

    def reader(name: str, value: Any) -> str | None:
        if not isinstance(value, str):
            raise invalid_request(f"Invalid string: {value}", param=name)
        if len(value) > longest:
            raise invalid_request(
                f"Invalid string: {value[:10]}…{value[-10:]}; must be at most {longest} characters",
                param=name,
            )
        return value or None

    return reader


def integer(least: int | None = None, most: int | None = None) -> Reader:
    def reader(name: str, value: Any) -> int:
        if value == "":
            raise _empty(name)
        digits = value.removeprefix("-") if isinstance(value, str) else ""
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
            raise invalid_request(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name)
        number = int(value)
        if least is not None and number < least:
            raise invalid_request(
                f"This value must be greater than or equal to {least}.",
                code="parameter_invalid_integer",
                param=name,
            )
        if most is not None and number > most:
            raise invalid_request(
                f"This value must be less than or equal to {most} (it currently is '{number}').",
                code="parameter_invalid_integer",
                param=name,
            )
        return number

    return reader


def boolean(name: str, value: Any) -> bool:
    if value not in {"true", "false"}:
        raise invalid_request(f"Invalid boolean: {value}", param=name)
    return bool(value == "true")


def choice(*allowed: str) -> Reader:
    def reader(name: str, value: Any) -> str:
        if value not in allowed:
            raise invalid_request(f"Invalid {name}: must be one of {_either(allowed)}", param=name)
        return str(value)

    return reader


def texts(longest: int = 100) -> Reader:
    def reader(name: str, value: Any) -> list[str]:
        if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
            raise invalid_request("Invalid array", param=name)
        if len(value) > longest:
            raise invalid_request(f"Array {name} exceeded maximum {longest} allowed elements.", param=name)
        return value

    return reader


def each(reader: Reader, longest: int = 100) -> Reader:
    """A list of what `reader` reads."""

    def every(name: str, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise invalid_request("Invalid array", param=name)
        if len(value) > longest:
            raise invalid_request(f"Array {name} exceeded maximum {longest} allowed elements.", param=name)
        return [reader(f"{name}[{position}]", one) for position, one in enumerate(value)]

    return every


def tree(known: Mapping[str, Reader], required: tuple[str, ...] = ()) -> Reader:
    def reader(name: str, value: Any) -> dict[str, Any] | None:
        if value == "":
            return None
        if not isinstance(value, dict):
            raise invalid_request("Invalid object", param=name)
        inner = {f"{name}[{key}]": below for key, below in value.items()}
        values = read(
            inner,
            {f"{name}[{key}]": below for key, below in known.items()},
            tuple(f"{name}[{key}]" for key in required),
        )
        return {key.removeprefix(name)[1:-1]: below for key, below in values.items()}

    return reader


def either(*readers: Reader) -> Reader:
    """The first reader that takes the value; the last one's refusal otherwise."""

    def reader(name: str, value: Any) -> Any:
        for attempt in readers[:-1]:
            try:
                return attempt(name, value)
            except StripeError:
                continue
        return readers[-1](name, value)

    return reader


def metadata(name: str, value: Any) -> dict[str, str] | None:
    """Keys to set; an empty value removes its key, and empty text instead of a tree removes them all (None)."""
    if value == "":
        return None
    pairs = dict(enumerate(value)) if isinstance(value, list) else value
    if not isinstance(pairs, dict) or not all(isinstance(each, str) for each in pairs.values()):
        raise invalid_request("Invalid metadata: it takes keys with text values", param=name)
    for key, each in pairs.items():
        if len(str(key)) > METADATA_KEY_LENGTH:
            raise invalid_request(
                f"Metadata keys can have up to {METADATA_KEY_LENGTH} characters, but you passed in a key that is"
                f" {len(str(key))} characters. Invalid key: {key}",
                param=name,
            )
        if len(each) > METADATA_VALUE_LENGTH:
            raise invalid_request(
                f"Metadata values can have up to {METADATA_VALUE_LENGTH} characters, but you passed in a value that is"
                f" {len(each)} characters. Invalid value: {each[:20]}…",
                param=f"{name}[{key}]",
            )
    return {str(key): each for key, each in pairs.items()}


def merged_metadata(before: Mapping[str, str], changes: Mapping[str, str] | None) -> dict[str, str]:
    if changes is None:
        return {}
    after = {key: value for key, value in {**before, **changes}.items() if value}
    if len(after) > METADATA_KEYS:
        raise invalid_request(
            f"You can only have up to {METADATA_KEYS} metadata keys; this would be {len(after)}.",
            param="metadata",
        )
    return after


def _either(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])}, or {names[-1]}"


def _empty(name: str) -> StripeError:
    return invalid_request(
        f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a field;"
        f" however '{name}' cannot be unset. You should remove '{name}' from your request or supply a non-empty value.",
        code="parameter_invalid_empty",
        param=name,
    )


ADDRESS: Mapping[str, Reader] = {
    "city": text(),
    "country": text(),
    "line1": text(),
    "line2": text(),
    "postal_code": text(),
    "state": text(),
}
