"""What must always hold in the books, as a list of small functions that return problems.

Tests, the crash suite, the local CRM's self-check and `python -m connector check` run the same list. `CHECKS` look at
the books as they are; `MOVES` at what became of them. The numbers are those of the invariants in docs/invariants.md.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from uuid import UUID

from plugins.rules.charge_runs import plan_hash
from plugins.rules.dates import is_closed
from plugins.rules.disbursing import automatic_order
from plugins.rules.in_flight import refunds_in_flight
from plugins.rules.invoice import (
    applied_to,
    belongs,
    derived_status,
    invoice_balance,
    invoice_total,
    is_void,
    pending_amount,
)
from plugins.rules.invoicing import issued
from plugins.rules.journal import journal
from plugins.rules.ledger import (
    AccountTransaction,
    Disbursement,
    DisbursementStatus,
    Invoice,
    InvoiceStatus,
    Kind,
    Ledger,
    LedgerState,
    Operation,
    Outcome,
    Payment,
    Projection,
    Request,
    Stage,
    Transaction,
    TransactionStatus,
    TransactionTax,
    UsageRecord,
    UsageStatus,
)
from plugins.rules.money import Money, total
from plugins.rules.payment_link import OPEN
from plugins.rules.requesting import slot_of, waits
from plugins.rules.row import Row
from plugins.rules.runs import ChargeOutcome, ChargeRun, ChargeRunLine, ChargeRunStatus
from plugins.rules.setup import ClosedPeriod, Profile, ProfileStatus, Setting


@dataclass(frozen=True)
class WholeBooks:
    """Every row; `shown` is what the invoices show, by invoice, where anything was shown yet.

    `disbursements` are the active ones; `removed` those that were.
    """

    invoices: Sequence[Invoice] = ()
    ledgers: Sequence[Ledger] = ()
    entries: Sequence[AccountTransaction] = ()
    taxes: Sequence[TransactionTax] = ()
    transactions: Sequence[Transaction] = ()
    payments: Sequence[Payment] = ()
    disbursements: Sequence[Disbursement] = ()
    removed: Sequence[Disbursement] = ()
    requests: Sequence[Request] = ()
    usage: Sequence[UsageRecord] = ()
    profiles: Sequence[Profile] = ()
    charge_runs: Sequence[ChargeRun] = ()
    charge_lines: Sequence[ChargeRunLine] = ()
    closed_periods: Sequence[ClosedPeriod] = ()
    setting: Setting | None = None
    shown: Mapping[UUID, Projection] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Row], shown: Mapping[UUID, Projection]) -> "WholeBooks":
        """From rows of any kind in any order; kinds that no check looks at are left out."""
        sorted_rows: dict[type[Row], list[Any]] = defaultdict(list)
        for row in rows:
            sorted_rows[type(row)].append(row)
        disbursements: list[Disbursement] = sorted_rows[Disbursement]
        active = [each for each in disbursements if each.status is DisbursementStatus.ACTIVE]
        return cls(
            invoices=sorted_rows[Invoice],
            ledgers=sorted_rows[Ledger],
            entries=sorted_rows[AccountTransaction],
            taxes=sorted_rows[TransactionTax],
            transactions=sorted_rows[Transaction],
            payments=sorted_rows[Payment],
            disbursements=active,
            removed=[each for each in disbursements if each.status is DisbursementStatus.REMOVED],
            requests=sorted_rows[Request],
            usage=sorted_rows[UsageRecord],
            profiles=sorted_rows[Profile],
            charge_runs=sorted_rows[ChargeRun],
            charge_lines=sorted_rows[ChargeRunLine],
            closed_periods=sorted_rows[ClosedPeriod],
            setting=next(iter(sorted_rows[Setting]), None),
            shown=shown,
        )

    @cached_property
    def debits(self) -> list[AccountTransaction]:
        return [each for each in self.entries if each.kind is Kind.DEBIT]

    @cached_property
    def credits(self) -> list[AccountTransaction]:
        return [each for each in self.entries if each.kind is Kind.CREDIT]

    @cached_property
    def invoice_by_id(self) -> dict[UUID, Invoice]:
        return {each.id: each for each in self.invoices}

    @cached_property
    def balances(self) -> dict[UUID, Money]:
        """What is due on each invoice."""
        debits, applied = defaultdict(list), defaultdict(list)
        for entry in self.debits:
            debits[entry.invoice].append(entry)
        for each in self.disbursements:
            applied[each.invoice].append(each)
        return {each.id: invoice_balance(each, debits[each.id], applied[each.id]) for each in self.invoices}

    def of_ledger(self, ledger: Ledger) -> "WholeBooks":
        """The part of the books that is one ledger's."""
        return replace(
            self,
            invoices=[each for each in self.invoices if belongs(each, ledger)],
            ledgers=[ledger],
            entries=[each for each in self.entries if each.ledger == ledger.id],
            payments=[each for each in self.payments if each.ledger == ledger.id],
            disbursements=[each for each in self.disbursements if each.ledger == ledger.id],
            removed=[each for each in self.removed if each.ledger == ledger.id],
            usage=[each for each in self.usage if each.ledger == ledger.id],
            requests=[each for each in self.requests if each.ledger == ledger.id],
            transactions=[each for each in self.transactions if each.ledger == ledger.id],
        )


