"""The rows of the local CRM in SQLite: one real table per Dataverse table, one real column per column.

Money and decimals are whole numbers of their smallest digit, so they sort, compare and add up exactly.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from sandbox.clock import Clock
from sandbox.crm import errors
from sandbox.crm.schema import LOOKUPS, Column, Kind, Row, Schema, Table, Value

MONEY_SCALE = 4
"""The platform keeps money to four decimals, whatever a column shows."""

Stored = int | float | str | None


_VERSION = "versionnumber"


class Store:
    """All rows. Safe to use from several threads: a transaction holds the one lock until it ends.

    `read_only_rule` switches the platform's refusal to change a Paid or Canceled invoice.
    """

    def __init__(self, schema: Schema, clock: Clock, path: Path | None = None) -> None:
        self.schema = schema
        self.clock = clock
        self.read_only_rule = True
        self.lock = threading.RLock()
        self._connection = sqlite3.connect(
            path or ":memory:", isolation_level=None, check_same_thread=False, cached_statements=1024
        )
        self._in_memory = path is None
        if path is not None:  # a commit waits for no disk, and a killed process still leaves a whole database
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
        self._depth = 0
        self._owner = 0
        self._after_commit: list[Callable[[], None]] = []
        self._epochs: dict[str, int] = {}
        self._epoch = 0
        self._names: dict[str, tuple[tuple[int, int], dict[UUID, str]]] = {}
        self._build()

    def close(self) -> None:
        with self.lock:
            self._connection.close()

    # transactions

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Nested ones are savepoints; what `after_commit` collected runs when the outermost one ends."""
        with self.lock:
            depth, pending = self._depth, len(self._after_commit)
            self._connection.execute(f"SAVEPOINT s{depth}" if depth else "BEGIN IMMEDIATE")
            self._depth += 1
            self._owner = threading.get_ident()
            try:
                yield
            except BaseException:
                self._connection.execute(f"ROLLBACK TO s{depth}" if depth else "ROLLBACK")
                del self._after_commit[pending:]
                self._epoch += 1
                raise
            else:
                self._connection.execute(f"RELEASE s{depth}" if depth else "COMMIT")
            finally:
                self._depth = depth
            actions = [] if depth else self._take_actions()
        for action in actions:
            action()

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run `action` once the running transaction is committed, at once without one; never when it is rolled back."""
        if self.in_transaction:
            self._after_commit.append(action)
        else:
            action()

    def _take_actions(self) -> list[Callable[[], None]]:
        actions, self._after_commit = self._after_commit, []
        return actions

    @property
    def in_transaction(self) -> bool:
        """Whether the asking thread has one open; another thread's does not count."""
        return self._depth > 0 and self._owner == threading.get_ident()

    # rows

    def get(self, table: Table, row_id: UUID) -> Row | None:
        rows = self.select(table, {table.primary_key: row_id})
        return rows[0] if rows else None

    def select(
        self, table: Table, equal: Mapping[str, Value] | None = None, *, order: str = "", limit: int = -1
    ) -> list[Row]:
        """Whole rows whose columns have the given values (None: empty). `order`: a column, `-column` for descending."""
        terms, parameters = ["1"], []
        for name, value in (equal or {}).items():
            if value is None:
                terms.append(f'"{name}" IS NULL')
            else:
                terms.append(f'"{name}" = ?')
                parameters.append(self.encode(table, name, value))
        direction = "DESC" if order.startswith("-") else "ASC"
        ordering = f'"{order.lstrip("-")}" {direction}, ' if order else ""
        names, listed = self._all[table.name]
        records = self.sql(
            f'SELECT {listed} FROM "{table.name}" WHERE {" AND ".join(terms)} '
            f'ORDER BY {ordering}"{table.primary_key}" LIMIT {limit}',
            parameters,
        )
        return self.as_rows(table, names, records)

    def as_rows(self, table: Table, names: Sequence[str], records: Iterable[Sequence[Any]]) -> list[Row]:
        """Records of `sql` as rows; `names` are their columns in order."""
        codecs = self._codecs[table.name]
        decoders = [(name, codecs[name].decode) for name in names]
        return [
            {
                name: None if value is None else decode(value)
                for (name, decode), value in zip(decoders, record, strict=True)
            }
            for record in records
        ]

    def sql(self, statement: str, parameters: Sequence[Stored] = ()) -> list[tuple[Any, ...]]:
        """Records of a SELECT as they are stored; `encode` and `decode` translate."""
        try:
            with self.lock:
                return self._connection.execute(statement, parameters).fetchall()
        except sqlite3.OperationalError as error:
            if "too large" in str(error) or "too many" in str(error):
                raise errors.invalid_request(
                    "Number of conditions in query exceeded maximum limit."
                ) from error
            raise

    def insert(self, table: Table, row: Row) -> int:
        """Add a row and return its version; duplicates of the primary or an alternate key raise ApiError 412."""
        version = self._next_version(table)
        stamped = {**row, "versionnumber": version} if version else row
        names = list(stamped)
        values = [self.encode(table, name, stamped[name]) for name in names]
        listed = ", ".join(f'"{name}"' for name in names)
        self._write(
            table, f'INSERT INTO "{table.name}" ({listed}) VALUES ({", ".join("?" * len(names))})', values
        )
        return version

    def update(self, table: Table, row_id: UUID, changes: Row) -> int:
        """Change columns of one row and return its new version."""
        version = self._next_version(table)
        stamped = {**changes, "versionnumber": version} if version else changes
        values = [self.encode(table, name, value) for name, value in stamped.items()]
        listed = ", ".join(f'"{name}" = ?' for name in stamped)
        self._write(
            table,
            f'UPDATE "{table.name}" SET {listed} WHERE "{table.primary_key}" = ?',
            [*values, str(row_id)],
        )
        return version

    def delete(self, table: Table, row_id: UUID) -> None:
        self._write(table, f'DELETE FROM "{table.name}" WHERE "{table.primary_key}" = ?', [str(row_id)])
        if table.change_tracking:
            tombstone: list[Stored] = [self.next_number(_VERSION), table.name, str(row_id)]
            self._write(table, "INSERT INTO sandbox_deleted VALUES (?, ?, ?)", tombstone)

    def deleted_since(self, table: Table, version: int) -> list[UUID]:
        """Rows of a table with change tracking that were deleted after `version` and are still not there."""
        gone = self.sql(
            "SELECT row_id, MAX(version) AS latest FROM sandbox_deleted WHERE table_name = ? AND version > ? "
            f'AND row_id NOT IN (SELECT "{table.primary_key}" FROM "{table.name}") GROUP BY row_id ORDER BY latest',
            [table.name, version],
        )
        return [UUID(row_id) for row_id, _ in gone]

    @property
    def last_version(self) -> int:
        """The version that was given last, to whichever row."""
        found = self.sql("SELECT value FROM sandbox_counter WHERE name = ?", [_VERSION])
        return int(found[0][0]) if found else 0

    def next_number(self, counter: str) -> int:
        """1, 2, 3 … per counter name; for autonumber columns and row versions."""
        with self.lock:
            [(number,)] = self._connection.execute(
                "INSERT INTO sandbox_counter (name, value) VALUES (?, 1) "
                "ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
                [counter],
            ).fetchall()
            return int(number)

    def encode(self, table: Table, name: str, value: Value) -> Stored:
        return None if value is None else self._codecs[table.name][name].encode(value)

    def decode(self, table: Table, name: str, value: Any) -> Value:
        return None if value is None else self._codecs[table.name][name].decode(value)

    # the whole world at once

    def epoch(self, table: Table) -> tuple[int, int]:
        """Changes whenever rows of `table` may have: what was worked out from them is worth keeping until then."""
        return self._epoch, self._epochs.get(table.name, 0)

    def names(self, table: Table, ids: Iterable[UUID]) -> dict[UUID, str]:
        """The primary names of rows, where they have one. Kept until the table changes: every lookup shows one."""
        if not table.primary_name:
            return {}
        epoch = self.epoch(table)
        known_as_of, known = self._names.get(table.name, (None, {}))
        if known_as_of != epoch:
            known = {}
            self._names[table.name] = epoch, known
        missing = [str(one) for one in ids if one not in known]
        if missing:
            for row_id, name in self.sql(
                f'SELECT "{table.primary_key}", "{table.primary_name}" FROM "{table.name}" '
                f'WHERE "{table.primary_key}" IN (SELECT value FROM json_each(?))',
                [json.dumps(missing)],
            ):
                known[UUID(row_id)] = name
        return {one: known[one] for one in ids if known.get(one)}

    def snapshot(self) -> bytes:
        with self.lock:
            image = bytearray(self._connection.serialize())
        image[18:20] = b"\x01\x01"  # no longer in WAL mode, which no database in memory can be
        return bytes(image)

    def restore(self, snapshot: bytes) -> None:
        """By a backup into the open database: deserializing into it would pull it from under prepared statements."""
        with self.lock:
            self._epoch += 1
            memory = sqlite3.connect(":memory:")
            try:
                memory.deserialize(snapshot)
                memory.backup(self._connection)
            finally:
                memory.close()

    # private

    def _write(self, table: Table, statement: str, values: Sequence[Stored]) -> None:
        try:
            with self.lock:
                self._epochs[table.name] = self._epochs.get(table.name, 0) + 1
                self._connection.execute(statement, values)
        except sqlite3.IntegrityError as error:
            raise _duplicate(table, str(error)) from error

    def _next_version(self, table: Table) -> int:
        return self.next_number(_VERSION) if "versionnumber" in table.columns else 0

    def _build(self) -> None:
        """Make what is missing: tables, columns added since the file was written, indexes for keys and lookups."""
        self._codecs = {table.name: _codecs(table) for table in self.schema}
        self._all = {
            name: (tuple(codecs), ", ".join(f'"{column}"' for column in codecs))
            for name, codecs in self._codecs.items()
        }
        execute = self._connection.execute
        execute("BEGIN")
        execute("CREATE TABLE IF NOT EXISTS sandbox_counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL)")
        execute(
            "CREATE TABLE IF NOT EXISTS sandbox_deleted (version INTEGER PRIMARY KEY, table_name TEXT, row_id TEXT)"
        )
        for table in self.schema:
            codecs = self._codecs[table.name]
            declared = ", ".join(
                f'"{name}" {codec.sql_type}{" PRIMARY KEY" if name == table.primary_key else ""}'
                for name, codec in codecs.items()
            )
            execute(f'CREATE TABLE IF NOT EXISTS "{table.name}" ({declared})')
            if not self._in_memory:
                present = {record[1] for record in execute(f'PRAGMA table_info("{table.name}")')}
                for name in codecs.keys() - present:
                    execute(f'ALTER TABLE "{table.name}" ADD COLUMN "{name}" {codecs[name].sql_type}')
            for key in table.keys:
                listed = ", ".join(f'"{name}"' for name in key.columns)
                execute(
                    f'CREATE UNIQUE INDEX IF NOT EXISTS "{table.name}.{key.name}" ON "{table.name}" ({listed})'
                )
        for relationship in self.schema.relationships:
            if relationship.custom:
                execute(
                    f'CREATE INDEX IF NOT EXISTS "{relationship.child}.{relationship.column}" '
                    f'ON "{relationship.child}" ("{relationship.column}")'
                )
        execute("COMMIT")


