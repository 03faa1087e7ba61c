"""The composition root: settings and mapping become adapters, adapters and actions become the App."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

import structlog

from connector.alerts import LoggedAlerts
from connector.clock import FollowingClock, SystemClock
from connector.dataverse.auth import Application, ClientCertificate, ClientSecret, ManagedIdentity, Tokens
from connector.dataverse.books import DataverseBooks
from connector.dataverse.http import Dataverse, Exchange
from connector.dataverse.mail import DataverseMail
from connector.dataverse.mapping import Mapping as TableMapping
from connector.dataverse.mapping import load_mapping
from connector.dataverse.metadata_check import problems
from connector.dataverse.odata import DataverseError, Operation
from connector.dataverse.session import open_session
from connector.documents.paper import Paper
from connector.documents.rendered import RenderedDocuments
from connector.metrics import Metrics
from connector.settings import Settings
from connector.stripe.client import Stripe, pooled_session
from connector.stripe.events import GatewayEvent
from connector.stripe.gateway import StripeGateway
from connector.sync.sweep import Counts, SweepThread, cancel_orphans, sweep
from connector.traffic import ProcessTraffic
from plugins import (
    add_credit,
    add_debit,
    add_payment,
    adjust_tax,
    cancel_charge_run,
    charge_invoice,
    check_request,
    close_invoice,
    create_refund,
    credit_usage,
    deactivate_profile,
    delete_disbursement,
    deliver_invoice,
    disburse,
    make_payment,
    open_account,
    open_invoice,
    pause_charge_run,
    plan_charge_run,
    post_batch,
    profiles,
    refund_payment,
    request_payment,
    request_payment_profile,
    reverse_payments,
    reverse_transaction,
    run_billing,
    save_credit,
    save_payment,
    set_default_profile,
    start_charge_run,
    update_account,
    void_invoice,
    withdraw_payment_link,
)
from plugins.actions import Action, Answer, Call, CallError
from plugins.carrying_on import LEAVES_WORK
from plugins.looking_again import look_again
from plugins.ports import (
    ORGANISATION,
    BooksError,
    BooksRefused,
    BooksUnreachable,
    Clock,
    GatewayError,
    Outside,
)
from plugins.refunds import handle
from plugins.rules.ids import ProfileId, TransactionId
from plugins.rules.ledger import Outcome, Transaction
from plugins.settlement import WHOLE

PERFORMERS: Mapping[str, tuple[Action, Callable[[Call, Outside], Answer]]] = {
    charge_invoice.ACTION.name: (charge_invoice.ACTION, charge_invoice.charge_invoice),
    check_request.ACTION.name: (check_request.ACTION, check_request.check_request),
    add_credit.ACTION.name: (add_credit.ACTION, add_credit.add_credit),
    add_debit.ACTION.name: (add_debit.ACTION, add_debit.add_debit),
    add_payment.ACTION.name: (add_payment.ACTION, add_payment.add_payment),
    adjust_tax.ACTION.name: (adjust_tax.ACTION, adjust_tax.adjust_tax),
    close_invoice.ACTION.name: (close_invoice.ACTION, close_invoice.close_invoice),
    create_refund.ACTION.name: (create_refund.ACTION, create_refund.create_refund),
    credit_usage.ACTION.name: (credit_usage.ACTION, credit_usage.credit_usage),
    delete_disbursement.ACTION.name: (delete_disbursement.ACTION, delete_disbursement.delete_disbursement),
    deliver_invoice.ACTION.name: (deliver_invoice.ACTION, deliver_invoice.deliver_invoice),
    disburse.ACTION.name: (disburse.ACTION, disburse.disburse),
    open_account.ACTION.name: (open_account.ACTION, open_account.open_account),
    make_payment.ACTION.name: (make_payment.ACTION, make_payment.make_payment),
    refund_payment.ACTION.name: (refund_payment.ACTION, refund_payment.refund_payment),
    open_invoice.ACTION.name: (open_invoice.ACTION, open_invoice.open_invoice),
    post_batch.ACTION.name: (post_batch.ACTION, post_batch.post_batch),
    reverse_payments.ACTION.name: (reverse_payments.ACTION, reverse_payments.reverse_payments),
    reverse_transaction.ACTION.name: (reverse_transaction.ACTION, reverse_transaction.reverse_transaction),
    run_billing.ACTION.name: (run_billing.ACTION, run_billing.run_billing),
    save_credit.ACTION.name: (save_credit.ACTION, save_credit.save_credit),
    save_payment.ACTION.name: (save_payment.ACTION, save_payment.save_payment),
    deactivate_profile.ACTION.name: (deactivate_profile.ACTION, deactivate_profile.deactivate_profile),
    request_payment_profile.ACTION.name: (
        request_payment_profile.ACTION,
        request_payment_profile.request_payment_profile,
    ),
    set_default_profile.ACTION.name: (set_default_profile.ACTION, set_default_profile.set_default_profile),
    request_payment.ACTION.name: (request_payment.ACTION, request_payment.request_payment),
    withdraw_payment_link.ACTION.name: (
        withdraw_payment_link.ACTION,
        withdraw_payment_link.withdraw_payment_link,
    ),
    plan_charge_run.ACTION.name: (plan_charge_run.ACTION, plan_charge_run.plan_charge_run),
    start_charge_run.ACTION.name: (start_charge_run.ACTION, start_charge_run.start_charge_run),
    pause_charge_run.ACTION.name: (pause_charge_run.ACTION, pause_charge_run.pause_charge_run),
    cancel_charge_run.ACTION.name: (cancel_charge_run.ACTION, cancel_charge_run.cancel_charge_run),
    update_account.ACTION.name: (update_account.ACTION, update_account.update_account),
    void_invoice.ACTION.name: (void_invoice.ACTION, void_invoice.void_invoice),
}
"""Every action that the CRM can ask for."""

_log = structlog.get_logger()


@dataclass(frozen=True)
class Part:
    """A line of `/health`."""

    name: str
    ok: bool
    detail: str


class App:
    """What entry points talk to. Threads share it; it keeps nothing that matters."""

    def __init__(self, outside: Outside, traffic: ProcessTraffic, check: Callable[[], list[str]]) -> None:
        """`check` tells what is wrong with the set-up, as far as the CRM says; it may raise `DataverseError`."""
        self._outside = outside
        self._traffic = traffic
        self._check = check
        self._checked: list[str] | None = None
        self._unchecked_because = "not checked yet"
        self._sweeper = SweepThread(outside, before=self._check_set_up)

    @property
    def actions(self) -> Mapping[str, Action]:
        return {name: action for name, (action, _) in PERFORMERS.items()}

    @property
    def clock(self) -> Clock:
        return self._outside.clock

    def start(self) -> None:
        self._sweeper.start()

    def stop(self) -> None:
        self._sweeper.stop()

    def perform(self, call: Call) -> Answer:
        """The answer that is written under the call's key. Raises `CallError` for a call that cannot have one."""
        if self._checked:
            raise CallError(
                "not_set_up", f"Counterfoil is not set up correctly: {self._checked[0]} Nothing was charged."
            )
        _, performer = PERFORMERS[call.action]
        try:
            return performer(call, self._outside)
        except (BooksError, GatewayError) as error:
            _log.warning("no answer yet", action=call.action, key=call.key, error=str(error))
            return Answer(Outcome.PENDING, "unknown", "There is no answer yet; it will be looked up again.")
        finally:
            if call.action in LEAVES_WORK:
                self._sweeper.wake()

    def hear(self, event: GatewayEvent) -> None:
        """An event is a hint that one of ours may have changed: it is looked up, never believed."""
        if event.live is not self._outside.gateway.live or not _is_about_money(event):
            return
        if self._checked is None:
            self._check_once()
        self._insist_on_set_up()
        if event.object_kind == "refund":
            self._hear_of_refund(event)
        elif event.profile:
            self._hear_of_profile(event)
        elif event.object_kind == _PAGE:
            self._hear_of_link(event)
        else:
            self._hear_of_intent(event)

    def _hear_of_intent(self, event: GatewayEvent) -> None:
        outside, reference = self._outside, event.payment_intent
        if not self._traffic.is_news(reference, succeeded=event.type == "payment_intent.succeeded"):
            return
        transaction = outside.books.transaction_of(reference)
        if transaction is None and (link := self._link_of(event)) is not None:
            self._look_at_link(event, link)
            return
        if transaction is None:
            _log.info("an event of an intent that is not ours", event_id=event.id, intent=reference)
            return
        with self._traffic.in_hand(reference):
            look_again(outside, transaction, outside.clock.now() + WHOLE)

    def _hear_of_profile(self, event: GatewayEvent) -> None:
        if _is_id(event.profile):
            key = ProfileId(UUID(event.profile))
            profiles.look_again(self._outside, key, self._outside.clock.now() + WHOLE)

    def _hear_of_link(self, event: GatewayEvent) -> None:
        """Of the page that a customer pays on."""
        link = self._link_of(event)
        if link is None:
            _log.info("an event of a page that is not ours", event_id=event.id, page=event.object_id)
            return
        self._look_at_link(event, link)

    def _link_of(self, event: GatewayEvent) -> Transaction | None:
        """The payment link that an event names: the books know the intent only once it was paid with."""
        key = event.transaction
        found = self._outside.books.transaction(TransactionId(UUID(key))) if _is_id(key) else None
        return found if found is not None and found.is_link else None

    def _look_at_link(self, event: GatewayEvent, link: Transaction) -> None:
        """Whoever is at work on it may have seen it before the customer paid, so that is news all the same."""
        paid = event.type in _PAID
        seen_before = paid and self._traffic.is_in_hand(handle(link))
        if not seen_before and not self._traffic.is_news(handle(link), succeeded=paid):
            return
        with self._traffic.in_hand(handle(link)):
            look_again(self._outside, link, self._outside.clock.now() + WHOLE)

    def _hear_of_refund(self, event: GatewayEvent) -> None:
        """Found by what we wrote on it: its id may not have reached the books. A failure is news even after a success."""
        outside, key = self._outside, event.transaction
        fails = event.type not in {"refund.created", "refund.updated"}
        if self._traffic.is_in_hand(key) or not (fails or self._traffic.is_news(key, succeeded=False)):
            return
        transaction = outside.books.transaction(TransactionId(UUID(key))) if _is_id(key) else None
        if transaction is None:
            _log.info("an event of a refund that is not ours", event_id=event.id, refund=event.object_id)
            return
        with self._traffic.in_hand(key):
            look_again(outside, transaction, outside.clock.now() + WHOLE)

    def sweep(self) -> Counts:
        """A pass and the daily clean-up, now. Whatever does not answer is among the problems."""
        counts = Counts()
        try:
            self._check_set_up()
            counts = sweep(self._outside)
            counts.orphans_cancelled = cancel_orphans(self._outside)
        except (BooksError, GatewayError) as error:
            counts.problems.append(str(error))
        return counts

    def health(self) -> Iterable[Part]:
        last = self._sweeper.last
        if self._checked is None:
            yield Part("crm", ok=False, detail=self._unchecked_because)
        elif last is not None and not last.crm_answered:
            yield Part("crm", ok=False, detail="; ".join(last.problems))
        else:
            yield Part("crm", ok=not self._checked, detail="; ".join(self._checked) or "reached, set up")
        yield Part("stripe", ok=True, detail=f"{'live' if self._outside.gateway.live else 'test'} mode")
        swept_on = self._sweeper.last_on
        detail = f"last at {swept_on:%H:%M:%S} UTC" if swept_on else "not yet"
        yield Part("sweep", ok=self._sweeper.alive, detail=detail)

    def _check_set_up(self) -> None:
        """Raises `BooksError` unless the set-up is right: in another environment than ours nothing is ours to finish."""
        self._check_once()
        self._insist_on_set_up()

    def _insist_on_set_up(self) -> None:
        if self._checked:
            raise BooksRefused(f"not set up: {self._checked[0]}", None)

    def _check_once(self) -> None:
        """Before the first sweep, and again until the CRM has answered: is the set-up as the settings and mapping say?"""
        if self._checked is not None and not self._checked:
            return
        try:
            self._checked = self._check()
        except DataverseError as error:
            self._unchecked_because = str(error)
            raise BooksUnreachable(str(error)) from error
        for problem in self._checked:
            _log.error("not set up", problem=problem)