Check = Callable[[WholeBooks], Iterator[str]]
Move = Callable[[WholeBooks, WholeBooks], Iterator[str]]


def problems(books: WholeBooks) -> list[str]:
    """Everything that is wrong, each with the invariant's number."""
    return [problem for check in CHECKS for problem in check(books)]


def wrong_moves(before: WholeBooks, after: WholeBooks) -> list[str]:
    """Everything that should not have become of `before`."""
    return [problem for move in MOVES for problem in move(before, after)]


# --- Invoices ----------------------------------------------------------------------------------------------------------


def one_invoice_is_open(books: WholeBooks) -> Iterator[str]:
    """I1: at most one, and it is the one that the ledger names (E12)."""
    for ledger in books.ledgers:
        open_ones = [
            each
            for each in books.invoices
            if each.ledger == ledger.id and each.ledger_state is LedgerState.OPEN and belongs(each, ledger)
        ]
        if any(each.id != ledger.open_invoice for each in open_ones):
            names = ", ".join(each.number for each in open_ones)
            yield f"I1: {ledger.name}: open are {names}, the ledger names {ledger.open_invoice}"
        for each in books.invoices:
            left_open = each.ledger == ledger.id and each.opened_on is not None and each.closed_on is None
            if left_open and each.id != ledger.open_invoice and belongs(each, ledger) and not is_void(each):
                yield f"I1: {ledger.name}: invoice {each.number} was opened, is not the open one, and was never closed"


def debits_are_on_an_invoice(books: WholeBooks) -> Iterator[str]:
    """I2"""
    for each in books.debits:
        if each.invoice is None or each.invoice not in books.invoice_by_id:
            yield f"I2: debit #{each.number} is on no invoice"


def balances_are_not_negative(books: WholeBooks) -> Iterator[str]:
    """I4"""
    for invoice in books.invoices:
        if not is_void(invoice) and (left := books.balances[invoice.id]).minor < 0:
            yield f"I4: invoice {invoice.number} has a balance of {left}"


def void_invoices_hold_nothing(books: WholeBooks) -> Iterator[str]:
    """I5: nothing is disbursed to a void invoice or its mirror, and together they come to nothing."""
    for each in books.disbursements:
        invoice = books.invoice_by_id.get(each.invoice)
        if invoice is not None and (invoice.status is InvoiceStatus.CANCELED or is_void(invoice)):
            yield f"I5: void invoice {invoice.number} has {each.amount} disbursed to it"
    mirrors = Counter(each.voids for each in books.invoices if each.voids is not None)
    for mirror in books.invoices:
        if mirror.voids is None:
            continue
        voided = books.invoice_by_id.get(mirror.voids)
        if voided is None or voided.ledger_state is not LedgerState.VOID:
            yield f"I5: {mirror.number} mirrors an invoice that is not void"
        elif invoice_total(mirror, books.entries) + invoice_total(voided, books.entries):
            yield f"I5: {voided.number} and its mirror {mirror.number} do not come to nothing"
        if mirrors[mirror.voids] > 1:
            yield f"I5: an invoice has {mirrors[mirror.voids]} mirrors"
    for invoice in books.invoices:
        if invoice.ledger_state is LedgerState.VOID and not mirrors[invoice.id]:
            yield f"I5: void invoice {invoice.number} has no mirror"


