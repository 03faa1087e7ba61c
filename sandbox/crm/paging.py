"""Pages of a query: the token in a next link, which remembers the last row it gave and not just a number.

So a row that changes or goes between two pages makes no other row appear twice or never, as on the platform.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote
from xml.etree import ElementTree as ET
from xml.sax.saxutils import quoteattr

from sandbox.crm import errors
from sandbox.crm.frames import Parameters

Ordering = Sequence[tuple[str, bool]]
"""SQL expressions, each with whether it is descending; the last one is unique."""


@dataclass(frozen=True)
class Token:
    """Asks for page `page`: the rows after the one whose ordering values, as they are stored, are `last`."""

    page: int = 1
    last: tuple[Any, ...] | None = None


def read_token(text: str) -> Token:
    """The token in a `$skiptoken`; ApiError 400 unless it is one of ours."""
    if not text:
        return Token()
    try:
        outer = ET.fromstring(text)  # noqa: S314  one small element, entities do not grow beyond the parser's limit
        inner = ET.fromstring(unquote(unquote(outer.get("pagingcookie", ""))))  # noqa: S314  likewise
        last = json.loads(inner.get("last", ""))
        page = int(outer.get("pagenumber", ""))
    except (ET.ParseError, ValueError) as error:
        raise errors.invalid_syntax("Malformed XML in the paging cookie of $skiptoken.") from error
    if not isinstance(last, list) or not all(map(_storable, last)):
        raise errors.invalid_syntax("Malformed paging cookie in $skiptoken.")
    return Token(page, tuple(last))


def next_link(address: str, token: Token) -> str:
    """`address` (with its query) again, with the token of another page in the platform's shape."""
    start, _, query = address.partition("?")
    kept = [
        part for part in query.split("&") if part and not part.startswith(("$skiptoken=", "%24skiptoken="))
    ]
    inner = f'<cookie page="{token.page - 1}" last={quoteattr(json.dumps(token.last))}></cookie>'
    cookie = quote(quote(inner, safe=""), safe="")
    text = f'<cookie pagenumber="{token.page}" pagingcookie="{cookie}" istracking="False" />'
    return f"{start}?{'&'.join([*kept, '$skiptoken=' + quote(text, safe='')])}"


def after(ordering: Ordering, last: Sequence[Any], parameters: Parameters) -> str:
    """An SQL condition for the rows that come after the one with the values `last`. Empty values come first."""
    if len(last) != len(ordering):
        raise errors.invalid_syntax("The paging cookie of $skiptoken belongs to another query.")
    alternatives = []
    for position, (sql, descending) in enumerate(ordering):
        terms = []
        for (earlier, _), value in zip(ordering[:position], last, strict=False):
            terms.append(f"{earlier} IS ?")
            parameters.append(value)
        value = last[position]
        if value is None:
            terms.append("0" if descending else f"{sql} IS NOT NULL")
        else:
            terms.append(f"({sql} < ? OR {sql} IS NULL)" if descending else f"{sql} > ?")
            parameters.append(value)
        alternatives.append(f"({' AND '.join(terms)})")
    return f"({' OR '.join(alternatives)})"


def _storable(value: Any) -> bool:
    return (
        value is None
        or isinstance(value, str | float)
        or (isinstance(value, int) and -(2**63) <= value < 2**63)
    )
