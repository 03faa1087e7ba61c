"""Two terminals with the same payment methods: the scripted gateway, and the real adapter on the local Stripe."""

from typing import Protocol

from plugins.ports import Clock, Decline, Gateway, HostedPage, IntentStatus, MethodType, RefundStatus
from tests.connector.stripe.account import Account
from tests.fakes.clock import ManualClock
from tests.fakes.gateway import ScriptedGateway, no_answer
from tests.sandbox_stripe.customer import Customer

OURS = {"counterfoil_organization": "0a000000-0000-4000-8000-000000000001"}
METHODS = {
    "works": "pm_card_visa",
    "declines": "pm_card_visa_chargeDeclinedInsufficientFunds",
    "asks": "pm_card_authenticationRequired",
    "refunds later": "pm_card_pendingRefund",
    "refunds fail": "pm_card_refundFail",
    "debit": "pm_success_de",
    "failing debit": "pm_failed_de",
}
ENTERED = {
    "works": "pm_card_visa",
    "declines": "pm_card_chargeDeclinedInsufficientFunds",
    "asks": "pm_card_authenticationRequired",
    "debit": "pm_success_de",
    "failing debit": "pm_failed_de",
    "unverified": "bank_account_by_deposits",
}
PATHS = {
    "create": ("POST", "/payment_intents$"),
    "confirm": ("POST", "/confirm$"),
    "cancel": ("POST", "/cancel$"),
    "read": ("GET", "/payment_intents/pi_"),
    "refund": ("POST", "/refunds$"),
    "read refund": ("GET", "/refunds/re_"),
    "list refunds": ("GET", "/refunds$"),
    "create customer": ("POST", "/customers$"),
    "open page": ("POST", "/sessions$"),
    "read page": ("GET", "/sessions/cs_"),
    "close page": ("POST", "/expire$"),
}


class Terminal(Protocol):
    """A gateway with a customer who has each kind of payment method, and what banks and networks do."""

    @property
    def gateway(self) -> Gateway: ...

    @property
    def clock(self) -> Clock: ...

    def days_pass(self, days: int) -> None: ...

    def hours_pass(self, hours: int) -> None: ...

    def customer_enters(self, page: HostedPage, method: str) -> None:
        """On a hosted page that is open; whoever's bank asks authenticates."""
        ...

    def loses_request(self, call: str) -> None: ...

    def loses_answer(self, call: str) -> None: ...

    def captured(self) -> int:
        """Minor units that moved."""
        ...


class ScriptedTerminal:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.gateway = ScriptedGateway(self.clock, ours=OURS)
        self.gateway.methods = {
            "declines": Decline("card_declined", "insufficient_funds", "try_again_later", "Insufficient."),
            "asks": Decline("authentication_required", "authentication_required", "", "Authenticate."),
            "debit": IntentStatus.PROCESSING,
            "failing debit": IntentStatus.PROCESSING,
        }

    def days_pass(self, days: int) -> None:
        self.clock.advance(days=days)
        for page in list(self.gateway.unverified):
            self.gateway.bank_verifies(page)
        for reference, intent in self.gateway.intents.items():
            if intent.status in {IntentStatus.PROCESSING, IntentStatus.REQUIRES_ACTION}:
                if self.gateway.orders[reference].method == "debit":
                    self.gateway.become(reference, IntentStatus.SUCCEEDED)
                else:
                    bank = Decline("payment_method_provider_decline", message="The customer's bank declined.")
                    self.gateway.become(reference, IntentStatus.REQUIRES_PAYMENT_METHOD, bank)

        for reference, refund in self.gateway.refunds.items():
            method = self.gateway.orders[refund.intent].method
            if method == "refunds later":
                self.gateway.refund_become(reference, RefundStatus.SUCCEEDED)
            elif method == "refunds fail":
                self.gateway.refund_become(reference, RefundStatus.FAILED, "expired_or_canceled_card")

    def hours_pass(self, hours: int) -> None:
        self.clock.advance(hours=hours)

    def customer_enters(self, page: HostedPage, method: str) -> None:
        if method == "unverified":
            self._enters_what_is_to_be_verified(page)
            return
        if self.gateway.page_orders[page.reference].amount is None:
            if not isinstance(self.gateway.methods.get(method), Decline) or method == "asks":
                self._saves(page, method)
            return
        kind = MethodType.SEPA_DEBIT if "debit" in method else MethodType.CARD
        outcome = IntentStatus.SUCCEEDED if method == "asks" else self.gateway.methods.get(method)
        self.gateway.customer_pays(page.reference, outcome or IntentStatus.SUCCEEDED, method, kind)

    def _enters_what_is_to_be_verified(self, page: HostedPage) -> None:
        if self.gateway.page_orders[page.reference].amount is None:
            self.gateway.customer_saves(page.reference, MethodType.ACH_DEBIT, verified=False)
        else:
            waiting, kind = IntentStatus.REQUIRES_ACTION, MethodType.ACH_DEBIT
            self.gateway.customer_pays(page.reference, waiting, "debit", kind)

    def _saves(self, page: HostedPage, method: str) -> None:
        if "debit" in method:
            self.gateway.customer_saves(page.reference, MethodType.SEPA_DEBIT, "", "3000", "")
        else:
            self.gateway.customer_saves(page.reference)

    def loses_request(self, call: str) -> None:
        self.gateway.before = no_answer(call)

    def loses_answer(self, call: str) -> None:
        self.gateway.after = no_answer(call)

    def captured(self) -> int:
        return self.gateway.captured()


class LocalTerminal:
    def __init__(self) -> None:
        self._account = Account()
        self.clock = self._account.clock
        self._account.stripe.seed(
            payment_methods=[
                {"id": name, "customer": "cus_1", "like": like} for name, like in METHODS.items()
            ]
        )
        self.gateway = self._account.gateway(ours=OURS)

    def days_pass(self, days: int) -> None:
        self.clock.advance(days * 86400)
        self._account.stripe.settle_due()

    def hours_pass(self, hours: int) -> None:
        self.clock.advance(hours * 3600)

    def customer_enters(self, page: HostedPage, method: str) -> None:
        customer = Customer(self._account.stripe.handle)
        customer.chooses(page.url, ENTERED[method])
        if method == "asks":
            customer.authenticates(page.url)

    def loses_request(self, call: str) -> None:
        self._drop("drop_before", call)

    def loses_answer(self, call: str) -> None:
        self._drop("drop_after", call)

    def captured(self) -> int:
        intents = self._account.client().within(10).v1.payment_intents.list({"limit": 100})
        return sum(each.amount_received for each in intents.auto_paging_iter())

    def closes(self) -> None:
        """What we sent was all as Stripe describes it."""
        self._account.stripe.stop()
        assert self._account.problems == []

    def _drop(self, effect: str, call: str) -> None:
        method, path = PATHS[call]
        self._account.faults.replace([{"do": effect, "method": method, "path": path}])