def invoices_show_the_ledger(books: WholeBooks) -> Iterator[str]:
    """I3, I24, I26: what an invoice shows is what the ledger says."""
    by_id = {each.id: each for each in books.ledgers}
    for invoice in books.invoices:
        shown = books.shown.get(invoice.id)
        if shown is None or shown.ledger not in by_id or str(invoice.id) in by_id[shown.ledger].to_show:
            continue
        for name, is_shown, is_true in _said(books, invoice, shown, by_id[shown.ledger]):
            if is_shown != is_true:
                yield f"I26: invoice {invoice.number} shows {name} {is_shown}, the ledger says {is_true}"


def _said(
    books: WholeBooks, invoice: Invoice, shown: Projection, ledger: Ledger
) -> Iterator[tuple[str, object, object]]:
    own = applied_to(invoice, books.disbursements)
    balance = books.balances[invoice.id]
    zero = Money.zero(balance.currency)
    waiting = [each for each in books.transactions if each.status is TransactionStatus.PENDING]
    gateway = {each.id for each in books.payments if each.transaction is not None}
    paid = total([each.amount for each in own if each.payment is not None], balance.currency)
    charged = total([each.amount for each in own if each.payment in gateway], balance.currency)
    displayed = [each.amount for each in books.payments if each.display_invoice == invoice.id]
    credited = [each.gross for each in books.credits if each.invoice == invoice.id]
    yield "charged", shown.amount_charged, charged
    yield "total", shown.total, invoice_total(invoice, books.entries)
    yield "balance", shown.balance, balance
    yield "payments", shown.payments_disbursed, paid
    yield "payments issued", shown.payments_issued, total(displayed, balance.currency)
    yield "credits issued", shown.credits_issued, total(credited, balance.currency)
    yield "pending", shown.pending_amount, pending_amount(invoice.id, waiting, balance.currency)
    status = derived_status(invoice, ledger.open_invoice, balance, applied=bool(own))
    yield "status", shown.status, status
    parts = shown.amount_charged + shown.other_payments + shown.credits_disbursed + shown.balance
    yield "parts", parts, zero if is_void(invoice) else shown.total


# --- Ledgers -----------------------------------------------------------------------------------------------------------


def balances_are_what_was_entered(books: WholeBooks) -> Iterator[str]:
    """I6, I30: debits less credits less regular payments; and every entry's lines come to nothing."""
    for ledger in books.ledgers:
        accounts = journal(books.of_ledger(ledger), ledger)
        if accounts.receivable != ledger.balance:
            yield f"I6: {ledger.name} says {ledger.balance}, its entries come to {accounts.receivable}"
        if accounts.sum:
            yield f"I30: {ledger.name}: its journal comes to {accounts.sum}"
        if -accounts.deposits != ledger.deposit_balance:
            yield f"I30: {ledger.name} says {ledger.deposit_balance} in deposits, the journal {-accounts.deposits}"


def conservation(books: WholeBooks) -> Iterator[str]:
    """I7: what a ledger says is owed is what its invoices say, less what is undisbursed."""
    for ledger in books.ledgers:
        own = books.of_ledger(ledger)
        currency = ledger.balance.currency
        owed = total([books.balances[each.id] for each in own.invoices], currency)
        regular = [each.undisbursed for each in own.payments if not each.deposit]
        idle = total([*regular, *(each.undisbursed for each in own.credits)], currency)
        if ledger.balance != owed - idle:
            yield f"I7: {ledger.name} says {ledger.balance}, its invoices come to {owed} less {idle} undisbursed"
        if ledger.undisbursed != idle:
            yield f"I7: {ledger.name} says {ledger.undisbursed} undisbursed, its rows say {idle}"


def deposits_stand_apart(books: WholeBooks) -> Iterator[str]:
    """I13: never disbursed, never displayed, and all that the deposit balance is."""
    for each in books.payments:
        if each.deposit and (each.disbursed or each.display_invoice is not None or each.automatic):
            yield f"I13: deposit #{each.number} is disbursed, displayed or automatic"
    for ledger in books.ledgers:
        held = [each.amount for each in books.payments if each.deposit and each.ledger == ledger.id]
        if total(held, ledger.balance.currency) != ledger.deposit_balance:
            yield f"I13: {ledger.name} says {ledger.deposit_balance} in deposits"


