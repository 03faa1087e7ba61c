"""The manifest, the roles and the custom APIs: everything listed has a source, everything in the folder is listed."""

from collections.abc import Iterator

from deploy.checks import platform
from deploy.source import Document, Problem, Source, guid, text

_TABLE, _CHOICE, _ROLE, _FORM, _WEB, _SITE_MAP, _APP = "1", "9", "20", "60", "61", "62", "80"
_SECTIONS = (
    "Entities", "Roles", "Workflows", "FieldSecurityProfiles", "Templates", "EntityMaps", "EntityRelationships",
    "OrganizationSettings", "optionsets", "WebResources", "CustomControls", "SdkMessageProcessingSteps",
    "ServiceEndpoints", "AppModuleSiteMaps", "AppModules", "EntityDataProviders", "Languages",
)  # fmt: skip
_VERBS = ("Create", "Read", "Write", "Delete", "AppendTo", "Append", "Assign", "Share")
_DEPTHS = {"Basic", "Local", "Deep", "Global"}
_PARAMETER_TYPES = {
    "0": "Boolean", "1": "DateTime", "2": "Decimal", "7": "Integer", "10": "String", "11": "StringArray", "12": "Guid",
}  # fmt: skip
"""What a webhook is told of as a plain value, by the platform's number."""
MARKER = "cfl_may"
"""How the tables are called whose Create privilege is the right to do something; they are empty for ever."""
LEDGER = frozenset({
    "cfl_billingaccount", "cfl_paymenttransaction", "cfl_payment", "cfl_disbursement", "cfl_request", "cfl_accounttransaction",
    "cfl_transactiontax", "cfl_usagerecord", "cfl_usagecreditjob", "cfl_usagecreditjobitem", "cfl_billrun", "cfl_billrunline",
    "cfl_statementrefund", "cfl_statementrefundline", "cfl_chargerun", "cfl_chargerunline",
})  # fmt: skip
WRITER = "Counterfoil Service"


def root_components_match(source: Source) -> Iterator[Problem]:
    """Every component of the manifest has a source, and every source is a component; views ride in their table."""
    listed = {
        (each.get("type", ""), each.get("schemaName") or guid(each.get("id", "")))
        for each in source.manifest.root.iter("RootComponent")
    }
    present = _present(source)
    for kind, name in sorted(listed - present):
        yield source.manifest.problem(f"lists component {name} of type {kind}, which has no source")
    for kind, name in sorted(present - listed):
        yield source.manifest.problem(f"does not list component {name} of type {kind}")


def shells_stay_shells(source: Source) -> Iterator[Problem]:
    """A table of the platform is listed with behavior 2, so that none of its own properties is overwritten."""
    behaviors = {
        each.get("schemaName", ""): each.get("behavior")
        for each in source.manifest.root.iter("RootComponent")
        if each.get("type") == _TABLE
    }
    for table in source.tables.values():
        wanted = "2" if table.shell else "0"
        if behaviors.get(table.name, wanted) != wanted:
            yield source.manifest.problem(f"{table.name} needs behavior {wanted}")
        if table.shell and any(table.document.root.iter("EntitySetName")):
            yield table.document.problem("carries properties of the platform's own table")
    required = {each.get("schemaName") for each in source.manifest.root.iter("Required")}
    if "invoice" in source.tables and "invoice" not in required:
        yield source.manifest.problem("does not name Dynamics 365 Sales as what the invoice needs")


def manifest_names_the_publisher(source: Source) -> Iterator[Problem]:
    publisher = "SolutionManifest/Publisher/"
    for path, wanted in (
        ("SolutionManifest/UniqueName", "Counterfoil"),
        (publisher + "UniqueName", "counterfoil"),
        (publisher + "CustomizationPrefix", "cfl"),
        (publisher + "CustomizationOptionValuePrefix", "72831"),
    ):
        if text(source.manifest.root, path) != wanted:
            yield source.manifest.problem(f"{path} is {text(source.manifest.root, path)!r}, not {wanted!r}")
    version = text(source.manifest.root, "SolutionManifest/Version").split(".")
    if len(version) != 4 or not all(part.isdigit() for part in version):
        yield source.manifest.problem("the version needs four numbers")


def sections_are_in_order(source: Source) -> Iterator[Problem]:
    """The importer reads the sections as a sequence."""
    document = source.document(source.folder / "Other/Customizations.xml")
    if document is not None and tuple(each.tag for each in document.root) != _SECTIONS:
        yield document.problem(f"the sections must be, in this order: {', '.join(_SECTIONS)}")


def privileges_name_tables(source: Source) -> Iterator[Problem]:
    for role in source.roles:
        seen = set()
        if role.root.get("name") != role.file.removeprefix("Roles/").removesuffix(".xml"):
            yield role.problem(f"holds the role {role.root.get('name')}")
        for privilege in role.root.iter("RolePrivilege"):
            name = privilege.get("name", "")
            if name in seen:
                yield role.problem(f"{name} is given twice")
            seen.add(name)
            if not _is_privilege(source, name):
                yield role.problem(f"{name} is no privilege on a table")
            if privilege.get("level") not in _DEPTHS:
                yield role.problem(f"{name} has no depth: {privilege.get('level')}")


