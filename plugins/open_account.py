"""Open a billing account: an account's ledger in one currency. Whatever needs one opens it by itself as well.

One changeset.
"""

from plugins import parameters
from plugins.actions import Action, Answer, Call
from plugins.ports import Outside
from plugins.posting import Done, post, target_of
from plugins.rules.books import About, Scope
from plugins.rules.draft import Draft
from plugins.rules.refusal import Refused

ACTION = Action(
    name="cfl_OpenAccount",
    bound_to="account",
    parameters={"RequestKey": str, "Currency": str},
    privilege="prvCreatecfl_maymanageaccount",
)


def open_account(call: Call, outside: Outside) -> Answer:
    """Raises what `post` raises."""
    return post(call, outside, ACTION, _scope, _decide)


def _scope(call: Call) -> Scope:
    currency = parameters.text(call.parameters, "Currency", longest=5)
    if not currency:
        raise Refused("currency_missing", "Choose the currency of the billing account.")
    return Scope(about=About.ACCOUNT, key=target_of(call), currency=currency)


def _decide(draft: Draft, _: Call) -> Done:
    ledger = draft.ledger
    if ledger.etag:
        raise Refused(
            "account_already_open",
            f"{ledger.name} is open already; its balance is {ledger.balance}. An account has one billing account in a currency.",
        )
    return Done(
        f"The billing account {ledger.name} is open.",
        {"account": str(ledger.id), "currency": draft.currency},
    )
