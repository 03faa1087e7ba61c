"""Copies of the shipping solution that somebody has worked on."""

import shutil
from pathlib import Path

from tests.conftest import SOLUTION

COLUMN = """<attribute PhysicalName="cfl_ponumber"><Type>nvarchar</Type><LogicalName>cfl_ponumber</LogicalName>
<RequiredLevel>none</RequiredLevel><ValidForUpdateApi>1</ValidForUpdateApi><ValidForReadApi>1</ValidForReadApi>
<ValidForCreateApi>1</ValidForCreateApi><IsCustomField>1</IsCustomField><Format>text</Format><MaxLength>20</MaxLength>
<displaynames><displayname description="PO Number" languagecode="1033" /></displaynames></attribute>"""


def copied(folder: Path) -> Path:
    copy = folder / "solution"
    shutil.copytree(SOLUTION, copy)
    return copy


def with_one_more_column(folder: Path, *tables: str) -> Path:
    """The text column `cfl_ponumber`, added to the Entity.xml of these tables."""
    copy = copied(folder)
    for table in tables:
        entity = copy / "Entities" / table / "Entity.xml"
        entity.write_text(entity.read_text().replace("<attributes>", f"<attributes>{COLUMN}", 1))
    return copy
