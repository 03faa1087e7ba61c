"""Files behind the pages: our own scripts and styles, and the solution's web resources."""

import mimetypes
from hashlib import sha256
from pathlib import Path
from xml.etree.ElementTree import fromstring

from sandbox.crm.schema import Schema
from sandbox.wire import Request, Response

STATIC = Path(__file__).parent / "static"
_RESX = 12
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


class Assets:
    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._static = {
            path.name: (path.read_bytes(), _type(path)) for path in sorted(STATIC.iterdir()) if path.is_file()
        }

    def static(self, name: str, request: Request) -> Response | None:
        found = self._static.get(name)
        return None if found is None else _cached(*found, request)

    def script(self, name: str) -> str:
        return self._static[name][0].decode()

    def web_resource(self, name: str, request: Request) -> Response | None:
        found = self._schema.web_resources.get(name)
        return None if found is None else _cached(found.content, found.mime, request)

    def texts(self) -> dict[str, dict[str, str]]:
        """What getResourceString reads: the texts of every RESX web resource, by its name."""
        return {
            resource.name: {
                data.get("name", ""): data.findtext("value") or ""
                for data in fromstring(resource.content).iter("data")  # noqa: S314 - the solution's own file
            }
            for resource in self._schema.web_resources.values()
            if resource.type == _RESX
        }


def _cached(content: bytes, mime: str, request: Request) -> Response:
    """Files change while people work on them: a browser asks each time and is told when nothing changed."""
    tag = f'"{sha256(content).hexdigest()[:20]}"'
    headers = {"content-type": mime, "cache-control": "no-cache", "etag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(304, headers)
    return Response(200, headers, content)


def _type(path: Path) -> str:
    return _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
