"""Reads what a solution builds on its tables: forms, views, ribbon, roles, custom APIs, web resources, app, site map."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

from sandbox.crm.schema import AppModule, CustomApi, Form, Parameter, Role, Schema, SiteMap, View, WebResource

MIME = {
    1: "text/html; charset=utf-8",
    2: "text/css; charset=utf-8",
    3: "text/javascript; charset=utf-8",
    4: "application/xml; charset=utf-8",
    5: "image/png",
    6: "image/jpeg",
    7: "image/gif",
    8: "application/octet-stream",
    9: "application/xml; charset=utf-8",
    10: "image/x-icon",
    11: "image/svg+xml",
    12: "application/xml; charset=utf-8",
}
"""Content type by WebResourceType."""


def read(schema: Schema, folder: Path) -> None:
    """Fill the schema's forms, views, ribbons, roles, custom APIs, web resources, apps and site maps from `folder`."""
    schema.forms = list(_forms(folder))
    schema.views = list(_views(folder))
    schema.ribbons = {
        path.parent.name.lower(): _parse(path) for path in sorted(folder.glob("Entities/*/RibbonDiff.xml"))
    }
    schema.roles = [_role(_parse(path)) for path in sorted(folder.glob("Roles/*.xml"))]
    schema.custom_apis = {
        api.name: api
        for api in (_custom_api(path) for path in sorted(folder.glob("customapis/*/customapi.xml")))
    }
    schema.web_resources = {resource.name: resource for resource in _web_resources(folder)}
    schema.apps = [_app(_parse(path)) for path in sorted(folder.glob("AppModules/*/AppModule.xml"))]
    schema.site_maps = [
        _site_map(_parse(path)) for path in sorted(folder.glob("AppModuleSiteMaps/*/AppModuleSiteMap.xml"))
    ]


def _parse(path: Path) -> Element:
    return ET.parse(path).getroot()  # noqa: S314  the solution is our own source


def _id(text: str | None) -> UUID:
    return UUID((text or "").strip("{}"))


def _label(element: Element | None) -> str:
    return "" if element is None else element.get("description", "")


def _sources(folder: Path, pattern: str) -> Iterator[Path]:
    """Unmanaged sources: `x_managed.xml` is what a managed package would take instead of `x.xml`."""
    return (path for path in sorted(folder.glob(pattern)) if not path.stem.endswith("_managed"))


def _forms(folder: Path) -> Iterator[Form]:
    for path in _sources(folder, "Entities/*/FormXml/*/*.xml"):
        for element in _parse(path).iter("systemform"):
            yield Form(
                id=_id(element.findtext("formid")),
                table=path.parents[2].name.lower(),
                type=path.parent.name,
                name=_label(element.find("LocalizedNames/LocalizedName")),
                xml=element,
            )


def _views(folder: Path) -> Iterator[View]:
    for path in _sources(folder, "Entities/*/SavedQueries/*.xml"):
        for element in _parse(path).iter("savedquery"):
            fetch, layout = element.find("fetchxml/fetch"), element.find("layoutxml/grid")
            if fetch is None:
                continue
            yield View(
                id=_id(element.findtext("savedqueryid")),
                table=path.parents[1].name.lower(),
                name=_label(element.find("LocalizedNames/LocalizedName")),
                query_type=int(element.findtext("querytype") or 0),
                is_default=element.findtext("isdefault") == "1",
                fetch=fetch,
                layout=layout if layout is not None else Element("grid"),
            )


def _role(element: Element) -> Role:
    privileges = {node.get("name", ""): node.get("level", "Basic") for node in element.iter("RolePrivilege")}
    return Role(_id(element.get("id")), element.get("name", ""), privileges)


def _custom_api(path: Path) -> CustomApi:
    element = _parse(path)
    return CustomApi(
        name=element.get("uniquename", ""),
        binding=int(element.findtext("bindingtype") or 0),
        bound_table=element.findtext("boundentitylogicalname") or "",
        step_type=int(element.findtext("allowedcustomprocessingsteptype") or 0),
        is_function=element.findtext("isfunction") == "1",
        is_private=element.findtext("isprivate") == "1",
        privilege=element.findtext("executeprivilegename") or "",
        label=_default(element),
        parameters=tuple(_parameters(path.parent, "customapirequestparameter")),
        properties=tuple(_parameters(path.parent, "customapiresponseproperty")),
    )


def _parameters(folder: Path, kind: str) -> Iterator[Parameter]:
    plural = (
        "customapirequestparameters" if kind == "customapirequestparameter" else "customapiresponseproperties"
    )
    for path in sorted(folder.glob(f"{plural}/*/{kind}.xml")):
        element = _parse(path)
        yield Parameter(
            name=element.get("uniquename", ""),
            type=int(element.findtext("type") or 0),
            optional=element.findtext("isoptional") == "1",
            table=element.findtext("logicalentityname") or "",
            label=_default(element),
        )


def _default(element: Element) -> str:
    label = element.find("displayname")
    return "" if label is None else label.get("default", "")


def _web_resources(folder: Path) -> Iterator[WebResource]:
    for path in sorted(folder.glob("WebResources/**/*.data.xml")):
        element = _parse(path)
        content = path.with_name(path.name.removesuffix(".data.xml"))
        kind = int(element.findtext("WebResourceType") or 0)
        yield WebResource(
            name=element.findtext("Name") or content.relative_to(folder / "WebResources").as_posix(),
            label=element.findtext("DisplayName") or content.name,
            type=kind,
            mime=MIME.get(kind, "application/octet-stream"),
            content=content.read_bytes(),
            dependencies=tuple(_libraries(element.findtext("DependencyXml") or "")),
        )


def _libraries(dependencies: str) -> list[str]:
    if not dependencies:
        return []
    return [node.get("name", "") for node in ET.fromstring(dependencies).iter("Library")]  # noqa: S314  our own source


def _app(element: Element) -> AppModule:
    return AppModule(
        name=element.findtext("UniqueName") or "",
        label=_label(element.find("LocalizedNames/LocalizedName")),
        tables=tuple(
            node.get("schemaName", "").lower()
            for node in element.iter("AppModuleComponent")
            if node.get("type") == "1"
        ),
        role_ids=tuple(_id(node.get("id")) for node in element.iter("Role")),
        xml=element,
    )


def _site_map(element: Element) -> SiteMap:
    inner = element.find("SiteMap")
    return SiteMap(
        element.findtext("SiteMapUniqueName") or "", inner if inner is not None else Element("SiteMap")
    )
