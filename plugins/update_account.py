"""Update a billing account: its status, the billing group it belongs to, whether it is exempt from tax.

One changeset. What is not given stays as it is. A cancelled account may be made active again (a cancellation in error
has no other way back), which takes its Cancelled On off.
"""

from dataclasses import replace
from uuid import UUID

from plugins import parameters
from plugins.actions import Action, Answer, Call
from plugins.ports import Outside
from plugins.posting import Done, post, target_of
from plugins.rules.books import About, Scope
from plugins.rules.choosing import ledger_status
from plugins.rules.draft import Draft
from plugins.rules.ledger import Ledger, LedgerStatus
from plugins.rules.refusal import Refused

ACTION = Action(
    name="cfl_UpdateAccount",
    bound_to="cfl_billingaccount",
    parameters={"RequestKey": str, "Status": int, "BillingGroupId": UUID, "TaxExempt": bool},
    privilege="prvCreatecfl_maymanageaccount",
)

NO_GROUP = UUID(int=0)
"""Given as the group: it leaves its group."""


def update_account(call: Call, outside: Outside) -> Answer:
    """Raises what `post` raises."""
    return post(call, outside, ACTION, _scope, _decide)


def _scope(call: Call) -> Scope:
    if all(call.parameters.get(each) is None for each in ("Status", "BillingGroupId", "TaxExempt")):
        raise Refused("nothing_to_change", "Choose what to change: the status, the billing group or the tax.")
    return Scope(about=About.LEDGER, key=target_of(call), groups=True)


def _decide(draft: Draft, call: Call) -> Done:
    before = draft.ledger
    after = replace(
        before,
        tax_exempt=parameters.yes(call.parameters, "TaxExempt", default=before.tax_exempt),
        billing_group=_group(draft, parameters.key(call.parameters, "BillingGroupId")),
    )
    status = ledger_status(call.parameters.get("Status"))
    if status is not None and status is not before.status:
        cancelled = status is LedgerStatus.CANCELLED
        after = replace(after, status=status, cancelled_on=draft.today if cancelled else None)
    draft.change_ledger(after)
    return Done(_told(before, after), {"status": after.status.value})


def _group(draft: Draft, wanted: UUID | None) -> UUID | None:
    if wanted is None:
        return draft.ledger.billing_group
    if wanted == NO_GROUP:
        return None
    if not any(each.id == wanted for each in draft.books.billing_groups):
        raise Refused(
            "billing_group_not_found", "This billing group no longer exists. Choose one of the list."
        )
    return wanted


def _told(before: Ledger, after: Ledger) -> str:
    changes = []
    if after.status is not before.status:
        changes.append(f"is {after.status.value} now")
    if after.billing_group != before.billing_group:
        changes.append("has another billing group now" if after.billing_group else "has no billing group now")
    if after.tax_exempt != before.tax_exempt:
        changes.append("is tax exempt now" if after.tax_exempt else "is taxed now")
    told = "; it ".join(changes) or "is as it was"
    return f"The billing account {after.name} {told}."
