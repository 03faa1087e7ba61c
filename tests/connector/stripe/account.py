"""A Stripe account of the sandbox with two customers, and a way to break the line to it."""

from dataclasses import dataclass, field

from requests import Session

from connector.stripe.client import Stripe as Client
from connector.stripe.gateway import StripeGateway
from sandbox.calls import Calls
from sandbox.clock import Clock
from sandbox.faults import Faults
from sandbox.front import Caller, Front
from sandbox.stripe.stripe import Stripe
from sandbox.wire import Request, Response
from tests.contract import openapi
from tests.in_process import Delays, InProcess

OURS = {"counterfoil_organization": "o1"}
BASE = "http://127.0.0.1:1"


@dataclass
class Account:
    """Reached in process; what we send that Stripe does not document is collected in `problems`."""

    clock: Clock = field(default_factory=Clock)
    delays: Delays = field(default_factory=Delays)
    calls: Calls = field(default_factory=Calls)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.faults = Faults(wait=self.delays)
        self.stripe = Stripe(self.clock, send=lambda *_: 200)
        self.stripe.seed(customers=[{"id": "cus_1", "name": "Fabrikam Fibre"}, {"id": "cus_2"}])
        self._front = Front(
            "stripe",
            self.stripe.handle,
            lambda _: Response(404),
            faults=self.faults,
            calls=self.calls,
            clock=self.clock,
            caller=lambda _: Caller(),
        )
        self._contract = openapi.load()

    def client(self, key: str = "sk_test_sandbox") -> Client:
        session = Session()
        session.trust_env = False
        session.mount("http://", InProcess(self._handle, self.delays))
        return Client(key, BASE, session)

    def gateway(self, key: str = "sk_test_sandbox", ours: dict[str, str] | None = None) -> StripeGateway:
        return StripeGateway(self.client(key), OURS if ours is None else ours)

    def method(self, like: str, customer: str = "cus_1") -> str:
        self.stripe.seed(payment_methods=[{"id": f"pm_of_{like}", "customer": customer, "like": like}])
        return f"pm_of_{like}"

    def sent(self) -> list[str]:
        return [f"{call['method']} {call['path'].partition('?')[0]}" for call in self.calls.since(0)["calls"]]

    def _handle(self, request: Request) -> Response:
        if self._contract is not None:
            try:
                self._contract.check_request(request.method, request.path, request.body, request.query)
            except openapi.ContractError as problem:
                self.problems.append(str(problem))
        return self._front.handle(request)
