"""What the checks take for granted about the platform's own tables is what the local CRM knows of them."""

import pytest

from deploy.checks import platform
from sandbox.crm.schema import Schema
from sandbox.crm.security import privilege_name


@pytest.mark.parametrize("table", sorted(platform.COLUMNS))
def test_the_columns_that_forms_and_views_use_exist(schema: Schema, table: str) -> None:
    assert sorted(platform.COLUMNS[table] - schema.table(table).columns.keys()) == []


def test_the_relationships_that_sub_grids_use_exist(schema: Schema) -> None:
    assert {relationship.name for relationship in schema.relationships} >= platform.RELATIONSHIPS


def test_every_privilege_of_the_roles_is_one_that_is_asked_for(schema: Schema) -> None:
    """A misspelt privilege would be granted to nobody's use."""
    verbs = ("Create", "Read", "Write", "Delete", "Append", "AppendTo", "Assign", "Share")
    known = {privilege_name(verb, table).lower() for table in schema for verb in verbs}
    definitions = {
        "entity",
        "attribute",
        "relationship",
        "optionset",
    }  # of metadata, which are no tables here
    known |= {f"prvread{name}" for name in definitions}

    asked = {name.lower() for role in schema.roles for name in role.privileges}

    assert sorted(asked - known) == []