class _Codec:
    """How one physical column is written to SQLite and read back. NULL is handled before."""

    def __init__(
        self, sql_type: str, encode: Callable[[Any], Stored], decode: Callable[[Any], Value]
    ) -> None:
        self.sql_type = sql_type
        self.encode = encode
        self.decode = decode


def scale_of(column: Column) -> int:
    """How many decimals of a money or decimal column are kept."""
    return MONEY_SCALE if column.kind is Kind.MONEY else column.precision


def _codecs(table: Table) -> dict[str, _Codec]:
    codecs: dict[str, _Codec] = {}
    for column in table.columns.values():
        codecs[column.name] = codec(column)
        if column.polymorphic:
            codecs[column.type_name] = _TEXT
    return codecs


def codec(column: Column) -> _Codec:
    """How the values of a column are stored."""
    if column.kind in LOOKUPS or column.kind is Kind.KEY:
        return _UUID
    if column.kind in {Kind.MONEY, Kind.DECIMAL}:
        return _decimal_codec(scale_of(column))
    if column.kind is Kind.DATETIME:
        return _DATE if column.date_only else _DATETIME
    return _BY_KIND.get(column.kind, _INTEGER)


def _decimal_codec(scale: int) -> _Codec:
    return _Codec(
        "INTEGER", lambda value: int(value.scaleb(scale)), lambda stored: Decimal(stored).scaleb(-scale)
    )


_UUID = _Codec("TEXT", str, lru_cache(maxsize=65_536)(UUID))
_TEXT = _Codec("TEXT COLLATE NOCASE", str, str)
_INTEGER = _Codec("INTEGER", int, int)
_DATE = _Codec("TEXT", lambda value: value.isoformat(), date.fromisoformat)
_DATETIME = _Codec(
    "TEXT",
    lambda value: value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    datetime.fromisoformat,
)
_BY_KIND = {
    Kind.STRING: _TEXT,
    Kind.MEMO: _TEXT,
    Kind.ENTITY_NAME: _TEXT,
    Kind.DOUBLE: _Codec("REAL", float, float),
    Kind.BOOLEAN: _Codec("INTEGER", int, bool),
}


def _duplicate(table: Table, message: str) -> errors.ApiError:
    """SQLite says `UNIQUE constraint failed: account.accountnumber, account.name`."""
    columns = {part.split(".")[-1].strip() for part in message.split(":", 1)[-1].split(",")}
    if columns == {table.primary_key}:
        return errors.duplicate_id()
    key = table.key_of(columns)
    return errors.duplicate_key(key.label or key.name if key else ", ".join(sorted(columns)))
