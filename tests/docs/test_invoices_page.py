"""What the page on invoice documents says of deliveries is what the code says."""

from plugins.deliver_invoice import ACTION
from tests.docs.code import calls, texts
from tests.docs.pages import read, rows, spans


def test_every_code_of_a_delivery_is_documented() -> None:
    section = read("docs/invoices.md").split("## Delivering\n", 1)[1].split("\n## ", 1)[0]
    documented = {code for row in rows(section) for code in spans(row[1])}
    endings = {code for call in calls("plugins", "_Ending") for code in texts(call.args[1])}
    assert documented == (endings - {"succeeded"}) | {"reserved"}
    assert f"`{ACTION.name}`" in section
