"""Identities: unique within the solution, and fixed for ever once recorded.

An import matches components by id and choices by number: a changed one is a deletion and a new component, which
loses what customers hung on it.
"""

import json
from collections import Counter
from collections.abc import Iterator
from uuid import UUID

from deploy.source import Problem, Source, guid, text

RECORD = "identities.json"
"""Beside the solution folder: every identity that was ever given, by what it belongs to."""

_ID_ATTRIBUTES = {"tab": "id", "section": "id", "cell": "id", "header": "id", "LookupType": "id"}


def ids_are_unique(source: Source) -> Iterator[Problem]:
    given = Counter[str]()
    for file, value in _all_ids(source):
        try:
            UUID(value)
        except ValueError:
            yield Problem(file, f"{value!r} is no id")
        given[value] += 1
        if given[value] == 2:
            yield Problem(file, f"the id {value} is given twice")


def files_carry_their_id(source: Source) -> Iterator[Problem]:
    for path, pairs in (
        ("systemform/formid", source.all_forms()),
        ("savedquery/savedqueryid", source.all_views()),
    ):
        for _, document in pairs:
            if document.file.rsplit("/", 1)[1] != f"{{{guid(text(document.root, path))}}}.xml":
                yield document.problem(f"holds {text(document.root, path)}")


def identities_never_change(source: Source) -> Iterator[Problem]:
    """Every recorded identity is still what it was, and every new one is recorded."""
    path = source.folder.parent / RECORD
    recorded: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    now = identities(source)
    for name, value in recorded.items():
        if name not in now:
            yield Problem(RECORD, f"{name} is gone: removing a component needs an upgrade, not an update")
        elif now[name] != value:
            yield Problem(RECORD, f"{name} was {value} and is now {now[name]}: identities are fixed for ever")
    for name in now.keys() - recorded.keys():
        yield Problem(RECORD, f"{name} is not recorded yet: python -m deploy.check --record")


def record(source: Source) -> None:
    """Writes down the identities of today."""
    path = source.folder.parent / RECORD
    path.write_text(json.dumps(identities(source), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def identities(source: Source) -> dict[str, str]:
    """What must never change, by what it belongs to."""
    known = {f"role {role.root.get('name')}": guid(role.root.get("id", "")) for role in source.roles}
    for table, form in source.all_forms():
        label = form.root.find("systemform/LocalizedNames/LocalizedName")
        known[f"form {table.name} {label.get('description') if label is not None else ''}"] = guid(
            text(form.root, "systemform/formid")
        )
    for table, view in source.all_views():
        label = view.root.find("savedquery/LocalizedNames/LocalizedName")
        known[f"view {table.name} {label.get('description') if label is not None else ''}"] = guid(
            text(view.root, "savedquery/savedqueryid")
        )
    for name, data in source.web_resources.items():
        known[f"web resource {name}"] = guid(text(data.root, "WebResourceId"))
    for table in source.tables.values():
        for name, column in table.columns.items():
            known[f"column {table.name}.{name}"] = text(column, "Type")
            for option in (each for each in column.iter() if each.tag in {"option", "status"}):
                label = option.find("labels/label")
                meaning = label.get("description", "") if label is not None else ""
                known[f"choice {table.name}.{name} {option.get('value')}"] = meaning
        for key in table.document.root.iter("EntityKey"):
            known[f"key {table.name} {text(key, 'LogicalName')}"] = ", ".join(
                each.text or "" for each in key.iter("AttributeName")
            )
    for parameter in source.documents("customapis/*/*/*/customapirequestparameter.xml"):
        known[f"parameter {text(parameter.root, 'name')}"] = (
            f"type {text(parameter.root, 'type')}, optional {text(parameter.root, 'isoptional')}"
        )
    return known


def _all_ids(source: Source) -> Iterator[tuple[str, str]]:
    for role in source.roles:
        yield role.file, guid(role.root.get("id", ""))
    for data in source.web_resources.values():
        yield data.file, guid(text(data.root, "WebResourceId"))
    for _, view in source.all_views():
        yield view.file, guid(text(view.root, "savedquery/savedqueryid"))
    for _, form in source.all_forms():
        yield form.file, guid(text(form.root, "systemform/formid"))
        for element in form.root.iter():
            attribute = _ID_ATTRIBUTES.get(element.tag)
            if attribute:
                yield form.file, guid(element.get(attribute, ""))
            if element.get("uniqueid"):
                yield form.file, guid(element.get("uniqueid", ""))