def ledger_is_the_service_s_alone(source: Source) -> Iterator[Problem]:
    """Only the add-on writes ledger rows, and nobody deletes them: no form, import or call goes round the rules."""
    for table in sorted(LEDGER - source.tables.keys()):
        yield source.manifest.problem(f"the ledger table {table} is missing")
    for role in source.roles:
        held = {each.get("name", "") for each in role.root.iter("RolePrivilege")}
        for table in sorted(LEDGER):
            if f"prvDelete{table}" in held:
                yield role.problem(f"may delete {table}")
            if role.root.get("name") == WRITER:
                continue
            for verb in ("Create", "Write", "Assign", "Append"):
                if f"prv{verb}{table}" in held:
                    yield role.problem(f"may {verb.lower()} {table}, which is for {WRITER} alone")


def lookups_can_be_filled_in(source: Source) -> Iterator[Problem]:
    """Who may create rows of a table may also point them at others: Append on the table, AppendTo on the other one.

    The service writes every lookup of ours; a person fills in at least the required ones.
    """
    for role in source.roles:
        held = {each.get("name", "").lower() for each in role.root.iter("RolePrivilege")}
        for name, (_, body) in source.relationships.items():
            child, column = (
                text(body, "ReferencingEntityName"),
                text(body, "ReferencingAttributeName").lower(),
            )
            element = source.tables[child.lower()].columns.get(column)
            if f"prvcreate{child.lower()}" not in held or element is None:
                continue
            if role.root.get("name") != WRITER and text(element, "RequiredLevel") != "required":
                continue
            parent = text(body, "ReferencedEntityName").lower()
            parent = platform.PRIVILEGE_NAMES.get(parent, parent)
            for needed in (f"Append{child.lower()}", f"AppendTo{parent}"):
                if f"prv{needed}".lower() not in held:
                    yield role.problem(f"lacks prv{needed}, so {name} cannot be set")


def markers_stay_empty(source: Source) -> Iterator[Problem]:
    """Of a marker table a role may hold Create, for oneself, and nothing else; the service asks for nothing."""
    for role in source.roles:
        for privilege in role.root.iter("RolePrivilege"):
            name = privilege.get("name", "")
            if MARKER not in name:
                continue
            if not name.startswith("prvCreate") or privilege.get("level") != "Basic":
                yield role.problem(f"{name} at {privilege.get('level')} is more than Create at Basic")
            if role.root.get("name") == WRITER:
                yield role.problem(f"{name} is a person's right")


def custom_apis_are_callable(source: Source) -> Iterator[Problem]:
    """Prefix, bound table, privilege and parameters of each; a step may be registered on it."""
    for api in source.custom_apis:
        name = api.root.get("uniquename", "")
        if not name.startswith("cfl_") or api.file != f"customapis/{name}/customapi.xml":
            yield api.problem(f"holds the custom API {name}")
        bound, binding = text(api.root, "boundentitylogicalname"), text(api.root, "bindingtype")
        if (binding == "1") != bool(bound) or (bound and bound not in source.tables):
            yield api.problem(f"binding type {binding} with the table {bound!r}")
        if text(api.root, "allowedcustomprocessingsteptype") != "2":
            yield api.problem("does not allow synchronous steps")
        privilege = text(api.root, "executeprivilegename")
        if not _is_privilege(source, privilege):
            yield api.problem("is not guarded by a privilege that exists")
        elif not privilege.startswith(f"prvCreate{MARKER}"):
            yield api.problem(
                f"is guarded by {privilege}, which is no right to create rows of a marker table"
            )
        yield from _parameter_problems(source, api, name)


def _parameter_problems(source: Source, api: Document, name: str) -> Iterator[Problem]:
    home = f"customapis/{name}/customapirequestparameters"
    parameters = source.documents(f"{home}/*/customapirequestparameter.xml")
    if not any(each.root.get("uniquename") == "RequestKey" for each in parameters):
        yield api.problem("takes no RequestKey, so a repeated call could act twice")
    for parameter in parameters:
        unique = parameter.root.get("uniquename", "")
        if parameter.file != f"{home}/{unique}/customapirequestparameter.xml":
            yield parameter.problem(f"holds the parameter {unique}")
        if text(parameter.root, "type") not in _PARAMETER_TYPES:
            yield parameter.problem(
                f"has the type {text(parameter.root, 'type')}, which is none of {', '.join(_PARAMETER_TYPES.values())}"
            )
        if text(parameter.root, "isoptional") not in {"0", "1"}:
            yield parameter.problem("does not say whether it is optional")
        if text(parameter.root, "name") != f"{name}.{unique}":
            yield parameter.problem(f"has the name {text(parameter.root, 'name')}, not {name}.{unique}")
    if list((source.folder / "customapis" / name).glob("customapiresponseproperties/*")):
        yield api.problem("promises answers, which a webhook cannot give")


def _present(source: Source) -> set[tuple[str, str]]:
    shells = {table.name for table in source.tables.values() if table.shell}
    return {
        *((_TABLE, name) for name in source.tables),
        *((_CHOICE, each.root.get("Name", "")) for each in source.documents("OptionSets/*.xml")),
        *((_ROLE, guid(each.root.get("id", ""))) for each in source.roles),
        *(
            (_FORM, guid(text(form.root, "systemform/formid")))
            for table, form in source.all_forms()
            if table.name in shells
        ),
        *((_WEB, name) for name in source.web_resources),
        *((_SITE_MAP, text(each.root, "SiteMapUniqueName")) for each in source.site_maps),
        *((_APP, text(each.root, "UniqueName")) for each in source.apps),
    }


def _is_privilege(source: Source, name: str) -> bool:
    for verb in _VERBS:
        table = name.removeprefix(f"prv{verb}")
        if table != name and (
            (table in source.tables and table.startswith("cfl_")) or table.lower() in platform.PRIVILEGED
        ):
            return True
    return False
