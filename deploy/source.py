"""The unpacked solution as a folder of XML files: read once, looked at by every check."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, fromstring

FOLDER = Path(__file__).parent / "solution"


@dataclass(frozen=True)
class Problem:
    """Something in the solution that an import would refuse, or that would not work once imported."""

    file: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.text}"


@dataclass
class Document:
    """One XML file, by its path inside the solution."""

    file: str
    root: Element

    def problem(self, text: str) -> Problem:
        return Problem(self.file, text)


@dataclass
class TableSource:
    """An `Entity.xml` with the forms, views and ribbon beside it."""

    document: Document
    forms: list[Document] = field(default_factory=list)
    views: list[Document] = field(default_factory=list)
    ribbon: Document | None = None

    @cached_property
    def name(self) -> str:
        """Logical name."""
        return entity(self.document).get("Name", "").lower()

    @cached_property
    def columns(self) -> dict[str, Element]:
        """`<attribute>` elements by logical name."""
        return {text(each, "LogicalName"): each for each in self.document.root.iter("attribute")}

    @property
    def ours(self) -> bool:
        return self.name.startswith("cfl_")

    @property
    def shell(self) -> bool:
        """A table of the platform that only carries our additions."""
        return not self.ours


@dataclass
class Source:
    """Everything under `deploy/solution`. `unreadable` lists files that are no XML."""

    folder: Path
    unreadable: list[Problem] = field(default_factory=list)

    def document(self, path: Path) -> Document | None:
        file = path.relative_to(self.folder).as_posix()
        try:
            return Document(file, fromstring(path.read_text(encoding="utf-8")))  # noqa: S314 - our own files
        except (ParseError, UnicodeDecodeError) as error:
            self.unreadable.append(Problem(file, f"not well-formed: {error}"))
        except FileNotFoundError:
            self.unreadable.append(Problem(file, "is missing"))
        return None

    def documents(self, pattern: str) -> list[Document]:
        return [found for path in sorted(self.folder.glob(pattern)) if (found := self.document(path))]

    @cached_property
    def tables(self) -> dict[str, TableSource]:
        tables = {}
        for document in self.documents("Entities/*/Entity.xml"):
            home = document.file.removesuffix("/Entity.xml")
            ribbons = self.documents(f"{home}/RibbonDiff.xml")
            table = TableSource(
                document,
                self.documents(f"{home}/FormXml/*/*.xml"),
                self.documents(f"{home}/SavedQueries/*.xml"),
                ribbons[0] if ribbons else None,
            )
            tables[table.name] = table
        return tables

    @cached_property
    def relationships(self) -> dict[str, tuple[Document, Element]]:
        """Bodies by name, each with the file it stands in."""
        return {
            each.get("Name", ""): (document, each)
            for document in self.documents("Other/Relationships/*.xml")
            for each in document.root.iter("EntityRelationship")
        }

    @cached_property
    def manifest(self) -> Document:
        return self.document(self.folder / "Other/Solution.xml") or Document(
            "Other/Solution.xml", Element("none")
        )

    @cached_property
    def roles(self) -> list[Document]:
        return self.documents("Roles/*.xml")

    @cached_property
    def custom_apis(self) -> list[Document]:
        return self.documents("customapis/*/customapi.xml")

    @cached_property
    def apps(self) -> list[Document]:
        return self.documents("AppModules/*/AppModule.xml")

    @cached_property
    def site_maps(self) -> list[Document]:
        return self.documents("AppModuleSiteMaps/*/AppModuleSiteMap.xml")

    @cached_property
    def web_resources(self) -> dict[str, Document]:
        """`.data.xml` documents by the name of the web resource."""
        return {text(each.root, "Name"): each for each in self.documents("WebResources/**/*.data.xml")}

    @cached_property
    def web_files(self) -> dict[str, Path]:
        """The bytes behind the web resources, by name."""
        root = self.folder / "WebResources"
        return {
            path.relative_to(root).as_posix(): path
            for path in sorted(root.rglob("*"))
            if path.is_file() and not path.name.endswith(".data.xml")
        }

    def all_forms(self) -> Iterator[tuple[TableSource, Document]]:
        return ((table, form) for table in self.tables.values() for form in table.forms)

    def all_views(self) -> Iterator[tuple[TableSource, Document]]:
        return ((table, view) for table in self.tables.values() for view in table.views)


def entity(document: Document) -> Element:
    """The `<entity>` of an Entity.xml; an empty one when it is missing."""
    found = document.root.find("EntityInfo/entity")
    return found if found is not None else Element("entity")


def text(element: Element, path: str) -> str:
    """The text at `path`, stripped; empty when there is none."""
    return (element.findtext(path) or "").strip()


def guid(value: str) -> str:
    """An id as written, without braces and in lower case."""
    return value.strip("{} ").lower()
