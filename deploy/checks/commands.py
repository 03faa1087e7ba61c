"""The command bar: what `RibbonDiff.xml` refers to exists, and nothing is defined for nobody."""

import re
from collections import Counter
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from deploy.source import Document, Problem, Source

_CONTROLS = {"Button", "FlyoutAnchor", "SplitButton", "ToggleButton"}
_LABELS, _WEB = "$LocLabels:", "$webresource:"


def ribbons_are_consistent(source: Source) -> Iterator[Problem]:
    """Commands, rules and labels that are used are defined once, and those defined are used."""
    for ribbon in _ribbons(source):
        commands = {each.get("Id", ""): each for each in ribbon.root.iter("CommandDefinition")}
        used_commands = [each.get("Command", "") for each in _controls(ribbon)]
        yield from _resolve(ribbon, "command", used_commands, list(commands))
        for rule in ("EnableRule", "DisplayRule"):
            used = [
                each.get("Id", "")
                for command in commands.values()
                for each in command.findall(f"{rule}s/{rule}")
            ]
            defined = [each.get("Id", "") for each in ribbon.root.findall(f"RuleDefinitions/{rule}s/{rule}")]
            yield from _resolve(ribbon, rule, used, defined)
        labels = [value.removeprefix(_LABELS) for value in _values(ribbon) if value.startswith(_LABELS)]
        titled = [
            each.get("Id", "")
            for each in ribbon.root.findall("LocLabels/LocLabel")
            if list(each.iter("Title"))
        ]
        yield from _resolve(ribbon, "label", labels, titled)


def ribbon_ids_are_ours(source: Source) -> Iterator[Problem]:
    """Ids are unique over all ribbons and begin with our prefix, so no other solution's command is replaced."""
    ids = Counter[str]()
    for ribbon in _ribbons(source):
        holders = [
            *_controls(ribbon),
            *ribbon.root.iter("CustomAction"),
            *ribbon.root.iter("CommandDefinition"),
        ]
        for holder in holders:
            name = holder.get("Id", "")
            ids[name] += 1
            if not name.startswith("cfl."):
                yield ribbon.problem(f"id {name} does not begin with cfl.")
            if ids[name] > 1:
                yield ribbon.problem(f"id {name} is given twice")


def ribbon_scripts_exist(source: Source) -> Iterator[Problem]:
    """Web resources that a ribbon names are in the solution, and the functions it calls are in them."""
    for ribbon in _ribbons(source):
        for value in _values(ribbon):
            if value.startswith(_WEB) and value.removeprefix(_WEB) not in source.web_files:
                yield ribbon.problem(f"there is no web resource {value.removeprefix(_WEB)}")
        for call in (*ribbon.root.iter("JavaScriptFunction"), *ribbon.root.iter("CustomRule")):
            path = source.web_files.get(call.get("Library", "").removeprefix(_WEB))
            function = call.get("FunctionName", "")
            if path is not None and not _defines(path.read_text(encoding="utf-8"), function):
                yield ribbon.problem(f"{call.get('Library')} does not define {function}")


def ribbon_privileges_exist(source: Source) -> Iterator[Problem]:
    for ribbon in _ribbons(source):
        for rule in ribbon.root.iter("EntityPrivilegeRule"):
            if rule.get("EntityName") not in source.tables:
                yield ribbon.problem(
                    f"asks for a privilege on {rule.get('EntityName')}, which does not exist"
                )


def _ribbons(source: Source) -> list[Document]:
    return [table.ribbon for table in source.tables.values() if table.ribbon is not None]


def _controls(ribbon: Document) -> list[Element]:
    return [each for each in ribbon.root.iter() if each.tag in _CONTROLS]


def _values(ribbon: Document) -> list[str]:
    return [value for each in ribbon.root.iter() for value in each.attrib.values()]


def _resolve(ribbon: Document, kind: str, used: list[str], defined: list[str]) -> Iterator[Problem]:
    for name in sorted(set(used) - set(defined)):
        yield ribbon.problem(f"{kind} {name} is used but not defined")
    for name in sorted(set(defined) - set(used)):
        yield ribbon.problem(f"{kind} {name} is defined but not used")
    for name, count in Counter(defined).items():
        if count > 1:
            yield ribbon.problem(f"{kind} {name} is defined twice")


def _defines(script: str, function: str) -> bool:
    """Whether a script builds the namespace `A.B` and gives it a member `c`, for a function `A.B.c`."""
    *spaces, member = function.split(".")
    namespace = re.search(rf"\b{re.escape('.'.join(spaces))}\s*=", script) is not None
    return namespace and re.search(rf"\b{re.escape(member)}\s*(:|=|\()", script) is not None
