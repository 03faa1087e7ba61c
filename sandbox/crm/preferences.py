"""The Prefer header: what the client would like to see in the answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

MAX_PAGE = 5000
FORMATTED = "OData.Community.Display.V1.FormattedValue"
LOOKUP_TABLE = "Microsoft.Dynamics.CRM.lookuplogicalname"
LOOKUP_NAVIGATION = "Microsoft.Dynamics.CRM.associatednavigationproperty"
TOTAL = "Microsoft.Dynamics.CRM.totalrecordcount"


@dataclass(frozen=True)
class Preferences:
    representation: bool = False
    continue_on_error: bool = False
    track_changes: bool = False
    page_size: int | None = None
    annotations: tuple[str, ...] = ()
    """Patterns of annotation names, such as `*`."""

    def wants(self, annotation: str) -> bool:
        return any(fnmatchcase(annotation, pattern) for pattern in self.annotations)

    @property
    def applied(self) -> dict[str, str]:
        """The Preference-Applied header."""
        parts = []
        if self.representation:
            parts.append("return=representation")
        if self.track_changes:
            parts.append("odata.track-changes")
        if self.page_size is not None:
            parts.append(f"odata.maxpagesize={self.page_size}")
        if self.annotations:
            parts.append(f'odata.include-annotations="{",".join(self.annotations)}"')
        return {"preference-applied": ",".join(parts)} if parts else {}


def read_preferences(headers: Mapping[str, str]) -> Preferences:
    return _read(headers.get("prefer", ""))


@lru_cache(maxsize=256)
def _read(text: str) -> Preferences:
    given: dict[str, str] = {}
    for part in _parts(text):
        name, _, value = part.partition("=")
        given[name.strip().lower()] = value.strip().strip('"')
    size = given.get("odata.maxpagesize", given.get("maxpagesize", ""))
    patterns = given.get("odata.include-annotations", "")
    return Preferences(
        representation=given.get("return") == "representation",
        continue_on_error="odata.continue-on-error" in given,
        track_changes="odata.track-changes" in given,
        page_size=max(1, min(MAX_PAGE, int(size))) if size.isdigit() else None,
        annotations=tuple(pattern.strip() for pattern in patterns.split(",") if pattern.strip()),
    )


def _parts(text: str) -> list[str]:
    """Split at commas outside of quotes."""
    parts, quoted = [""], False
    for character in text:
        if character == '"':
            quoted = not quoted
        if character in ",;" and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    return [part for part in parts if part.strip()]
