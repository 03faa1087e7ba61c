"""What the sandbox offers is what its page says."""

import re
from pathlib import Path
from typing import get_args

from sandbox.faults import Effect
from sandbox.world import World

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "sandbox.md").read_text()


def test_every_control_is_on_the_page(world: World) -> None:
    documented = set(re.findall(r"`(GET|POST) /sandbox/(\w+)", PAGE))
    shared = {"reset", "calls", "clock", "faults", "environment"}
    further = {**world.crm.endpoints(), **world.stripe.controls()}

    assert {name for _, name in documented} == shared | set(further)
    for method, name in documented:
        if name not in shared:
            assert method in further[name]


def test_every_effect_of_a_fault_is_on_the_page() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == set(get_args(Effect))


def test_the_page_names_every_invoice_of_the_story_with_its_customer(world: World) -> None:
    schema, store = world.crm.schema, world.crm.store
    for invoice in store.select(schema.table("invoice")):
        number, customer = str(invoice["invoicenumber"]), str(invoice["billto_name"])
        [line] = [line for line in PAGE.splitlines() if _mentions(line, number)]
        assert customer in line, number


def test_everybody_who_can_sign_in_is_on_the_page(world: World) -> None:
    for person in world.crm.sign_in.people():
        assert f"**{person.login}**" in PAGE


def _mentions(line: str, number: str) -> bool:
    if not line.startswith("| INV-"):
        return False
    first = line.split("|")[1]
    numbers = re.findall(r"INV-(\d+)", first)
    if " to " in first:
        numbers = [str(each) for each in range(int(numbers[0]), int(numbers[1]) + 1)]
    return number.removeprefix("INV-") in numbers
