"""The page that documents the dialog names every state and every file there is, and no other."""

import re
from pathlib import Path

from tests.dialog.scripted_crm import WEB_RESOURCES
from tests.dialog.situations import SITUATIONS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "dialog.md").read_text()
SOURCES = WEB_RESOURCES / "cfl_"


def documented(section: str) -> list[str]:
    """What the first cells of a section's table name."""
    text = PAGE.split(section, 1)[1].split("\n## ", 1)[0]
    return [
        name
        for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
        for name in re.findall(r"`([^`]+)`", row)
    ]


def test_every_state_is_documented_and_every_one_but_the_first_is_reached() -> None:
    states = documented("## States of the Charge dialog")
    assert set(states) - {"loading"} == {situation.state for situation in SITUATIONS.values()}
    code = "\n".join(path.read_text() for path in SOURCES.glob("*.js"))
    for state in states:
        assert f'"{state}"' in code, f"no script knows the state {state}"


def test_every_file_is_documented() -> None:
    files = {path.name for path in SOURCES.iterdir() if path.suffix in {".js", ".css", ".html"}}
    assert set(documented("# The dialogs")) == files