def nothing_is_idle(books: WholeBooks) -> Iterator[str]:
    """I21: automatic money waits only while no invoice has room for it, or for a refund in flight that will take it.

    A run too long for one changeset is gone on with by the sweep, which the ledger asks for by what it owes an invoice.
    """
    for ledger in books.ledgers:
        own = books.of_ledger(ledger)
        sources: list[Payment | AccountTransaction] = [*own.payments, *own.credits]
        pending = [each for each in own.transactions if each.status is TransactionStatus.PENDING]
        waiting = [
            each
            for each in sources
            if automatic_order(each) is not None
            and each.undisbursed > refunds_in_flight(each.id, pending, ledger.balance.currency)
        ]
        if not waiting or ledger.to_show:
            continue
        for invoice in own.invoices:
            room = books.balances[invoice.id] - pending_amount(invoice.id, pending, ledger.balance.currency)
            if not is_void(invoice) and room.minor > 0:
                yield f"I21: {ledger.name}: #{waiting[0].number} is idle while invoice {invoice.number} owes {room}"


def numbers_are_unique(books: WholeBooks) -> Iterator[str]:
    """Numbers are taken under the lock: within a ledger each is used once, and none above the last."""
    for ledger in books.ledgers:
        rows: list[Payment | AccountTransaction | Disbursement]
        rows = [*books.payments, *books.entries, *books.disbursements, *books.removed]
        used = [each.number for each in rows if each.ledger == ledger.id]
        for number, times in Counter(used).items():
            if times > 1:
                yield f"{ledger.name}: number {number} is used {times} times"
        if used and max(used) > ledger.last_number:
            yield f"{ledger.name}: number {max(used)} is above the last, {ledger.last_number}"


# --- Payments, credits and what is disbursed ---------------------------------------------------------------------------


def payments_add_up(books: WholeBooks) -> Iterator[str]:
    """I8, I12, I35"""
    applied = _applied(books, "payment")
    for payment in books.payments:
        zero = Money.zero(payment.amount.currency)
        if applied.get(payment.id, zero) != payment.disbursed:
            yield f"I8: payment #{payment.number} says {payment.disbursed} disbursed, its disbursements come to {applied.get(payment.id, zero)}"
        if payment.amount.minor < 0:
            if payment.refund_of is None or payment.disbursed or payment.undisbursed or payment.refunded:
                yield f"I12: negative payment #{payment.number} names none, or holds money"
            continue
        if payment.disbursed + payment.undisbursed + payment.refunded != payment.amount:
            yield f"I8: payment #{payment.number} of {payment.amount} does not add up"
        if min(payment.disbursed.minor, payment.undisbursed.minor, payment.refunded.minor) < 0:
            yield f"I8: payment #{payment.number} has a negative part"
        if payment.is_disbursed != (bool(payment.disbursed) and not payment.undisbursed):
            yield f"I8: payment #{payment.number} is shown as disbursed wrongly"


def credits_add_up(books: WholeBooks) -> Iterator[str]:
    """I9, I12, I35"""
    applied = _applied(books, "credit")
    reversed_ones = {each.reverses for each in books.entries if each.reverses is not None}
    for credit in books.credits:
        zero = Money.zero(credit.gross.currency)
        if applied.get(credit.id, zero) != credit.disbursed:
            yield f"I9: credit #{credit.number} says {credit.disbursed} disbursed, its disbursements come to {applied.get(credit.id, zero)}"
        due = zero if credit.gross.minor < 0 or credit.id in reversed_ones else credit.gross
        if (
            credit.disbursed + credit.undisbursed != due
            or min(credit.disbursed.minor, credit.undisbursed.minor) < 0
        ):
            yield f"I9: credit #{credit.number} of {credit.gross} does not add up"
        if credit.is_disbursed != (bool(credit.disbursed) and not credit.undisbursed):
            yield f"I9: credit #{credit.number} is shown as disbursed wrongly"


def _applied(books: WholeBooks, source: str) -> dict[UUID, Money]:
    found: dict[UUID, Money] = {}
    for each in books.disbursements:
        key = getattr(each, source)
        if key is not None:
            found[key] = found[key] + each.amount if key in found else each.amount
    return found


