"""Forms, views, the app and its site map."""

from collections import Counter
from collections.abc import Iterator
from xml.etree.ElementTree import Element, fromstring

from deploy.checks import manifest, platform
from deploy.source import Document, Problem, Source, TableSource, guid, text

_VIEW_KINDS = {"0": "public", "1": "advanced find", "2": "associated", "4": "quick find", "64": "lookup"}


def forms_show_columns(source: Source) -> Iterator[Problem]:
    """Cells name columns of the table, with the control that fits the column's type."""
    for table, form in source.all_forms():
        for control in form.root.iter("control"):
            column = control.get("datafieldname")
            if column is None:
                if control.get("indicationOfSubgrid") != "true" and not _is(control, platform.TIMELINE_CLASS):
                    yield form.problem(f"control {control.get('id')} shows no column")
                continue
            if column not in _columns_of(source, table.name):
                yield form.problem(f"shows {column}, which {table.name} has not")
            if _is(control, platform.QUICK_VIEW_CLASS):
                continue
            element = table.columns.get(column)
            fitting = platform.CONTROL_CLASSES.get(text(element, "Type")) if element is not None else None
            if fitting and guid(control.get("classid", "")).upper() not in fitting:
                yield form.problem(f"control of {column} is not one for {text(element or control, 'Type')}")


def subgrids_resolve(source: Source) -> Iterator[Problem]:
    views = {
        guid(text(view.root, "savedquery/savedqueryid")): table.name for table, view in source.all_views()
    }
    for table, form in source.all_forms():
        for control in form.root.iter("control"):
            parameters = control.find("parameters")
            if control.get("indicationOfSubgrid") != "true" or parameters is None:
                continue
            target, relationship = text(parameters, "TargetEntityType"), text(parameters, "RelationshipName")
            if views.get(guid(text(parameters, "ViewId"))) != target:
                yield form.problem(f"sub-grid {control.get('id')}: its view is none of {target}")
            if relationship in platform.RELATIONSHIPS:
                continue
            known = source.relationships.get(relationship)
            if known is None:
                yield form.problem(f"sub-grid {control.get('id')}: no relationship {relationship}")
            elif not _joins(known[1], table.name, target):
                yield form.problem(f"sub-grid {control.get('id')}: {relationship} leads elsewhere")


def quick_views_resolve(source: Source) -> Iterator[Problem]:
    """A quick view stands on a lookup and shows a quick form of the table that the lookup leads to."""
    quick = {
        guid(text(form.root, "systemform/formid")): table.name
        for table, form in source.all_forms()
        if "/FormXml/quick/" in form.file
    }
    targets = {
        (text(body, "ReferencingEntityName").lower(), text(body, "ReferencingAttributeName")): text(
            body, "ReferencedEntityName"
        ).lower()
        for _, body in source.relationships.values()
    }
    for table, form in source.all_forms():
        for control in (each for each in form.root.iter("control") if _is(each, platform.QUICK_VIEW_CLASS)):
            target = targets.get((table.name, control.get("datafieldname", "")))
            shown = {
                (each.get("entityname"), quick.get(guid(each.text or "")))
                for each in fromstring(text(control, "parameters/QuickForms"))  # noqa: S314 - our own files
            }
            if shown != {(target, target)}:
                yield form.problem(f"quick view {control.get('id')} shows no quick form of {target}")


def views_show_columns(source: Source) -> Iterator[Problem]:
    """Cells, filters and sort columns exist, and what a cell shows is fetched: `column`, or `alias.column` of a link."""
    for table, view in source.all_views():
        fetched = set()
        for asked in (*view.root.iter("entity"), *view.root.iter("link-entity")):
            name, alias = asked.get("name", ""), asked.get("alias")
            own = {each.get("name", "") for each in asked.findall("attribute")}
            fetched |= {f"{alias}.{each}" for each in own} if asked.tag == "link-entity" else own
            conditions = [each for group in asked.findall("filter") for each in group.iter("condition")]
            used = {each.get("attribute", "") for each in (*conditions, *asked.findall("order"))}
            for column in sorted((own | used) - _columns_of(source, name)):
                yield view.problem(f"uses {column}, which {name} has not")
            yield from _link_problems(source, view, asked)
        for column in sorted({each.get("name", "") for each in view.root.iter("cell")} - fetched):
            yield view.problem(f"shows {column} but does not fetch it")
        roots = [each.get("name") for each in view.root.iter("entity")]
        if roots != [table.name]:
            yield view.problem(f"asks for {roots}, not {table.name}")


