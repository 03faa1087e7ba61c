"""What must be true when all is over, whoever died and whatever got lost."""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from plugins.rules import ids
from plugins.rules.checks import WholeBooks, problems
from plugins.rules.ledger import Outcome, TransactionStatus


def discrepancies(
    books: WholeBooks,
    captured: Mapping[str, int],
    invoice: UUID,
    total: int,
    told: Sequence[tuple[str, Outcome]],
) -> Iterator[str]:
    """Of the books, of what Stripe captured (minor units by intent), and of what anybody was `told` under which key.

    `invoice` is the charged one, which came to `total` minor units.
    """
    yield from problems(books)
    charged = [each for each in books.transactions if each.status is TransactionStatus.SUCCEEDED]
    recorded = {each.gateway_reference: each.amount.minor for each in charged}
    if recorded != captured:
        yield f"captured at Stripe {captured}, recorded {recorded}"
    if sum(each.amount.minor for each in books.payments) != sum(captured.values()):
        yield "the payments do not come to what was captured"
    own = [each for each in books.transactions if each.invoice == invoice]
    if sum(captured.get(each.gateway_reference, 0) for each in own) > total:
        yield f"more was captured than the invoice came to: {captured}"
    if pending := [each.id for each in books.transactions if each.status is TransactionStatus.PENDING]:
        yield f"still pending: {pending}"
    made = {each.id for each in charged}
    for key, outcome in told:
        was_made = ids.transaction_id(ids.request_id(key)) in made
        if outcome is Outcome.DONE and not was_made:
            yield f"{key} was told it was charged, but it was not"
        if outcome in {Outcome.FAILED, Outcome.REFUSED} and was_made:
            yield f"{key} was told that it was {outcome}, but it was charged"


def ordered_twice(orders: Mapping[str, int]) -> Iterator[str]:
    """`orders` are intents by RequestKey: however often a charge was tried, it was one order."""
    for key, times in orders.items():
        if times > 1:
            yield f"{key} has {times} intents at Stripe"
