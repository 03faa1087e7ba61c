"""What the documentation says about settings, commands, codes and the sandbox is what the code has, no less and no more."""

import ast
import re
from itertools import chain

import pytest
import typer

from connector import cli
from connector.settings import ENV_FILE, PREFIX, Settings, load
from plugins.ports import IntentStatus, RefundStatus
from plugins.rules.payment_link import OPEN, WITHDRAWN
from sandbox.__main__ import _parser
from tests.docs.code import calls, texts
from tests.docs.pages import ROOT, anchors, blocks, everything, read, rows, spans

CHARGING = read("docs/charging.md")
SHARED = {"not_received", "books_not_readable", "books_not_writable", "processor_unreachable"}
"""Refusals that charges share with everything else."""


# --- Settings ------------------------------------------------------------------------------------------------------


def test_every_setting_is_documented_and_nothing_else_is() -> None:
    documented = {name for name in anchors(read("docs/settings.md")) if name.startswith(PREFIX.lower())}
    ours = {PREFIX.lower() + name for name in Settings.model_fields} | {ENV_FILE.lower()}
    assert documented == ours


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_documented_default_is_the_real_one(name: str) -> None:
    section = read("docs/settings.md").split(f"### {PREFIX}{name.upper()}\n", 1)[1].split("\n#", 1)[0]
    field = Settings.model_fields[name]
    said = re.search(r"^Default: (.*)$", section, re.MULTILINE)
    if field.is_required():
        assert "Required." in section
    elif field.default in {None, ""}:
        assert said is None
    else:
        assert said
        assert f"`{field.default}`" in said[1]


def test_the_examples_of_settings_are_taken() -> None:
    examples = dict(re.findall(rf"^Example: `({PREFIX}\w+)=(.*)`$", read("docs/settings.md"), re.MULTILINE))
    assert set(examples) == {PREFIX + name.upper() for name in Settings.model_fields}
    files = {PREFIX + name for name in ("CLIENT_CERTIFICATE", "CA_BUNDLE", "CLOCK_FILE")}
    load(
        {name: value for name, value in examples.items() if name not in files | {f"{PREFIX}MANAGED_IDENTITY"}}
    )


# --- Commands ------------------------------------------------------------------------------------------------------


COMMANDS = typer.main.get_group(cli.app).commands


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_documented(name: str) -> None:
    text = everything()
    assert f"python -m connector {name}" in text
    section = read("docs/commands.md").split(f"## {name}\n", 1)[1].split("\n## ", 1)[0]
    for parameter in COMMANDS[name].params:
        assert parameter.opts[0] in chain(*(each.split() for each in spans(section))), (
            f"{name} {parameter.opts[0]}"
        )


def test_every_option_of_the_sandbox_is_documented() -> None:
    options = {option for action in _parser()._actions for option in action.option_strings} - {"-h", "--help"}
    said = set(re.findall(r"--[a-z][a-z-]*", read("docs/sandbox.md")))
    assert options <= said


def test_commands_that_are_shown_exist() -> None:
    makefile = read("Makefile")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    shown = [line for line in blocks(everything()) if line.startswith("make ")]
    assert {line.split()[1] for line in shown} <= targets
    for module, name in re.findall(
        r"python -m (connector|sandbox|deploy\.check|tests\.\w+)(?: (\w+))?", everything()
    ):
        where = ROOT / module.replace(".", "/")
        assert where.with_suffix(".py").is_file() or (where / "__main__.py").is_file(), module
        assert module != "connector" or not name or name in COMMANDS, f"{module} {name}"


def test_the_readme_shows_the_makefiles_two_commands() -> None:
    shown = [line for line in blocks(read("README.md")) if line.startswith("make ")]
    assert shown == ["make demo", "make test"]
    assert all(f"#   {line}" in read("Makefile") for line in shown)


def test_every_target_of_the_makefile_is_documented() -> None:
    [phony] = re.findall(r"^\.PHONY: (.*)$", read("Makefile"), re.MULTILINE)
    assert [target for target in phony.split() if f"make {target}" not in everything()] == []


# --- Codes ---------------------------------------------------------------------------------------------------------


def refusals() -> dict[str, list[str]]:
    """The codes that refuse a charge, with their sentences; what the payment processor refuses has codes of its own."""
    found: dict[str, list[str]] = {}
    for call in calls("plugins", "ChargeRefused"):
        for code in texts(call.args[0]):
            found.setdefault(code, []).extend(texts(call.args[1]))
    return found


def in_a_row() -> set[str]:
    """The codes that a request row can have beside the refusals."""
    found = {code for call in calls("plugins", "Ending") for code in texts(_argument(call, 0, "code"))}
    found |= {code for call in calls("plugins", "Answer") for code in texts(_argument(call, 1, "code"))}
    found |= {
        code for call in calls("plugins", "Request", "replace") for code in texts(_argument(call, 99, "code"))
    }
    return found | {OPEN, WITHDRAWN}


def without_a_row() -> set[str]:
    """The codes of calls that cannot be answered in a row."""
    codes = [*calls("plugins", "__init__"), *calls("connector", "CallError")]
    every = (code for call in codes if call.args for code in texts(call.args[0]))
    return {code for code in every if re.fullmatch(r"[a-z_]+", code)}


def _argument(call: ast.Call, position: int, name: str) -> ast.expr:
    named = [each.value for each in call.keywords if each.arg == name]
    if named:
        return named[0]
    return call.args[position] if len(call.args) > position else ast.Constant(None)


def section(title: str) -> str:
    return CHARGING.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def first_cells(text: str) -> set[str]:
    return {code for row in rows(text) for code in spans(row[0])}


def test_every_refusal_is_documented_and_nothing_else_is() -> None:
    assert first_cells(section("Refusals")) == set(refusals()) | SHARED


@pytest.mark.parametrize("code", refusals())
def test_refusals_are_documented_in_their_own_words(code: str) -> None:
    lines = [" ".join(row) for row in rows(section("Refusals")) if code in spans(row[0])]
    missing = [sentence for sentence in refusals()[code] if not any(sentence in line for line in lines)]
    assert missing == []


def test_every_code_of_a_request_is_documented_and_nothing_else_is() -> None:
    assert first_cells(section("Codes of a request")) == in_a_row()


def test_calls_that_leave_no_row_are_documented() -> None:
    assert first_cells(section("Calls that leave no row")) == without_a_row()


def test_every_alert_is_documented() -> None:
    codes = {
        code
        for folder in ("plugins", "connector")
        for call in calls(folder, "alert")
        for code in texts(call.args[0])
    }
    assert codes - {"wrong_environment"} == first_cells(section("Alerts")) - {"wrong_environment"}


def test_every_state_of_an_intent_and_of_a_refund_has_a_verdict() -> None:
    assert first_cells(section("Verdicts")) == {status.value for status in IntentStatus}
    assert first_cells(section("Verdicts on refunds")) == {status.value for status in RefundStatus}
