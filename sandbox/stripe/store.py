"""Where the local Stripe keeps its objects: SQLite, in memory unless a file is given."""

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, object TEXT NOT NULL, created INTEGER NOT NULL,
    body TEXT NOT NULL, hidden TEXT NOT NULL DEFAULT '{}');
CREATE INDEX IF NOT EXISTS by_time ON objects (object, created, seq);
CREATE INDEX IF NOT EXISTS by_customer ON objects (json_extract(body, '$.customer'));
CREATE INDEX IF NOT EXISTS by_intent ON objects (json_extract(body, '$.payment_intent'));
CREATE TABLE IF NOT EXISTS keys (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, claimed_at INTEGER NOT NULL, request TEXT NOT NULL,
    status INTEGER, body BLOB);
CREATE TABLE IF NOT EXISTS later (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, what TEXT NOT NULL, id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    event TEXT NOT NULL, endpoint TEXT NOT NULL, next_at INTEGER, attempts INTEGER NOT NULL DEFAULT 0,
    delivered INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (event, endpoint));
"""


@dataclass(frozen=True)
class Stored:
    """An object as the API shows it, and what the stand-in alone knows about it."""

    seq: int
    body: dict[str, Any]
    hidden: dict[str, Any]


class Store:
    """Objects, idempotency keys, things that happen later and webhook deliveries. Every use is inside `transaction`."""

    def __init__(self, file: Path | None = None) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(file or ":memory:", check_same_thread=False, isolation_level=None)
        self._connection.executescript("PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF;" + _SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and one at a time."""
        with self._lock:
            self._connection.execute("BEGIN")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def execute(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, values).fetchall()

    def add(self, body: Mapping[str, Any], hidden: Mapping[str, Any] | None = None) -> None:
        self.execute(
            "INSERT INTO objects (id, object, created, body, hidden) VALUES (?, ?, ?, ?, ?)",
            (body["id"], body["object"], body["created"], json.dumps(body), json.dumps(hidden or {})),
        )

    def save(self, body: Mapping[str, Any]) -> None:
        self.execute("UPDATE objects SET body = ? WHERE id = ?", (json.dumps(body), body["id"]))

    def hide(self, identifier: str, **facts: Any) -> None:
        """Adds to what the stand-in alone knows about an object."""
        self.execute(
            "UPDATE objects SET hidden = json_patch(hidden, ?) WHERE id = ?", (json.dumps(facts), identifier)
        )

    def remove(self, identifier: str) -> None:
        self.execute("DELETE FROM objects WHERE id = ?", (identifier,))

    def get(self, identifier: str, object_name: str | None = None) -> Stored | None:
        rows = self.select(
            "id = :id AND (:object IS NULL OR object = :object)", id=identifier, object=object_name
        )
        return rows[0] if rows else None

    def select(
        self, where: str, order: str = "created DESC, seq DESC", limit: int = -1, **values: Any
    ) -> list[Stored]:
        rows = self.execute(
            f"SELECT seq, body, hidden FROM objects WHERE {where} ORDER BY {order} LIMIT :limit",
            {**values, "limit": limit},
        )
        return [Stored(seq, json.loads(body), json.loads(hidden)) for seq, body, hidden in rows]

    def snapshot(self) -> "Snapshot":
        with self._lock:
            copy = sqlite3.connect(":memory:", check_same_thread=False)
            self._connection.backup(copy)
            return Snapshot(copy)

    def restore(self, snapshot: "Snapshot", keep: str) -> None:
        """Back to the snapshot, except for the objects named `keep`, which stay as they are now."""
        with self._lock:
            kept = self.execute(
                "SELECT id, object, created, body, hidden FROM objects WHERE object = ?", (keep,)
            )
            snapshot.connection.backup(self._connection)
            with self.transaction():
                self.execute("DELETE FROM objects WHERE object = ?", (keep,))
                for row in kept:
                    self.execute(
                        "INSERT INTO objects (id, object, created, body, hidden) VALUES (?, ?, ?, ?, ?)", row
                    )

    def close(self) -> None:
        with self._lock:
            self._connection.close()


@dataclass(frozen=True)
class Snapshot:
    """A copy of a whole store."""

    connection: sqlite3.Connection
