"""House rules that no tool checks: nothing dead, nothing mapped into the void, no broken link, nothing from elsewhere."""

import ast
import re
from pathlib import Path

import pytest

from connector.dataverse.mapping import load_mapping
from sandbox.crm.schema import Schema
from tests.docs.code import imports, modules, tree
from tests.docs.pages import ROOT, anchors, files, links, pages

ENTRY_POINTS = ("connector.__main__", "sandbox.__main__", "deploy.check")
FOR_TESTS = {"plugins.rules.checks"}
"""What must hold in the books, as the crash suite asks it; the nightly run of the same list is planned."""


def test_no_module_is_dead() -> None:
    known, reached, waiting = modules(), set[str](), list(ENTRY_POINTS)
    while waiting:
        name = waiting.pop()
        if name in known and name not in reached:
            reached.add(name)
            packages = [name.rsplit(".", depth)[0] for depth in range(1, name.count(".") + 1)]
            waiting += [*packages, *imports(known[name])]
    assert sorted(known.keys() - reached - FOR_TESTS) == []


SAYS_NOTHING = {"utils", "util", "helpers", "common", "core", "base", "manager", "service", "misc"}


def test_every_module_is_named_for_what_it_holds_and_says_what_it_is_for() -> None:
    assert [name for name in modules() if set(name.split(".")) & SAYS_NOTHING] == []
    silent = [
        name
        for name, path in modules().items()
        if path.name not in {"__init__.py", "__main__.py"} and not ast.get_docstring(tree(path))
    ]
    assert silent == []


def test_packages_export_nothing() -> None:
    assert [name for name, path in modules().items() if path.name == "__init__.py" and path.read_text()] == []


@pytest.mark.parametrize("mapping", [path.stem for path in (ROOT / "mappings").glob("*.toml")])
def test_what_a_mapping_names_is_in_the_solution_or_the_standard_tables(mapping: str, schema: Schema) -> None:
    missing: list[str] = []
    for kind in load_mapping(mapping).kinds.values():
        table = schema.tables.get(kind.table)
        if table is None or (table.entity_set, table.primary_key) != (kind.set, kind.id):
            missing.append(f"table {kind.table}, set {kind.set}, id {kind.id}")
            continue
        names = {name for column in kind.columns.values() for name in column.names if "." not in name}
        missing += [f"{kind.table}.{name}" for name in sorted(names) if name not in table.columns]
    assert missing == []


def _links() -> list[tuple[Path, str]]:
    return [(page, link) for page in pages() for link in links(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(
    ("page", "link"), _links(), ids=[f"{page.relative_to(ROOT)} {link}" for page, link in _links()]
)
def test_links_lead_somewhere(page: Path, link: str) -> None:
    if link.startswith("https://"):
        return
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    assert target.is_relative_to(ROOT)
    assert target.exists(), f"{target} is not there"
    if anchor:
        assert anchor in anchors(target.read_text(encoding="utf-8"))


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        found = [link.partition("#")[0] for link in links(page.read_text(encoding="utf-8"))]
        waiting += [(page.parent / link).resolve() for link in found if link and ":" not in link]
    assert [str(page.relative_to(ROOT)) for page in pages() if page not in reached] == []


# In pieces, so that this file does not hold what it looks for.
_REGISTRIES = (
    "py" + "pi.org",
    "python" + "hosted.org",
    "registry." + "npmjs",
    "index" + "-url",
    "proxy." + "golang",
)
_ELSEWHERE = ("/" + "work/", "../" + "shared", "/" + "home/", "/" + "root/", "/" + "Users/")
FOREIGN = re.compile("|".join(map(re.escape, (*_REGISTRIES, *_ELSEWHERE))))


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone: git does not say what is ours")
def test_nothing_names_a_registry_or_a_place_outside_the_repository() -> None:
    found = []
    for path in files():
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            found += [f"{path.relative_to(ROOT)}:{number}: {hit}" for hit in FOREIGN.findall(line)]
    assert found == []
