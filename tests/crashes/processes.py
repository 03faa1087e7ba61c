"""The add-on as a process that can die: the real actions and the real adapters, on a wire that can be cut."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import requests
from stripe import PaymentIntent

from connector.dataverse.books import DataverseBooks
from connector.dataverse.http import Dataverse
from connector.dataverse.mapping import load_mapping
from connector.stripe.client import Stripe
from connector.stripe.gateway import StripeGateway
from connector.sync.sweep import Counts, sweep
from connector.traffic import ProcessTraffic
from plugins.actions import Answer, Call, CallError
from plugins.charge_invoice import ACTION as CHARGE
from plugins.charge_invoice import charge_invoice
from plugins.check_request import ACTION as CHECK
from plugins.check_request import check_request
from plugins.ports import BooksUnreachable, Outside
from plugins.rules.checks import WholeBooks
from plugins.rules.ids import UserId
from plugins.settlement import WHOLE, look_again
from sandbox.crm.crm import CLIENT_ID, CLIENT_SECRET, ORGANIZATION, TENANT
from sandbox.demo.story import row_id
from sandbox.world import STRIPE_API_KEY, World
from tests.crashes.wire import Wire
from tests.fakes.surroundings import HeardAlerts
from tests.in_process import InProcess
from tests.whole_books import read_whole

MAPPING = load_mapping("sales")
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
        )

    def charge(self, invoice: str, amount: str, key: str) -> Answer | None:
        """The answer, or None where a caller would see an error."""
        return self._perform(self._call(CHARGE.name, row_id("invoice", invoice), key, Amount=Decimal(amount)))

    def check(self, key: str) -> Answer | None:
        return self._perform(self._call(CHECK.name, None, key))

    def sweep(self) -> Counts:
        return sweep(self.outside)

    def is_anything_left(self) -> bool:
        """Whether any transaction is still Pending, or will be looked at again."""
        far = self.clock.now() + timedelta(days=365)
        return bool(self.outside.books.due(far, 1).transactions)

    def hear(self, intent: str) -> None:
        """An event about an intent, as the web service would take it."""
        transaction = self.outside.books.transaction_of(intent)
        if transaction is not None:
            look_again(self.outside, transaction, self.clock.now() + WHOLE)

    def books(self) -> WholeBooks:
        return read_whole(self.dataverse, MAPPING)

    def captured(self) -> dict[str, int]:
        """Minor units by intent, of all that succeeded at Stripe."""
        return {
            intent.id: intent.amount_received for intent in self._intents() if intent.status == "succeeded"
        }

    def orders(self) -> Counter[str]:
        """How many intents were made for each RequestKey."""
        keys = (intent.metadata.to_dict().get("counterfoil_request", "") for intent in self._intents())
        return Counter(key for key in keys if key)

    def _intents(self) -> Iterator[PaymentIntent]:
        client = self.gateway._stripe.within(30)
        return iter(client.v1.payment_intents.list({"limit": 100}).auto_paging_iter())

    def _call(self, action: str, target: UUID | None, key: str, **parameters: Decimal) -> Call:
        return Call(action, target, BILLER, key, parameters, self.clock.now(), ORGANIZATION.id)

    def _perform(self, call: Call) -> Answer | None:
        performer = charge_invoice if call.action == CHARGE.name else check_request
        try:
            return performer(call, self.outside)
        except (BooksUnreachable, CallError):
            return None


class _Both(InProcess):
    def __init__(self, crm: InProcess, stripe: InProcess, stripe_address: str) -> None:
        super().__init__(crm._handler)
        self._crm, self._stripe, self._stripe_address = crm, stripe, stripe_address

    def send(self, request: requests.PreparedRequest, **options: object) -> requests.Response:  # type: ignore[override]  # passed on whole
        to_stripe = (request.url or "").startswith(self._stripe_address)
        return (self._stripe if to_stripe else self._crm).send(request, **options)  # type: ignore[arg-type]  # likewise
