"""The rows of the doctor's table in docs/operating.md: check, how to break it, what it says. Each row is a test."""

import re
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "operating.md"


def documented() -> set[tuple[str, str, str]]:
    """`(check, how to break it, what it says)`, without the backticks."""
    table = DOCUMENT.read_text().partition("## The doctor")[2]
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", table, re.MULTILINE)
    return {(check, how.replace("`", ""), says.replace("`", "")) for check, how, says in rows[1:]}
