"""What every row has: an id, and the ETag that it was read with.

A row that came from the books carries its `etag`; a new one has none. Nothing is ever edited: a change is a new value
made with `dataclasses.replace`, and a changeset says which became which.
"""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Owner:
    """A user or a team: `kind` is `systemuser` or `team`."""

    id: UUID
    kind: str = "systemuser"


@dataclass(frozen=True, kw_only=True)
class Row:
    id: UUID
    etag: str = ""
