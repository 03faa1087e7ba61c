"""docs/operating.md names everything that an operator meets."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from connector.cli import app
from connector.metrics import Metrics
from connector.settings import ENV_FILE, PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "operating.md").read_text()
DOORS = [
    ROOT / "connector" / name for name in ("web.py", "dataverse/context.py", "stripe/events.py", "app.py")
]


@pytest.mark.parametrize("setting", [ENV_FILE, *(PREFIX + name.upper() for name in Settings.model_fields)])
def test_every_setting_is_documented(setting: str) -> None:
    assert f"`{setting}`" in TEXT


def test_every_setting_that_is_documented_exists() -> None:
    named = set(re.findall(rf"`({PREFIX}\w+)", TEXT))
    assert named <= {ENV_FILE, *(PREFIX + name.upper() for name in Settings.model_fields)}


def test_every_command_is_documented() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]  # typer makes a group of it
    assert {f"python -m connector {name}" for name in commands} <= set(
        re.findall(r"`(python -m connector \w+)`", TEXT)
    )


def test_every_code_with_which_a_request_is_turned_away_is_documented() -> None:
    given = r'(?:Turned|ContextRefused)\(\s*\d+,\s*"(\w+)"|(?:EventRefused|CallError)\(\s*"(\w+)"'
    codes = {one or other for path in DOORS for one, other in re.findall(given, path.read_text())}
    assert len(codes) >= 10
    assert {code for code in codes if f"`{code}`" not in TEXT} == set()


def test_every_number_is_documented() -> None:
    names = set(
        re.findall(rb"^# TYPE (\w+?)(?:_total)? (?:counter|histogram)", Metrics().text(), re.MULTILINE)
    )
    assert names
    assert {name.decode() for name in names if f"`{name.decode()}" not in TEXT} == set()