def disbursements_are_sound(books: WholeBooks) -> Iterator[str]:
    """I10: above zero, one source, one invoice, all of one ledger and currency."""
    payments, entries = {each.id: each for each in books.payments}, {each.id: each for each in books.entries}
    for each in books.disbursements:
        if each.amount.minor <= 0:
            yield f"I10: disbursement #{each.number} of {each.amount}"
        if (each.payment is None) == (each.credit is None):
            yield f"I10: disbursement #{each.number} does not have exactly one source"
            continue
        source = (
            payments.get(each.payment) if each.payment else entries.get(each.credit) if each.credit else None
        )
        if source is not None and (source.ledger, source.currency_id) != (each.ledger, each.currency_id):
            yield f"I10: disbursement #{each.number} takes money of another ledger"


def refunds_stay_below_their_payment(books: WholeBooks) -> Iterator[str]:
    """I11: refunded is what the negative payments say, never above the amount; Refunded is Yes when they are equal."""
    given: dict[UUID, Money] = {}
    for each in books.payments:
        if each.refund_of is not None:
            given[each.refund_of] = given.get(each.refund_of, Money.zero(each.amount.currency)) - each.amount
    for payment in books.payments:
        back = given.get(payment.id, Money.zero(payment.amount.currency))
        if payment.amount.minor > 0 and back != payment.refunded:
            yield f"I11: payment #{payment.number} says {payment.refunded} refunded, its refunds come to {back}"
        if payment.amount.minor > 0 and payment.refunded > payment.amount:
            yield f"I11: payment #{payment.number} of {payment.amount} is refunded by {payment.refunded}"
        if payment.is_refunded != (payment.amount.minor > 0 and payment.refunded == payment.amount):
            yield f"I11: payment #{payment.number} is shown as refunded wrongly"


# --- Entries -----------------------------------------------------------------------------------------------------------


def reversals_pair_up(books: WholeBooks) -> Iterator[str]:
    """I15, I16: at most one reversal each, no cycle, the magnitude of the original to the cent in net and every tax."""
    by_id = {each.id: each for each in books.entries}
    for key, times in Counter(each.reverses for each in books.entries if each.reverses is not None).items():
        if times > 1:
            yield f"I15: transaction {key} is reversed {times} times"
    taxes = defaultdict(list)
    for tax in books.taxes:
        taxes[tax.entry].append((tax.tax_rate, abs(tax.amount.minor)))
    for each in books.entries:
        if each.reverses is None:
            continue
        original = by_id.get(each.reverses)
        if original is None or original.number >= each.number:
            yield f"I15: #{each.number} reverses what was not there before it"
            continue
        if _effect(each) != -_effect(original) or abs(each.net.minor) != abs(original.net.minor):
            yield f"I16: #{each.number} does not mirror #{original.number}"
        if sorted(taxes[each.id], key=str) != sorted(taxes[original.id], key=str):
            yield f"I16: #{each.number} does not mirror the taxes of #{original.number}"


def _effect(entry: AccountTransaction) -> Money:
    """What it does to the account's balance (I17)."""
    return entry.gross if entry.kind is Kind.DEBIT else -entry.gross


def taxes_add_up(books: WholeBooks) -> Iterator[str]:
    """I16: an entry's tax is the sum of its tax rows, and net and tax make its gross."""
    sums: dict[UUID, Money] = {}
    for tax in books.taxes:
        sums[tax.entry] = sums[tax.entry] + tax.amount if tax.entry in sums else tax.amount
    for each in books.entries:
        if each.net + each.tax != each.gross:
            yield f"I16: #{each.number}: {each.net} and {each.tax} of tax do not make {each.gross}"
        if sums.get(each.id, Money.zero(each.tax.currency)) != each.tax:
            yield f"I16: #{each.number} says {each.tax} of tax, its tax rows {sums.get(each.id)}"


def lines_are_refunded_once(books: WholeBooks) -> Iterator[str]:
    """I37"""
    for each in books.debits:
        if not 0 <= each.refunded.minor <= max(each.gross.minor, 0):
            yield f"I37: {each.refunded} of debit #{each.number} of {each.gross} is refunded"