def tables_have_all_views(source: Source) -> Iterator[Problem]:
    """A table of ours has each kind of view, one of them the default."""
    for table in source.tables.values():
        if table.shell:
            continue
        defaults = Counter(
            text(view.root, "savedquery/querytype")
            for view in table.views
            if text(view.root, "savedquery/isdefault") == "1"
        )
        for kind, label in _VIEW_KINDS.items():
            if defaults[kind] != 1:
                yield table.document.problem(f"has {defaults[kind]} default {label} views, not one")
        if not table.forms:
            yield table.document.problem("has no form")


def quick_find_can_search(source: Source) -> Iterator[Problem]:
    for _, view in source.all_views():
        is_quick_find = text(view.root, "savedquery/querytype") == "4"
        searching = [each for each in view.root.iter("filter") if each.get("isquickfindfields") == "1"]
        if is_quick_find != bool(searching) or is_quick_find != (
            text(view.root, "savedquery/isquickfindquery") == "1"
        ):
            yield view.problem("a quick find view, and no other, says what it searches")


def read_only_columns_are_locked(source: Source) -> Iterator[Problem]:
    """Columns of the ledger tables are written by the add-on alone, so no form offers to type into them."""
    for table, form in source.all_forms():
        if not writes_are_reserved(source, table):
            continue
        for control in form.root.iter("control"):
            if control.get("datafieldname") and control.get("disabled") != "true":
                yield form.problem(f"{control.get('datafieldname')} can be typed into")


def app_shows_what_exists(source: Source) -> Iterator[Problem]:
    forms = {guid(text(form.root, "systemform/formid")) for _, form in source.all_forms()}
    views = {guid(text(view.root, "savedquery/savedqueryid")) for _, view in source.all_views()}
    roles = {guid(role.root.get("id", "")) for role in source.roles}
    site_maps = {text(each.root, "SiteMapUniqueName") for each in source.site_maps}
    for app in source.apps:
        members: set[str] = set()
        for component in app.root.iter("AppModuleComponent"):
            kind, name = component.get("type"), component.get("schemaName") or guid(component.get("id", ""))
            known = {"1": set(source.tables), "26": views, "60": forms, "62": site_maps}.get(
                kind or "", set()
            )
            if name not in known:
                yield app.problem(f"component {name} of type {kind} does not exist")
            members.add(name)
        for role in app.root.iter("Role"):
            if guid(role.get("id", "")) not in roles:
                yield app.problem(f"is given to a role that does not exist: {role.get('id')}")
        for site_map in source.site_maps:
            yield from _site_map_problems(site_map, members)


def writes_are_reserved(source: Source, table: TableSource) -> bool:
    """Whether the add-on alone may create rows of the table: a ledger table."""
    verb = f"prvCreate{table.name}"
    holders = {
        role.root.get("name")
        for role in source.roles
        if any(each.get("name") == verb for each in role.root.iter())
    }
    return table.ours and holders == {manifest.WRITER}


def _is(control: Element, kind: str) -> bool:
    return guid(control.get("classid", "")).upper() == kind


def _site_map_problems(site_map: Document, members: set[str]) -> Iterator[Problem]:
    ids = Counter(
        each.get("Id")
        for tag in ("Area", "Group", "SubArea")
        for each in site_map.root.iter(tag)
        if each.get("Id")
    )
    for name in [name for name, count in ids.items() if count > 1]:
        yield site_map.problem(f"Id {name} is given twice")
    for sub_area in site_map.root.iter("SubArea"):
        if sub_area.get("Entity") not in members:
            yield site_map.problem(f"leads to {sub_area.get('Entity')}, which the app does not include")


def _link_problems(source: Source, view: Document, asked: Element) -> Iterator[Problem]:
    """A link runs over a lookup to the table it leads to, and keeps the rows that point at none."""
    for link in asked.findall("link-entity"):
        child, parent = asked.get("name", ""), link.get("name", "")
        runs = any(
            _joins(body, parent, child) and text(body, "ReferencingAttributeName").lower() == link.get("to")
            for _, body in source.relationships.values()
        )
        if not runs or link.get("from") != f"{parent}id":
            yield view.problem(f"links {child}.{link.get('to')} to {parent}, where no lookup leads")
        if link.get("link-type") != "outer":
            yield view.problem(f"hides the rows whose {link.get('to')} is empty")


def _joins(relationship: Element, parent: str, child: str) -> bool:
    return (
        text(relationship, "ReferencedEntityName").lower() == parent
        and text(relationship, "ReferencingEntityName").lower() == child
    )


def _columns_of(source: Source, table: str) -> set[str]:
    own = source.tables[table].columns if table in source.tables else ()
    return {*own, *platform.COLUMNS.get(table, ()), *platform.SYSTEM_COLUMNS}
