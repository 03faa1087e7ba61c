"""The source as data: modules and what they import, the codes they answer with and the sentences beside them."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from tests.docs.pages import ROOT

PACKAGES = ("plugins", "connector", "sandbox", "deploy")


def modules() -> Mapping[str, Path]:
    """Every module of ours by its dotted name; a package by that of its `__init__`."""
    found: dict[str, Path] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> set[str]:
    """Dotted names that a module imports, wherever in it; `from a import b` may mean the module `a.b`."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{each.name}" for each in node.names}
    return found


def calls(folder: str, *names: str) -> Iterator[ast.Call]:
    """Calls of functions or classes of these names in a folder, however they are reached."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call):
                name = (
                    node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                )
                if name in names:
                    yield node


def texts(node: ast.expr) -> list[str]:
    """What a text may be, with … for what is filled in: both sides of a condition; nothing where it is a variable."""
    match node:
        case ast.Constant(value=str() as text):
            return [text]
        case ast.JoinedStr():
            return [
                "".join(str(each.value) if isinstance(each, ast.Constant) else "…" for each in node.values)
            ]
        case ast.IfExp():
            return texts(node.body) + texts(node.orelse)
        case _:
            return []
