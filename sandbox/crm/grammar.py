"""The syntax of $filter: the grammar of the `odata_query` package, mended where Dataverse's differs.

Names may begin with a keyword, `not(` needs no space, query functions take lists in brackets and texts in double
quotes, and a path reaches the parser as a single name.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeVar

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser

from sandbox.crm import errors

_BRACKETS = {"[": "(", "]": ")"}
_Rule = TypeVar("_Rule", bound=Callable[..., Any])


@lru_cache(maxsize=2048)
def parse(text: str) -> Any:
    """The syntax tree of a filter; ApiError 400 when it is not one."""
    try:
        tree = ODataParser().parse(_tokens(text))
    except (ODataException, AttributeError, RecursionError) as error:
        raise errors.invalid_syntax(f"Syntax error in $filter: {error or text}") from error
    if tree is None:
        raise errors.invalid_syntax(f"Syntax error in $filter: {text!r}")
    return tree


class _Lexer(ODataLexer):
    tokens = ODataLexer.tokens
    literals = ODataLexer.literals | {"[", "]"}
    _: Callable[..., Callable[[_Rule], _Rule]]

    @_(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")  # noqa: F821  the lexer's metaclass puts it there
    def STRING(self, token: Any) -> Any:
        quote = token.value[0]
        token.value = ast.String(token.value[1:-1].replace(quote * 2, quote))
        return token

    @_(r"any(?=\s*\()")  # noqa: F821  the lexer's metaclass puts it there
    def ANY(self, token: Any) -> Any:
        token.value = ast.Any()
        return token

    @_(r"all(?=\s*\()")  # noqa: F821  the lexer's metaclass puts it there
    def ALL(self, token: Any) -> Any:
        token.value = ast.All()
        return token

    @_(r"null\b")  # noqa: F821  the lexer's metaclass puts it there
    def NULL(self, token: Any) -> Any:
        token.value = ast.Null()
        return token

    @_(r"(?:true|false)\b")  # noqa: F821  the lexer's metaclass puts it there
    def BOOLEAN(self, token: Any) -> Any:
        token.value = ast.Boolean(token.value)
        return token

    @_(r"not(?:\s+|(?=\())")  # noqa: F821  the lexer's metaclass puts it there
    def NOT(self, token: Any) -> Any:
        token.value = ast.Not()
        return token


def _tokens(text: str) -> Iterator[Any]:
    """Tokens for the parser: paths as one name, lists in brackets as lists, a list of one with the comma it wants."""
    found = list(_Lexer().tokenize(text))
    position = 0
    while position < len(found):
        token = found[position]
        if token.type == "ODATA_IDENTIFIER":
            while _types(found, position + 1, 2) == ["/", "ODATA_IDENTIFIER"]:
                token.value = replace(
                    token.value, name=f"{token.value.name}/{found[position + 2].value.name}"
                )
                position += 2
        lone = (token.type == "[" and _types(found, position + 2, 1) == ["]"]) or (
            token.type == "("
            and position
            and found[position - 1].type == "IN"
            and _types(found, position + 2, 1) == [")"]
        )
        yield _Punctuation(token, _BRACKETS[token.type]) if token.type in _BRACKETS else token
        if lone:
            yield found[position + 1]
            yield _Punctuation(found[position + 2], ",")
            yield _Punctuation(found[position + 2], ")")
            position += 2
        position += 1


def _types(tokens: list[Any], start: int, length: int) -> list[str]:
    return [token.type for token in tokens[start : start + length]]


class _Punctuation:
    """A token that the text does not have."""

    def __init__(self, after: Any, literal: str) -> None:
        self.type = self.value = literal
        self.lineno, self.index = after.lineno, after.index
