"""The documentation as data: its pages, tables, code, links and headings."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_NOT_OURS = {".git", ".venv", "build", "node_modules", ".hypothesis"}


def pages() -> list[Path]:
    """Every Markdown page of the repository."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def everything() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in pages())


def tables(text: str) -> list[list[list[str]]]:
    """Each table of a page as rows of cells, without its heading."""
    found: list[list[list[str]]] = []
    for block in re.findall(r"(?:^\|.*\|\n)+", text + "\n", re.MULTILINE):
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
        found.append(rows[2:])
    return found


def rows(text: str) -> list[list[str]]:
    return [row for table in tables(text) for row in table]


def spans(text: str) -> list[str]:
    """What is set as code within a line."""
    return re.findall(r"`([^`\n]+)`", text)


def blocks(text: str) -> list[str]:
    """The lines of fenced code that are commands: those of blocks marked `sh`."""
    return [
        line.strip()
        for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
        if line.strip() and not line.startswith("#")
    ]


def links(text: str) -> list[str]:
    """Where links and pictures lead."""
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text))


def anchors(text: str) -> set[str]:
    """What `#…` can name on a page, as GitHub makes it from headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def files() -> Iterator[Path]:
    """Every text file of the repository that is somebody's work."""
    for path in sorted(ROOT.rglob("*")):
        inside = path.relative_to(ROOT).parts
        hidden = any(part in _NOT_OURS or part.endswith(("_cache", "__pycache__")) for part in inside)
        if path.is_file() and not hidden and inside[-1] != ".coverage" and b"\0" not in path.read_bytes():
            yield path
