"""`docs/coverage.md` has a row for every rule, and what it calls a proof is one."""

import ast
import io
import re
import tokenize
from functools import cache

import pytest

from tests.docs.pages import ROOT, read, rows, spans

RULES = [f"W{number:02}" for number in range(1, 42)] + [f"E{number:02}" for number in range(1, 190)]
PLANNED = "planned"

TABLE = {row[0]: spans(row[2]) for row in rows(read("docs/coverage.md"))}
PROOFS = [(rule, proof) for rule, proofs in TABLE.items() for proof in proofs if proof != PLANNED]


def test_every_rule_has_one_row_and_nothing_else_has() -> None:
    assert [row[0] for row in rows(read("docs/coverage.md"))] == RULES


def test_every_row_says_what_the_rule_is_and_names_a_proof_or_a_plan() -> None:
    assert [row[0] for row in rows(read("docs/coverage.md")) if not row[1]] == []
    assert [rule for rule, proofs in TABLE.items() if not proofs] == []
    assert [rule for rule, proofs in TABLE.items() if PLANNED in proofs and len(proofs) > 1] == []


def test_charging_a_customer_invoice_is_proven_throughout() -> None:
    assert [rule for rule in RULES if rule.startswith("W") and PLANNED in TABLE[rule]] == []


@pytest.mark.parametrize(("rule", "proof"), PROOFS, ids=[f"{rule} {proof}" for rule, proof in PROOFS])
def test_the_named_test_exists_and_names_the_rule(rule: str, proof: str) -> None:
    path, _, name = proof.partition("::")
    assert (ROOT / path).is_file(), f"{path} is not there"
    tests = named(path)
    assert name in tests, f"{path} has no test {name}"
    assert rule in tests[name], f"{proof} does not name {rule} in a comment"


@cache
def named(path: str) -> dict[str, set[str]]:
    """The tests in a file, each with the rules that its comments and its docstring name."""
    source = (ROOT / path).read_text(encoding="utf-8")
    comments = [
        (token.start[0], token.string)
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    ]
    lines = source.splitlines()
    found: dict[str, set[str]] = {}
    for name, node in _tests(ast.parse(source)):
        first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
        while lines[first - 2].startswith("#"):  # what stands right above the test belongs to it
            first -= 1
        last = node.end_lineno or first
        texts = [text for line, text in comments if first <= line <= last]
        found[name] = {rule for text in [*texts, ast.get_docstring(node) or ""] for rule in mentioned(text)}
    return found


def _tests(tree: ast.Module) -> list[tuple[str, ast.FunctionDef]]:
    found: list[tuple[str, ast.FunctionDef]] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            found.append((node.name, node))
        elif isinstance(node, ast.ClassDef):
            inner = [each for each in node.body if isinstance(each, ast.FunctionDef)]
            found += [(f"{node.name}::{each.name}", each) for each in inner]
    return found


def mentioned(text: str) -> set[str]:
    """`W17-W20`, `W17 to W20` and `W17–20` mention each of the four."""
    rules: set[str] = set()
    for letter, first, last in re.findall(r"\b([WE])(\d{2,3})\b(?:\s?(?:-|–|to)\s?[WE]?(\d{2,3})\b)?", text):
        rules |= {f"{letter}{number:02}" for number in range(int(first), int(last or first) + 1)}
    return rules


def test_a_range_mentions_each_of_its_rules() -> None:
    assert mentioned("X01 W01 W05 to W07, E09-E11: why") == {
        "W01",
        "W05",
        "W06",
        "W07",
        "E09",
        "E10",
        "E11",
    }
