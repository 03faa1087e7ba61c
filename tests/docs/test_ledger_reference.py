"""What the pages on the ledger, on runs and on profiles say of refusals is what the code says, in its own words."""

import pytest

from tests.docs.code import calls, texts
from tests.docs.pages import read, rows, spans

PAGES = ("docs/ledger.md", "docs/runs.md", "docs/charging.md", "docs/profiles.md")


def refusals() -> dict[str, list[str]]:
    """Codes with their sentences; those that are put together elsewhere are found by hand below."""
    found: dict[str, list[str]] = {}
    for call in calls("plugins", "Refused"):
        for code in texts(call.args[0]):
            found.setdefault(code, []).extend(texts(call.args[1]))
    return found


def documented() -> dict[str, str]:
    """What the tables of refusals say of each code, on all pages together."""
    found: dict[str, str] = {}
    for page in PAGES:
        section = read(page).split("## Refusals\n", 1)[1].split("\n## ", 1)[0]
        for row in rows(section):
            for code in spans(row[0]):
                found[code] = f"{found.get(code, '')} {' '.join(row[1:])}"
    return found


@pytest.mark.parametrize("code", sorted(refusals()))
def test_every_refusal_is_documented_in_its_own_words(code: str) -> None:
    said = documented().get(code, "")
    assert [sentence for sentence in refusals()[code] if sentence not in said] == []


def test_nothing_else_is_documented() -> None:
    ledger = read("docs/ledger.md").split("## Refusals\n", 1)[1]
    codes = {code for row in rows(ledger) for code in spans(row[0])}
    choices = [call for call in calls("plugins", "_place") if len(call.args) == 4]
    chosen = {code for call in choices for code in texts(call.args[2])}
    assert codes - chosen <= set(refusals())
    assert chosen <= documented().keys()
