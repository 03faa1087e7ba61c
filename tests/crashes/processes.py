"""The add-on as a process that can die: the real actions and the real adapters, on a wire that can be cut."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import requests
from stripe import PaymentIntent, Refund

from connector.dataverse.books import DataverseBooks
from connector.dataverse.http import Dataverse
from connector.dataverse.mail import DataverseMail
from connector.dataverse.mapping import load_mapping
from connector.dataverse.whole import read_whole
from connector.documents.rendered import RenderedDocuments
from connector.stripe.client import Stripe
from connector.stripe.gateway import StripeGateway
from connector.sync.sweep import Counts, sweep
from connector.traffic import ProcessTraffic
from plugins.actions import Answer, Call, CallError
from plugins.charge_invoice import ACTION as CHARGE
from plugins.charge_invoice import charge_invoice
from plugins.check_request import ACTION as CHECK
from plugins.check_request import check_request
from plugins.looking_again import look_again
from plugins.make_payment import ACTION as PAY
from plugins.make_payment import make_payment
from plugins.open_account import ACTION as OPEN
from plugins.open_account import open_account
from plugins.ports import BooksUnreachable, Outside
from plugins.refund_payment import ACTION as REFUND
from plugins.refund_payment import refund_payment
from plugins.request_payment import ACTION as LINK
from plugins.request_payment import request_payment
from plugins.reverse_payments import ACTION as REVERSE
from plugins.reverse_payments import reverse_payments
from plugins.rules.checks import WholeBooks
from plugins.rules.ids import TransactionId, UserId
from plugins.settlement import WHOLE
from plugins.withdraw_payment_link import ACTION as WITHDRAW
from plugins.withdraw_payment_link import withdraw_payment_link
from sandbox.crm.crm import CLIENT_ID, CLIENT_SECRET, ORGANIZATION, TENANT
from sandbox.demo.story import ledger_id, row_id
from sandbox.world import STRIPE_API_KEY, World
from tests.crashes.wire import Wire
from tests.fakes.surroundings import HeardAlerts
from tests.in_process import InProcess

MAPPING = load_mapping("sales")
PERFORMERS = {
    CHARGE.name: charge_invoice,
    CHECK.name: check_request,
    PAY.name: make_payment,
    REFUND.name: refund_payment,
    REVERSE.name: reverse_payments,
    OPEN.name: open_account,
    LINK.name: request_payment,
    WITHDRAW.name: withdraw_payment_link,
}
BILLER = UserId(row_id("systemuser", "biller"))


class WorldClock:
    """The sandbox's clock, read by the add-on."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now(self) -> datetime:
        return self._world.clock.now()


class Stopwatch:
    """Waiting moves the world's clock instead of taking time."""

    def __init__(self, world: World) -> None:
        self._world = world

    def monotonic(self) -> float:
        return self._world.clock.now().timestamp()

    def sleep(self, seconds: float, /) -> None:
        self._world.clock.advance(seconds)


class WorldTokens:
    """Tokens of the sandbox's own endpoint, without TLS and sockets."""

    def __init__(self, world: World, session: requests.Session) -> None:
        self._world, self._session = world, session
        self._token = ""

    def token(self, within: float) -> str:
        if not self._token:
            address = self._world.addresses
            form = {
                "grant_type": "client_credentials",
                "client_id": str(CLIENT_ID),
                "client_secret": CLIENT_SECRET,
                "scope": f"{address.crm_tls}/.default",
            }
            url = f"{address.crm_tls}/{TENANT}/oauth2/v2.0/token"
            self._token = str(self._session.post(url, data=form, timeout=5).json()["access_token"])
        return self._token

    def forget(self) -> None:
        self._token = ""