def _is_about_money(event: GatewayEvent) -> bool:
    if event.object_kind == "setup_intent":
        return bool(event.profile)
    return event.type.startswith("payment_intent.") or event.object_kind in {"refund", _PAGE}


_PAGE = "checkout.session"
"""What Stripe calls a hosted page."""

_PAID = {
    "payment_intent.succeeded",
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
}
"""Events of a payment link that may tell of money."""


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def compose(settings: Settings, metrics: Metrics, clock: Clock | None = None) -> App:
    """The App of an installation. Raises `MappingError`; talks to nobody yet."""
    mapping = load_mapping(settings.mapping)
    dataverse = open_dataverse(settings, metrics)
    chosen = clock or (FollowingClock(settings.clock_file) if settings.clock_file else SystemClock())
    traffic = ProcessTraffic(chosen)
    outside = Outside(
        books=DataverseBooks(dataverse, mapping),
        gateway=open_gateway(settings),
        clock=chosen,
        traffic=traffic,
        alerts=LoggedAlerts(metrics),
        organisation=settings.organization_id,
        documents=RenderedDocuments(Paper(settings.paper)),
        mail=DataverseMail(dataverse, mapping, settings.mail_queue_id),
        answer_within=settings.answer_within_seconds,
        return_url=f"{str(settings.public_url).rstrip('/')}/thanks" if settings.public_url else "",
    )
    return App(outside, traffic, lambda: set_up_problems(dataverse, mapping, settings.organization_id))