def usage_is_billed_once(books: WholeBooks) -> Iterator[str]:
    """I32: unbilled, or on exactly one unreversed debit; credited at most once net of reversals."""
    reversed_ones = {each.reverses for each in books.entries if each.reverses is not None}
    for each in books.usage:
        if (each.entry is None) != (each.status is UsageStatus.UNBILLED) and each.credit is None:
            yield f"I32: usage {each.id} is {each.status} and on debit {each.entry}"
        if each.entry in reversed_ones:
            yield f"I32: usage {each.id} is on a debit that was reversed"
        if each.credit in reversed_ones or (each.credit is None) == (each.status is UsageStatus.CREDITED):
            yield f"I32: usage {each.id} is {each.status} by credit {each.credit}"


# --- The gateway and the requests --------------------------------------------------------------------------------------


def every_success_is_one_payment(books: WholeBooks) -> Iterator[str]:
    """I25: a charge that succeeded is one payment, a refund that succeeded one negative payment, anything else none."""
    made: dict[UUID, list[Payment]] = defaultdict(list)
    for payment in books.payments:
        if payment.transaction is not None:
            made[payment.transaction].append(payment)
    for each in books.transactions:
        wanted = 1 if each.status is TransactionStatus.SUCCEEDED else 0
        signed = each.amount if each.operation is Operation.CHARGE else -each.amount
        found = [one for one in made[each.id] if one.amount.minor * signed.minor > 0]
        if len(found) != wanted and not _taken_back(books, each):
            yield f"I25: {each.status} transaction {each.id} has {len(found)} payments"
        for payment in found:
            if payment.amount != signed:
                yield f"I25: transaction {each.id} of {signed} has a payment of {payment.amount}"


def _taken_back(books: WholeBooks, transaction: Transaction) -> bool:
    """A refund that failed after it had succeeded keeps its negative payment, and has a positive one that answers it."""
    own = [each for each in books.payments if each.transaction == transaction.id]
    return transaction.operation is Operation.REFUND and not total(
        [each.amount for each in own], transaction.amount.currency
    )


def every_pending_will_be_looked_at(books: WholeBooks) -> Iterator[str]:
    for each in books.transactions:
        if each.status is TransactionStatus.PENDING and each.next_check_on is None:
            yield f"pending transaction {each.id} has no next check"
    for profile in books.profiles:
        if waits(profile) and profile.next_check_on is None:
            yield f"payment profile {profile.name} waits for its customer and has no next check"


def one_profile_is_the_default(books: WholeBooks) -> Iterator[str]:
    """W40: of an account, one at most, and nobody else has its slot."""
    defaults = Counter(each.account for each in books.profiles if each.is_default)
    for account, times in defaults.items():
        if times > 1:
            yield f"W40: account {account} has {times} default payment profiles"
    for each in books.profiles:
        has_slot = each.default_slot == slot_of(each, default=True)
        if each.is_default is not has_slot:
            yield f"W40: payment profile {each.name} is {'the' if each.is_default else 'no'} default, its slot says otherwise"


def links_lead_somewhere_while_they_are_open(books: WholeBooks) -> Iterator[str]:
    """A link that ended, or that somebody has paid on, leads nobody to a page any more."""
    for each in books.transactions:
        is_open = each.status is TransactionStatus.PENDING and each.stage is Stage.RESERVED
        if bool(each.link_url) is not (each.is_link and is_open):
            yield f"{each.status} transaction {each.id} has the payment link {each.link_url!r}"


def charge_runs_say_what_was_charged(books: WholeBooks) -> Iterator[str]:
    """I39: a line that succeeded is its one transaction; a run counts its lines, and they are what was planned."""
    made = {each.id: each for each in books.transactions if each.status is TransactionStatus.SUCCEEDED}
    of_run: dict[UUID, list[ChargeRunLine]] = defaultdict(list)
    for line in books.charge_lines:
        of_run[line.run].append(line)
        if line.outcome is ChargeOutcome.SUCCEEDED:
            found = made.get(line.transaction) if line.transaction else None
            if found is None or (found.amount, found.invoice) != (line.amount, line.invoice):
                yield f"I39: line {line.name} of a charge run succeeded, and no transaction says so"
    for run in books.charge_runs:
        lines = of_run[run.id]
        counts = Counter(each.outcome for each in lines)
        shown = (run.planned, run.skipped, run.succeeded, run.failed, run.pending)
        if shown != tuple(counts[each] for each in ChargeOutcome):
            yield f"I39: charge run {run.id} counts {shown}, its lines are {dict(counts)}"
        if run.plan_hash and run.plan_hash != plan_hash("", lines):
            yield f"I39: charge run {run.id} has other lines than were planned"
        waits = counts[ChargeOutcome.PLANNED] + counts[ChargeOutcome.PENDING]
        if run.status is ChargeRunStatus.DONE and waits:
            yield f"I39: charge run {run.id} has ended, and {waits} of its lines have not"