class Process:
    """One life of the add-on. Whatever it knew is gone with it; the next one starts from the rows."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.crm, self.stripe = InProcess(world.crm_front.handle), InProcess(world.stripe_front.handle)
        self.wire = Wire(_Both(self.crm, self.stripe, world.addresses.stripe))
        session = requests.Session()
        session.trust_env = False
        for address in (world.addresses.crm_tls, world.addresses.stripe):
            session.mount(address, self.wire)
        self.clock = WorldClock(world)
        self.dataverse = Dataverse(
            world.addresses.crm_tls, WorldTokens(world, session), session, stopwatch=Stopwatch(world)
        )
        self.alerts = HeardAlerts()
        self.gateway = StripeGateway(
            Stripe(STRIPE_API_KEY, world.addresses.stripe, session),
            {"counterfoil_organization": str(ORGANIZATION.id)},
        )
        self.outside = Outside(
            books=DataverseBooks(self.dataverse, MAPPING),
            gateway=self.gateway,
            clock=self.clock,
            traffic=ProcessTraffic(self.clock, Stopwatch(world).sleep),
            alerts=self.alerts,
            organisation=ORGANIZATION.id,
            documents=RenderedDocuments(),
            mail=DataverseMail(self.dataverse, MAPPING),
            return_url="https://counterfoil.example/thanks",
        )

    def charge(self, invoice: str, amount: str, key: str) -> Answer | None:
        """The answer, or None where a caller would see an error."""
        return self._perform(self._call(CHARGE.name, row_id("invoice", invoice), key, Amount=Decimal(amount)))

    def open_account(self, account: str, currency: str, key: str) -> Answer | None:
        """Opened if it is not there yet."""
        return self._perform(self._call(OPEN.name, row_id("account", account), key, Currency=currency))

    def pay(self, account: str, currency: str, amount: str, key: str) -> Answer | None:
        """A payment of the account with its default profile."""
        ledger = ledger_id(account, currency)
        return self._perform(self._call(PAY.name, ledger, key, Amount=Decimal(amount)))

    def refund(self, payment: UUID, amount: str, key: str) -> Answer | None:
        return self._perform(self._call(REFUND.name, payment, key, Amount=Decimal(amount)))

    def reverse(self, payment: UUID, key: str) -> Answer | None:
        return self._perform(self._call(REVERSE.name, None, key, PaymentIds=[str(payment)]))

    def ask_for_link(self, invoice: str, amount: str | None, key: str) -> Answer | None:
        """A payment link over `amount`; over all that is left where there is none."""
        given = {} if amount is None else {"Amount": Decimal(amount)}
        return self._perform(self._call(LINK.name, row_id("invoice", invoice), key, **given))

    def withdraw(self, link: UUID, key: str) -> Answer | None:
        return self._perform(self._call(WITHDRAW.name, link, key))

    def check(self, key: str) -> Answer | None:
        return self._perform(self._call(CHECK.name, None, key))

    def sweep(self) -> Counts:
        return sweep(self.outside)

    def is_anything_left(self) -> bool:
        """Whether any transaction is still Pending, or will be looked at again."""
        far = self.clock.now() + timedelta(days=365)
        return bool(self.outside.books.due(far, 1).transactions)

    def hear(self, about: str | UUID) -> None:
        """An event about an intent, or a refund of a transaction, as the web service would take it."""
        books = self.outside.books
        transaction = (
            books.transaction(TransactionId(about))
            if isinstance(about, UUID)
            else books.transaction_of(about)
        )
        if transaction is not None:
            look_again(self.outside, transaction, self.clock.now() + WHOLE)

    def books(self) -> WholeBooks:
        books, unreadable = read_whole(self.dataverse, MAPPING)
        assert unreadable == []
        return books

    def captured(self) -> dict[str, int]:
        """Minor units by intent, of all that succeeded at Stripe."""
        return {
            intent.id: intent.amount_received for intent in self._intents() if intent.status == "succeeded"
        }

    def refunded(self) -> dict[str, int]:
        """Minor units by refund, of all that stand at Stripe."""
        return {each.id: each.amount for each in self._refunds() if each.status not in {"failed", "canceled"}}

    def orders(self) -> Counter[str]:
        """How many intents were made for each RequestKey, and how many refunds for each transaction."""
        keys = [_written(intent, "counterfoil_request") for intent in self._intents()]
        keys += [_written(refund, "counterfoil_transaction") for refund in self._refunds()]
        return Counter(key for key in keys if key)

    def _intents(self) -> Iterator[PaymentIntent]:
        client = self.gateway._stripe.within(30)
        return iter(client.v1.payment_intents.list({"limit": 100}).auto_paging_iter())

    def _refunds(self) -> Iterator[Refund]:
        client = self.gateway._stripe.within(30)
        return iter(client.v1.refunds.list({"limit": 100}).auto_paging_iter())

    def _call(self, action: str, target: UUID | None, key: str, **parameters: object) -> Call:
        return Call(action, target, BILLER, key, parameters, self.clock.now(), ORGANIZATION.id)

    def _perform(self, call: Call) -> Answer | None:
        try:
            return PERFORMERS[call.action](call, self.outside)
        except (BooksUnreachable, CallError):
            return None


def _written(made: PaymentIntent | Refund, name: str) -> str:
    """What we wrote on it."""
    return str(made.metadata.to_dict().get(name, "")) if made.metadata else ""


class _Both(InProcess):
    def __init__(self, crm: InProcess, stripe: InProcess, stripe_address: str) -> None:
        super().__init__(crm._handler)
        self._crm, self._stripe, self._stripe_address = crm, stripe, stripe_address

    def send(self, request: requests.PreparedRequest, **options: object) -> requests.Response:  # type: ignore[override]  # passed on whole
        to_stripe = (request.url or "").startswith(self._stripe_address)
        return (self._stripe if to_stripe else self._crm).send(request, **options)  # type: ignore[arg-type]  # likewise