def open_dataverse(settings: Settings, metrics: Metrics) -> Dataverse:
    """The Web API that the settings name; nothing is sent yet."""

    def observe(exchange: Exchange) -> None:
        metrics.remote(exchange.method, exchange.status, exchange.seconds)

    identity: Application | ManagedIdentity
    if settings.managed_identity is not None:
        identity = ManagedIdentity("" if settings.managed_identity == "system" else settings.managed_identity)
    else:
        credential: ClientSecret | ClientCertificate
        if settings.client_secret is not None:
            credential = ClientSecret(settings.client_secret.get_secret_value())
        elif settings.client_certificate is not None:
            credential = ClientCertificate(settings.client_certificate)
        else:
            raise ValueError("settings have exactly one credential")
        identity = Application(settings.tenant_id, settings.client_id, credential, settings.authority)
    tokens = Tokens(settings.dataverse_url, identity, settings.ca_bundle)
    return Dataverse(settings.dataverse_url, tokens, open_session(settings.ca_bundle), observe=observe)


def open_gateway(settings: Settings) -> StripeGateway:
    client = Stripe(settings.stripe_api_key.get_secret_value(), settings.stripe_api_base, pooled_session())
    return StripeGateway(client, {ORGANISATION: str(settings.organization_id)})


def set_up_problems(dataverse: Dataverse, mapping: TableMapping, organization: UUID) -> list[str]:
    """What is wrong with the set-up: another organisation, tables or columns that the mapping names and the CRM lacks."""
    who = dataverse.send(Operation("GET", "WhoAmI"), within=20.0).body
    found = UUID(str(who["OrganizationId"]))
    if found != organization:
        return [f"COUNTERFOIL_ORGANIZATION_ID is {organization}, but the environment's is {found}."]
    return problems(dataverse, mapping)