def every_request_agrees_with_its_transaction(books: WholeBooks) -> Iterator[str]:
    """I34: the answer under a key is what became of its charge."""
    keys = Counter(each.key for each in books.requests)
    for key, times in keys.items():
        if times > 1:
            yield f"I34: key {key} has {times} rows"
    said = {
        TransactionStatus.SUCCEEDED: Outcome.DONE,
        TransactionStatus.FAILED: Outcome.FAILED,
        TransactionStatus.CANCELLED: Outcome.FAILED,
        TransactionStatus.PENDING: Outcome.PENDING,
    }
    by_id = {each.id: each for each in books.requests}
    for transaction in books.transactions:
        request = by_id.get(transaction.request) if transaction.request else None
        if request is not None and request.code == OPEN:
            if not transaction.is_link or request.outcome is not Outcome.DONE:
                yield f"I34: request {request.key} tells of a payment link, its transaction is none"
        elif request is not None and request.outcome is not said[transaction.status]:
            yield f"I34: request {request.key} says {request.outcome}, its transaction is {transaction.status}"


CHECKS: tuple[Check, ...] = (
    one_invoice_is_open,
    debits_are_on_an_invoice,
    balances_are_not_negative,
    void_invoices_hold_nothing,
    invoices_show_the_ledger,
    balances_are_what_was_entered,
    conservation,
    deposits_stand_apart,
    nothing_is_idle,
    numbers_are_unique,
    payments_add_up,
    credits_add_up,
    disbursements_are_sound,
    refunds_stay_below_their_payment,
    reversals_pair_up,
    taxes_add_up,
    lines_are_refunded_once,
    usage_is_billed_once,
    every_success_is_one_payment,
    every_pending_will_be_looked_at,
    one_profile_is_the_default,
    links_lead_somewhere_while_they_are_open,
    charge_runs_say_what_was_charged,
    every_request_agrees_with_its_transaction,
)


# --- What may become of the books --------------------------------------------------------------------------------------

CHANGEABLE: Mapping[type[Row], frozenset[str]] = {
    Payment: frozenset(
        {
            "etag",
            "automatic",
            "deposit",
            "was_deposit",
            "display_invoice",
            "disbursed",
            "undisbursed",
            "refunded",
            "is_disbursed",
            "is_refunded",
        }
    ),
    AccountTransaction: frozenset(
        {"etag", "automatic", "disbursed", "undisbursed", "refunded", "is_disbursed", "invoice"}
    ),
    TransactionTax: frozenset({"etag"}),
    Disbursement: frozenset({"etag", "status", "removed_reason", "payment_transaction"}),
}
"""Of posted rows, what may change (I29)."""


def posted_rows_stay(before: WholeBooks, after: WholeBooks) -> Iterator[str]:
    """I29: nothing is deleted, and only read-only columns and flags change."""
    now = {each.id: each for each in _posted(after)}
    for row in _posted(before):
        found = now.get(row.id)
        if found is None:
            yield f"I29: {type(row).__name__} {row.id} is gone"
            continue
        for name in row.__dataclass_fields__:
            if name not in CHANGEABLE[type(row)] and getattr(row, name) != getattr(found, name):
                yield f"I29: {name} of {type(row).__name__} {row.id} changed"


def _posted(books: WholeBooks) -> Iterator[Row]:
    yield from books.payments
    yield from books.entries
    yield from books.taxes
    yield from books.disbursements
    yield from books.removed


def removed_stays_removed(before: WholeBooks, after: WholeBooks) -> Iterator[str]:
    """I29: a disbursement that was removed is never active again."""
    active = {each.id for each in after.disbursements}
    for each in before.removed:
        if each.id in active:
            yield f"I29: disbursement #{each.number} came back"


