"""Which table and column holds what: `mappings/*.toml` as values. The comment at its head tells its language."""

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

FOLDER = Path(__file__).resolve().parents[2] / "mappings"


class MappingError(Exception):
    """A mapping that cannot be used; the message names the file and the place."""


class Column(BaseModel):
    """Where one field is. Exactly one of the first eight is set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    plain: str = ""
    read: str = ""
    lookup: str = ""
    choice: str = ""
    states: dict[str, tuple[int, int]] = Field(default_factory=dict)
    owner: str = ""
    party: str = ""
    formatted: str = ""
    joined: str = ""
    to: str = ""
    values: dict[str, int] = Field(default_factory=dict)
    kinds: dict[str, str] = Field(default_factory=dict)
    also: dict[str, list[tuple[int, int]]] = Field(default_factory=dict)
    rest: dict[int, str] = Field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The logical names of the columns behind the field."""
        if self.states:
            return ("statecode", "statuscode")
        name = self.plain or self.read or self.lookup or self.choice or self.owner or self.party
        return (name,) if name else ()

    @property
    def writable(self) -> bool:
        return not (self.read or self.formatted or self.joined)


class Kind(BaseModel):
    """The table of one kind of row."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: str
    set: str
    id: str
    label: str = ""
    """The column that shows a row's number, filled by the service."""
    columns: dict[str, Column] = Field(default_factory=dict)

    @property
    def column_names(self) -> tuple[str, ...]:
        """Every column of the table that the mapping names, the primary key first."""
        found = dict.fromkeys((self.id, *(name for each in self.columns.values() for name in each.names)))
        return tuple(found)


class Mapping(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    invoice_write: Literal["reactivate", "direct"]
    kinds: dict[str, Kind]

    def __getitem__(self, kind: str) -> Kind:
        return self.kinds[kind]

    def column(self, kind: str, field: str) -> str:
        """The one column that holds a field."""
        return self.kinds[kind].columns[field].names[0]


def load_mapping(name: str, folder: Path = FOLDER) -> Mapping:
    """The mapping of that name. Raises `MappingError`."""
    file = folder / f"{name}.toml"
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = ", ".join(sorted(each.stem for each in folder.glob("*.toml"))) or "none"
        raise MappingError(f"there is no mapping {name!r}; known are: {known}") from None
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"mappings/{name}.toml: {error}") from None
    kinds = {key: value for key, value in content.items() if isinstance(value, dict)}
    for section in kinds.values():
        columns = section.get("columns", {})
        for field, column in columns.items():
            if isinstance(column, str):
                columns[field] = {"plain": column}
    wanted = {"name": name, "invoice_write": content.get("invoice_write", "reactivate"), "kinds": kinds}
    try:
        mapping = Mapping.model_validate(wanted)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(each) for each in first["loc"])
        raise MappingError(f"mappings/{name}.toml: {where}: {first['msg']}") from None
    for kind_name, kind in mapping.kinds.items():
        for field, column in kind.columns.items():
            if column.to and column.to not in mapping.kinds:
                raise MappingError(
                    f"mappings/{name}.toml: {kind_name}.{field}: there is no kind {column.to!r}"
                )
    return mapping
