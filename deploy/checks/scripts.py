"""Web resources: what Dataverse's strict Content-Security-Policy and its solution checker would refuse."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import PurePosixPath

from deploy.source import Problem, Source, guid, text

_TYPES = {
    ".html": "1", ".css": "2", ".js": "3", ".xml": "4", ".png": "5", ".jpg": "6", ".gif": "7", ".ico": "10", ".svg": "11",
    ".resx": "12",
}  # fmt: skip
_PLATFORM_SCRIPT = "ClientGlobalContext.js.aspx"
_FORBIDDEN = {
    r"\?\.(?!\d)": "?. is newer than ES2018",
    r"\?\?": "?? is newer than ES2018",
    r"\beval\s*\(|\bnew\s+Function\b": "evaluates text",
    r"\b(inner|outer)HTML\b|\bdocument\.write\b|\binsertAdjacentHTML\b": "builds HTML from text",
    r"(?<![\w.])(alert|confirm|prompt)\s*\(|\bwindow\.(alert|confirm|prompt)\b": "opens a browser dialog",
    r"\bconsole\.|\bdebugger\b": "is left over from debugging",
    r"\bwindow\.top\b|\btop\.Xrm\b": "reaches for the outermost window",
}
_COMMENTS_AND_TEXTS = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)


def web_resources_have_files(source: Source) -> Iterator[Problem]:
    """Each file has its `.data.xml` and the other way round; name, type and packed file name fit."""
    for name in sorted(source.web_files.keys() - source.web_resources.keys()):
        yield Problem(f"WebResources/{name}", "has no .data.xml")
    for name, data in source.web_resources.items():
        if name not in source.web_files or data.file != f"WebResources/{name}.data.xml":
            yield data.problem(f"there is no file for {name}")
        if not name.startswith("cfl_/"):
            yield data.problem(f"the name {name} does not begin with cfl_/")
        if text(data.root, "WebResourceType") != _TYPES.get(PurePosixPath(name).suffix):
            yield data.problem(f"type {text(data.root, 'WebResourceType')} is not that of {name}")
        identity = guid(text(data.root, "WebResourceId"))
        packed = f"/WebResources/{name.replace('/', '').replace('.', '')}{identity.upper()}"
        if text(data.root, "FileName") != packed:
            yield data.problem(f"FileName is not {packed}")
        for library in re.findall(r'<Library name="([^"]*)"', text(data.root, "DependencyXml")):
            if library not in source.web_files:
                yield data.problem(f"depends on {library}, which does not exist")


def pages_have_nothing_inline(source: Source) -> Iterator[Problem]:
    """No inline script, handler or `javascript:` address; what a page loads is a file beside it."""
    for name, path in source.web_files.items():
        if path.suffix != ".html":
            continue
        page = _Page()
        page.feed(path.read_text(encoding="utf-8"))
        for problem in page.problems:
            yield Problem(f"WebResources/{name}", problem)
        for reference in page.references:
            wanted = (path.parent / reference).resolve()
            if wanted.name != _PLATFORM_SCRIPT and not wanted.is_file():
                yield Problem(f"WebResources/{name}", f"loads {reference}, which does not exist")


def scripts_are_acceptable(source: Source) -> Iterator[Problem]:
    for name, path in source.web_files.items():
        if path.suffix != ".js":
            continue
        script = path.read_text(encoding="utf-8")
        code = _COMMENTS_AND_TEXTS.sub('""', script)
        if '"use strict"' not in script:
            yield Problem(f"WebResources/{name}", 'lacks "use strict"')
        for pattern, complaint in _FORBIDDEN.items():
            found = re.search(pattern, code)
            if found:
                line = code.count("\n", 0, found.start()) + 1
                yield Problem(
                    f"WebResources/{name}", f"{found.group().strip()} {complaint} (near line {line})"
                )


class _Page(HTMLParser):
    """Collects what a strict policy forbids and what the page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []
        self.references: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._inside = tag
        for name, value in given.items():
            if name.startswith("on"):
                self.problems.append(f"<{tag}> has an inline handler {name}")
            if (value or "").strip().lower().startswith("javascript:"):
                self.problems.append(f"<{tag}> has a javascript: address")
        reference = given.get("src") or (given.get("href") if tag == "link" else None)
        if reference and re.match(r"(?i)[a-z]+:|//", reference):
            self.problems.append(f"<{tag}> loads from another place: {reference}")
        elif reference:
            self.references.append(reference)

    def handle_data(self, data: str) -> None:
        if self._inside == "script" and data.strip():
            self.problems.append("has an inline script")

    def handle_endtag(self, _tag: str) -> None:
        self._inside = ""
