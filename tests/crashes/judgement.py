"""What must be true when all is over, whoever died and whatever got lost."""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from plugins.rules import ids
from plugins.rules.checks import WholeBooks, problems
from plugins.rules.ledger import Operation, Outcome, TransactionStatus
from plugins.rules.settling import is_returned


def discrepancies(
    books: WholeBooks,
    captured: Mapping[str, int],
    invoice: UUID,
    total: int,
    told: Sequence[tuple[str, Outcome]],
    refunded: Mapping[str, int] | None = None,
) -> Iterator[str]:
    """Of the books, of what Stripe captured and what refunds stand there (minor units by intent and by refund), and of
    what anybody was `told` under which key.

    `invoice` is the charged one, which came to `total` minor units.
    """
    refunded = refunded or {}
    yield from problems(books)
    made = [each for each in books.transactions if each.status is TransactionStatus.SUCCEEDED]
    charged = [each for each in made if each.operation is Operation.CHARGE]
    recorded = {each.gateway_reference: each.amount.minor for each in charged}
    if recorded != captured:
        yield f"captured at Stripe {captured}, recorded {recorded}"
    standing = [each for each in made if each.operation is Operation.REFUND and not is_returned(each)]
    given_back = {each.gateway_reference: each.amount.minor for each in standing}
    if given_back != refunded:
        yield f"refunded at Stripe {refunded}, recorded {given_back}"
    through = sum(each.amount.minor for each in books.payments if each.transaction is not None)
    if through != sum(captured.values()) - sum(refunded.values()):
        yield "the payments do not come to what was captured and not refunded"
    own = [each for each in books.transactions if each.invoice == invoice]
    if sum(captured.get(each.gateway_reference, 0) for each in own) > total:
        yield f"more was captured than the invoice came to: {captured}"
    if pending := [each.id for each in books.transactions if each.status is TransactionStatus.PENDING]:
        yield f"still pending: {pending}"
    done = {each.id for each in made}
    for key, outcome in told:
        was_made = ids.transaction_id(ids.request_id(key)) in done
        if outcome is Outcome.DONE and not was_made:
            yield f"{key} was told its money had moved, but it had not"
        if outcome in {Outcome.FAILED, Outcome.REFUSED} and was_made:
            yield f"{key} was told that it was {outcome}, but its money moved"


def ordered_twice(orders: Mapping[str, int]) -> Iterator[str]:
    """`orders` are intents by RequestKey, and refunds by transaction: however often it was tried, it was one order."""
    for key, times in orders.items():
        if times > 1:
            yield f"{key} has {times} intents or refunds at Stripe"
