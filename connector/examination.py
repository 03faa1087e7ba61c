"""The examination of the books: every invariant over every row, as the CRM holds them now."""

from collections.abc import Mapping

from connector.app import open_dataverse
from connector.dataverse.mapping import load_mapping
from connector.dataverse.whole import read_whole
from connector.metrics import Metrics
from connector.settings import Settings
from plugins.rules.checks import problems


def examine_books(settings: Settings) -> tuple[Mapping[str, int], list[str]]:
    """How many rows were looked at, and everything that is wrong. Raises `MappingError` and the errors of `odata.py`.

    Rows are read table by table, so a problem found while others were writing is looked at once more.
    """
    dataverse = open_dataverse(settings, Metrics())
    mapping = load_mapping(settings.mapping)
    books, unreadable = read_whole(dataverse, mapping)
    found = problems(books)
    if found:
        books, unreadable = read_whole(dataverse, mapping)
        still = set(problems(books))
        found = [each for each in found if each in still]
    counts = {
        "ledgers": len(books.ledgers),
        "invoices": len(books.invoices),
        "entries": len(books.entries),
        "payments": len(books.payments),
        "disbursements": len(books.disbursements),
        "transactions": len(books.transactions),
    }
    return counts, [*unreadable, *found]
