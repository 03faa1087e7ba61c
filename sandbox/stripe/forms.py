"""Stripe's form encoding: `a[b][0]=c&d[]=e` is {"a": {"b": ["c"]}, "d": ["e"]}. Every value is text."""

import re
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl

from sandbox.stripe.errors import invalid_request

_NAME = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_PART = re.compile(r"\[([^\[\]]*)\]")


def decode(text: str) -> dict[str, Any]:
    """The tree that a query string or a form body spells."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), errors="strict")
    except ValueError as error:
        raise invalid_request(
            "Invalid request: the body is not a form (application/x-www-form-urlencoded)."
        ) from error
    tree: dict[str, Any] = {}
    for name, value in pairs:
        match = _NAME.match(name)
        if match is None:
            raise invalid_request(f"Invalid parameter name: {name}", param=name)
        _put(tree, [match[1], *_PART.findall(match[2])], value, name)
    return {name: _lists(branch) for name, branch in tree.items()}


def _put(tree: dict[str, Any], path: list[str], value: str, name: str) -> None:
    for part, following in pairwise(path):
        key = str(len(tree)) if part == "" and following else part
        branch = tree.setdefault(key, {})
        if not isinstance(branch, dict):
            raise invalid_request(f"Invalid parameter: {name} is both a value and a tree", param=name)
        tree = branch
    last = path[-1]
    tree[str(len(tree)) if last == "" else last] = value


def _lists(branch: Any) -> Any:
    if not isinstance(branch, dict):
        return branch
    positions = [str(number) for number in range(len(branch))]
    if branch and branch.keys() == set(positions):
        return [_lists(branch[position]) for position in positions]
    return {key: _lists(below) for key, below in branch.items()}