def display_moves_by_the_rules(before: WholeBooks, after: WholeBooks) -> Iterator[str]:
    """I18: from none to an invoice that is open then, and from an invoice to none when that is voided."""
    was = {each.id: _place(each) for each in _displayed(before)}
    voided = {each.id for each in after.invoices if each.ledger_state is LedgerState.VOID}
    opened = {each.open_invoice for each in (*before.ledgers, *after.ledgers)}
    made = {each.id for each in after.invoices} - {each.id for each in before.invoices}
    for each in _displayed(after):
        old, new = was.get(each.id), _place(each)
        if (
            each.id in was
            and old != new
            and not ((old is None and (new in opened or new in made)) or (new is None and old in voided))
        ):
            yield f"I18: #{each.number} moved from invoice {old} to {new}"


def _displayed(books: WholeBooks) -> list[Payment | AccountTransaction]:
    return [*books.payments, *books.credits]


def _place(row: Payment | AccountTransaction) -> UUID | None:
    return row.display_invoice if isinstance(row, Payment) else row.invoice


def debits_never_move(before: WholeBooks, after: WholeBooks) -> Iterator[str]:
    """I2"""
    places = {each.id: each.invoice for each in before.debits}
    for each in after.debits:
        if each.id in places and places[each.id] != each.invoice:
            yield f"I2: debit #{each.number} moved to another invoice"


def deposits_become_payments_once(before: WholeBooks, after: WholeBooks) -> Iterator[str]:
    """I29: a deposit that was released is never one again."""
    for each in before.payments:
        found = next((one for one in after.payments if one.id == each.id), None)
        if found is not None and each.was_deposit and found.deposit:
            yield f"I29: payment #{each.number} became a deposit again"


def nothing_is_posted_to_a_closed_period(before: WholeBooks, after: WholeBooks) -> Iterator[str]:
    """I31"""
    if after.setting is None or not after.setting.financial:
        return
    known: set[UUID] = {each.id for each in before.payments} | {each.id for each in before.entries}
    rows: list[Payment | AccountTransaction] = [*after.payments, *after.entries]
    for each in rows:
        if each.id not in known and is_closed(each.posting_date, after.closed_periods):
            yield f"I31: #{each.number} was posted to {each.posting_date.isoformat()}, which is closed"


def statements_stay_frozen(before: WholeBooks, after: WholeBooks) -> Iterator[str]:
    """I36: what a closed invoice's statement said, it says until it is opened again; at close it adds up.

    A void invoice has no statement any more: what was displayed on it is displayed elsewhere.
    """
    was = {each.id: each for each in before.invoices}
    for each in after.invoices:
        old = was.get(each.id)
        just_closed = each.closed_on is not None and (old is None or old.closed_on != each.closed_on)
        if (
            old is not None
            and old.total_due is not None
            and not just_closed
            and each.total_due != old.total_due
        ):
            if each.closed_on is not None:
                yield f"I36: the statement of invoice {each.number} changed"
        elif just_closed and each.ledger_state is not LedgerState.VOID:
            yield from _adds_up(after, each)


def _adds_up(books: WholeBooks, invoice: Invoice) -> Iterator[str]:
    if invoice.previous_balance is None or invoice.total_due is None:
        return
    currency = invoice.total.currency
    payments = [issued(each) for each in books.payments if each.display_invoice == invoice.id]
    credited = [each.gross for each in books.credits if each.invoice == invoice.id]
    charges = invoice_total(invoice, books.entries)
    due = invoice.previous_balance + charges - total([*payments, *credited], currency)
    if due != invoice.total_due:
        yield f"I36: invoice {invoice.number} says {invoice.total_due} is due, its statement comes to {due}"


def profiles_that_were_charged_were_ready(before: WholeBooks, after: WholeBooks) -> Iterator[str]:
    """I33"""
    known = {each.id for each in before.transactions}
    ready = {each.id for each in before.profiles if each.status is ProfileStatus.READY}
    for each in after.transactions:
        if each.id not in known and each.operation is Operation.CHARGE and each.profile not in ready:
            yield f"I33: transaction {each.id} charges a profile that is not ready"


MOVES: tuple[Move, ...] = (
    posted_rows_stay,
    removed_stays_removed,
    display_moves_by_the_rules,
    debits_never_move,
    deposits_become_payments_once,
    nothing_is_posted_to_a_closed_period,
    statements_stay_frozen,
    profiles_that_were_charged_were_ready,
)
