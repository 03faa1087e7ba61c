"""The scripted gateway and the local Stripe go through the same random days of hosted pages, and never tell two stories."""

from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

import pytest

from plugins.ports import HostedPage, IntentStatus, MethodType, PageOrder, PageStatus
from plugins.rules.money import Money
from tests.contracts.terminals import OURS, LocalTerminal, ScriptedTerminal, Terminal

ENTERED = ("works", "declines", "declines", "asks", "debit", "failing debit")
HAPPENS = ("opens", "opens", "enters", "enters", "enters", "closes", "cancels", "hours", "days")
MONEY = {IntentStatus.SUCCEEDED, IntentStatus.PROCESSING}


@dataclass(frozen=True)
class Pair:
    """One order, and the page that each made of it."""

    amount: Money | None
    pages: tuple[HostedPage, HostedPage]


class BothTills:
    def __init__(self) -> None:
        self.scripted, self.local = ScriptedTerminal(), LocalTerminal()
        self.terminals: tuple[Terminal, Terminal] = (self.scripted, self.local)
        self.pairs: list[Pair] = []

    def something_happens(self, random: Random) -> str:
        what = random.choice(HAPPENS) if self.pairs else "opens"
        if what == "opens":
            amount = random.choice([None, Money(random.randint(50, 5_000), "EUR")])
            self._open(amount, random.randint(1, 23))
        elif what in {"hours", "days"}:
            # Never so few days that a bank has answered here and not there.
            much = random.randint(1, 12) if what == "hours" else random.randint(7, 20)
            for terminal in self.terminals:
                getattr(terminal, f"{what}_pass")(much)
        else:
            pair = random.choice(self.pairs[-3:])
            getattr(self, f"_{what}")(pair, random)
        return what

    def _open(self, amount: Money | None, hours: int) -> None:
        def page(terminal: Terminal) -> HostedPage:
            order = PageOrder(
                customer="cus_1",
                currency="EUR",
                method_types=(MethodType.CARD, MethodType.SEPA_DEBIT),
                expires_on=terminal.clock.now().replace(microsecond=0) + timedelta(hours=hours),
                return_url="https://counterfoil.example/thanks",
                metadata={**OURS, "counterfoil_transaction": f"t{len(self.pairs)}"},
                idempotency_key=f"page-{len(self.pairs)}",
                amount=amount,
            )
            return terminal.gateway.open_page(order, 5)

        self.pairs.append(Pair(amount, (page(self.scripted), page(self.local))))

    def _enters(self, pair: Pair, random: Random) -> None:
        method = random.choice(ENTERED)
        if self.truths(pair)[0].status is PageStatus.OPEN:
            for terminal, page in zip(self.terminals, pair.pages, strict=True):
                terminal.customer_enters(page, method)

    def _closes(self, pair: Pair, _: Random) -> None:
        for terminal, page in zip(self.terminals, pair.pages, strict=True):
            told = terminal.gateway.close_page(page.reference, 5)
            assert told.status is not PageStatus.OPEN
            assert told == terminal.gateway.read_page(page.reference, 5)

    def _cancels(self, pair: Pair, _: Random) -> None:
        """What a page made ends with its page, and by nothing else."""
        for terminal, page in zip(self.terminals, pair.pages, strict=True):
            before = terminal.gateway.read_page(page.reference, 5).intent
            if before is not None:
                assert terminal.gateway.cancel_intent(before.reference, 5).status is before.status

    def truths(self, pair: Pair) -> list[HostedPage]:
        return [
            terminal.gateway.read_page(page.reference, 5)
            for terminal, page in zip(self.terminals, pair.pages, strict=True)
        ]


@pytest.mark.parametrize("seed", range(8))
def test_both_tell_the_same_and_money_moves_once_on_a_complete_page(seed: int) -> None:
    random, both = Random(seed), BothTills()
    story: list[str] = []
    for _ in range(30):
        story.append(both.something_happens(random))
        moved = 0
        for pair in both.pairs:
            scripted, local = both.truths(pair)
            assert comparable(scripted) == comparable(local), story
            if local.intent is not None and local.intent.status in MONEY:
                assert (local.status, local.intent.amount) == (PageStatus.COMPLETE, pair.amount), story
                moved += local.intent.amount.minor * (local.intent.status is IntentStatus.SUCCEEDED)
        assert both.scripted.captured() == both.local.captured() == moved, story
    both.local.closes()


def comparable(page: HostedPage) -> object:
    """Without names, moments and words that each chooses for itself."""
    intent, method = page.intent, page.method
    code = intent.decline.code if intent is not None and intent.decline is not None else ""
    return (
        page.status,
        bool(page.url),
        page.metadata,
        intent and (intent.status, intent.amount, intent.method_type, intent.metadata, code),
        method and replace(method, reference="", last4="", expiry="", fingerprint=""),
    )
