"""The system query options of one request, read from its query string: $select, $filter, $expand, $orderby, $top, $count."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_plus

from sandbox.crm import errors

_ROOT_OPTIONS = {"$select", "$filter", "$expand", "$orderby", "$top", "$count", "$skiptoken", "$apply"}
_EXPAND_OPTIONS = {"$select", "$filter", "$expand", "$orderby", "$top"}


@dataclass(frozen=True)
class Expand:
    navigation: str
    query: "Query"


@dataclass(frozen=True)
class Query:
    select: tuple[str, ...] = ()
    """Property names; empty means all."""
    filter: str = ""
    expand: tuple[Expand, ...] = ()
    order: tuple[tuple[str, bool], ...] = ()
    """Property paths, each with whether it is descending."""
    top: int | None = None
    count: bool = False
    skip_token: str = ""


def options(query: str) -> dict[str, str]:
    """Name and value of each option, decoded; `+` and `%20` are both spaces."""
    found: dict[str, str] = {}
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            found[unquote_plus(name)] = unquote_plus(value)
    return found


def read_query(given: Mapping[str, str]) -> Query:
    """The query that these options ask for; ApiError 400 for an unknown or malformed one."""
    for name in given:
        if name.startswith("$") and name not in _ROOT_OPTIONS:
            raise errors.invalid_syntax(f"The query parameter {name} is not supported.")
    count = given.get("$count", "false").lower()
    if count not in {"true", "false"}:
        raise errors.invalid_syntax(f"Invalid value {count!r} for $count.")
    return Query(
        select=_names(given.get("$select", "")),
        filter=given.get("$filter", "").strip(),
        expand=read_expand(given.get("$expand", "")),
        order=_order(given.get("$orderby", "")),
        top=_top(given.get("$top")),
        count=count == "true",
        skip_token=given.get("$skiptoken", ""),
    )


@lru_cache(maxsize=512)
def read_expand(text: str) -> tuple[Expand, ...]:
    """`nav($select=a,b;$expand=other($select=c)),nav2`."""
    return tuple(_expand_item(item) for item in split(text, ","))


def _expand_item(item: str) -> Expand:
    navigation, bracket, rest = item.partition("(")
    if not bracket:
        return Expand(navigation.strip(), Query())
    if not rest.endswith(")"):
        raise errors.invalid_syntax(f"Syntax error in $expand: {item!r}")
    given = {}
    for part in split(rest[:-1], ";"):
        name, _, value = part.partition("=")
        if name.strip() not in _EXPAND_OPTIONS:
            raise errors.invalid_syntax(f"The option {name!r} is not supported within $expand.")
        given[name.strip()] = value.strip()
    return Expand(
        navigation.strip(),
        Query(
            select=_names(given.get("$select", "")),
            filter=given.get("$filter", ""),
            expand=read_expand(given.get("$expand", "")),
            order=_order(given.get("$orderby", "")),
            top=_top(given.get("$top")),
        ),
    )


def split(text: str, separator: str) -> Iterator[str]:
    """Parts outside of parentheses and quotes."""
    depth, quoted, start = 0, False, 0
    for position, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
        elif character == separator and depth == 0:
            yield text[start:position].strip()
            start = position + 1
    if depth or quoted:
        raise errors.invalid_syntax(f"Syntax error: {text!r} is not closed.")
    if text[start:].strip():
        yield text[start:].strip()


def _names(text: str) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(name.strip() for name in text.split(",") if name.strip() and name.strip() != "*")
    )


def _order(text: str) -> tuple[tuple[str, bool], ...]:
    terms = []
    for part in split(text, ","):
        name, _, direction = part.partition(" ")
        direction = direction.strip().lower() or "asc"
        if direction not in {"asc", "desc"}:
            raise errors.invalid_syntax(f"Syntax error in $orderby: {part!r}")
        terms.append((name, direction == "desc"))
    return tuple(terms)


def _top(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.strip().isdecimal() or len(text) > 18 or int(text) < 1:
        raise errors.invalid_syntax(f"Invalid value {text!r} for $top: a positive whole number is expected.")
    return int(text)
