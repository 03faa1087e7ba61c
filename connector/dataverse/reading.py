"""Asking Dataverse: questions by the mapping, many of them in one batch."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from connector.dataverse.codec import Codec, annotations
from connector.dataverse.fetch import Query
from connector.dataverse.http import Dataverse
from connector.dataverse.mapping import Mapping as TableMapping
from connector.dataverse.odata import Operation, Reply, fetch_xml_query, function, row, with_query
from connector.dataverse.snapshot import Snapshot, translated
from plugins.ports import BooksUnreachable
from plugins.rules.ids import UserId

READ_WITHIN = 20.0
"""Seconds."""


class Reading:
    def __init__(self, dataverse: Dataverse, mapping: TableMapping) -> None:
        self.mapping = mapping
        self.codec = Codec(mapping)
        self._dataverse = dataverse

    def read(self, reads: Mapping[str, Operation]) -> Snapshot:
        with translated(
            conflict=BooksUnreachable
        ):  # a read changes nothing, so there is nothing to clash with
            answers = self._dataverse.batch(list(reads.values()), within=READ_WITHIN, continue_on_error=True)
        replies = {
            name: answer for name, answer in zip(reads, answers, strict=True) if isinstance(answer, Reply)
        }
        return Snapshot(self.codec, replies)

    def one(self, kind: str, key: UUID) -> Operation:
        path = with_query(row(self.mapping[kind].set, key), {"$select": self._selected(kind)})
        return self._asking(kind, path)

    def filtered(self, kind: str, where: str, options: Mapping[str, str] | None = None) -> Operation:
        query = {"$select": self._selected(kind), "$filter": where, **(options or {})}
        return self._asking(kind, with_query(self.mapping[kind].set, query))

    def fetched(self, query: Query) -> Operation:
        path = f"{self.mapping[query.kind].set}?{fetch_xml_query(query.xml)}"
        return self._asking(query.kind, path)

    def all_fetched(self, queries: Iterable[Query]) -> dict[str, Operation]:
        """Several that are collected under one name are told apart by a number."""
        return {
            f"{query.name}#{number}": self.fetched(query) for number, query in enumerate(queries, start=1)
        }

    def currencies(self) -> dict[str, Operation]:
        kind = self.mapping["currency"]
        return {
            "currencies": Operation("GET", with_query(kind.set, {"$select": ",".join(kind.column_names)}))
        }

    def access(self, kind: str, key: UUID, caller: UserId) -> Operation:
        target = {"@odata.id": row(self.mapping[kind].set, key)}
        user = row(self.mapping["user"].set, caller)
        return Operation("GET", function(user, "RetrievePrincipalAccess", {"Target": target}))

    def privileges(self, caller: UserId, names: Sequence[str]) -> Operation:
        user = row(self.mapping["user"].set, caller)
        wanted = {"PrivilegeNames": list(names)}
        return Operation("GET", function(user, "RetrieveUserSetOfPrivilegesByNames", wanted))

    def _asking(self, kind: str, path: str) -> Operation:
        return Operation("GET", path, {"Prefer": annotations(self.mapping[kind])})

    def _selected(self, kind: str) -> str:
        """The mapped columns as a `$select` names them: a lookup by its value."""
        table = self.mapping[kind]
        names = dict.fromkeys([table.id])
        for column in table.columns.values():
            for name in column.names:
                is_lookup = column.lookup or column.owner or column.party
                names[f"_{name}_value" if is_lookup else name] = None
        return ",".join(names)
