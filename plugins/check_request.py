"""Check again: what became of a request that had no answer."""

from uuid import UUID

from plugins import sending_links
from plugins.actions import Action, Answer, Call, UserOrInvoiceGone, checked_key
from plugins.looking_again import look_again
from plugins.ports import E_MAILING, BooksUnreachable, Conflict, NotFound, Outside
from plugins.refunds import handle
from plugins.rules import ids
from plugins.rules.ledger import Outcome, Request, Source, TransactionStatus
from plugins.rules.payment_link import OPEN
from plugins.rules.row import Owner
from plugins.settlement import WHOLE

ACTION = Action(
    name="cfl_CheckRequest", bound_to=None, parameters={"RequestKey": str}, privilege="prvCreatecfl_maycharge"
)

NOT_RECEIVED = "not_received"


def check_request(call: Call, outside: Outside) -> Answer:
    """The answer under the key, looked up anew while it is Pending.

    A key that nobody knows becomes Refused `not_received`, so that a late original finds it taken.
    Raises `KeyInvalid`, `UserOrInvoiceGone`, `BooksUnreachable`.
    """
    key = checked_key(call.key)
    request = ids.request_id(key)
    for _ in range(2):
        known = outside.books.request(request)
        if known is not None:
            return _looked_up(outside, known, call)
        row = _not_received(key, request, call)
        try:
            outside.books.record(row)
        except Conflict:
            continue  # the original came just now
        except NotFound:
            raise UserOrInvoiceGone from None
        return Answer(row.outcome, row.code, row.message)
    raise BooksUnreachable("the request could not be read")


def _looked_up(outside: Outside, known: Request, call: Call) -> Answer:
    if known.outcome is Outcome.PENDING and known.action in E_MAILING:
        return sending_links.look_again(outside, known, WHOLE)
    is_link = known.code == OPEN
    if is_link or known.outcome is Outcome.PENDING:
        transaction = outside.books.transaction(
            known.transaction or ids.transaction_id(ids.RequestId(known.id))
        )
        over = is_link and transaction is not None and transaction.status is not TransactionStatus.PENDING
        if transaction is not None and not over and not outside.traffic.is_in_hand(handle(transaction)):
            found = look_again(outside, transaction, call.received + WHOLE)
            return Answer(known.outcome, known.code, known.message) if is_link else found
    return Answer(known.outcome, known.code, known.message)


def _not_received(key: str, request: ids.RequestId, call: Call) -> Request:
    return Request(
        id=request,
        key=key,
        action=ACTION.name,
        input_hash="",  # any input: whatever comes late under this key is answered with this row
        outcome=Outcome.REFUSED,
        code=NOT_RECEIVED,
        message="The request never reached Counterfoil. Nothing was done.",
        result="",
        invoice=None,
        ledger=None,
        transaction=None,
        requested_by=call.caller,
        owner=Owner(UUID(str(call.caller))),
        source=Source.USER,
    )
