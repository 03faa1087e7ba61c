"""Credit usage: the records of a filtered list are credited by a job of their own (E87-E104, A22).

Two changesets: the call queues the job with the list as it is; the sweep, which is nudged at once, carries it out: one
credit, an item for each record and the end of the job together, or nothing of it.
"""

from datetime import datetime
from uuid import UUID

from plugins import parameters
from plugins.actions import Action, Answer, Call
from plugins.piece import carry_out
from plugins.ports import Conflict, Outside
from plugins.posting import Done, check_active, post, request_of, target_of
from plugins.rules.books import About, Scope
from plugins.rules.draft import Draft
from plugins.rules.refusal import Refused
from plugins.rules.runs import JobStatus, UsageCreditJob
from plugins.rules.usage_credits import MOST, issue, queue, usage_of
from plugins.rules.wording import counted

ACTION = Action(
    name="cfl_CreditUsage",
    bound_to="cfl_billingaccount",
    parameters={"RequestKey": str, "UsageIds": list, "ServiceId": UUID},
    privilege="prvCreatecfl_maycreditusage",
)


def credit_usage(call: Call, outside: Outside) -> Answer:
    """Queue the job. Raises what `post` raises."""
    return post(call, outside, ACTION, _scope, _decide)


def carry_on(outside: Outside, job: UsageCreditJob, until: datetime) -> bool:
    """Carry out a queued job; whether it has ended. Idempotent: a job that has ended is left alone (A22).

    Raises `BooksError`; what was written then is found by the next attempt.
    """
    found: UsageCreditJob | None = job
    attempt = 0
    while found is not None and found.status is JobStatus.QUEUED:
        if outside.clock.now() >= until:
            return False
        queued = found
        scope = Scope(
            about=About.LEDGER, key=job.ledger, usage=usage_of(job), taxes=True, services=_known(job.service)
        )

        def decide(draft: Draft, queued: UsageCreditJob = queued) -> bool:
            issue(draft, queued)
            return True

        try:
            carry_out(outside, scope, None, job.id, until, decide)
        except Conflict:
            attempt += 1
            outside.traffic.pause(attempt)
            found = outside.books.job(job.id)
        else:
            return True
    return True


def _scope(call: Call) -> Scope:
    given = call.parameters.get("UsageIds")
    if isinstance(given, list | tuple) and len(given) > MOST:
        raise Refused(
            "too_many_records",
            f"The list has {len(given)} records; {MOST} can be credited at a time. Narrow the filter.",
        )
    chosen = parameters.keys(call.parameters, "UsageIds", MOST)
    if not chosen:
        raise Refused("usage_missing", "The list is empty. Filter it to the records to credit.")
    services = _known(parameters.key(call.parameters, "ServiceId"))
    return Scope(about=About.LEDGER, key=target_of(call), usage=chosen, taxes=True, services=services)


def _known(service: UUID | None) -> tuple[UUID, ...]:
    return (service,) if service is not None else ()


def _decide(draft: Draft, call: Call) -> Done:
    check_active(draft)
    wanted = parameters.key(call.parameters, "ServiceId")
    service = next((each for each in draft.books.services if each.id == wanted), None)
    if wanted is not None and service is None:
        raise Refused("service_not_found", "This service no longer exists. Choose one of the list.")
    chosen = parameters.keys(call.parameters, "UsageIds", MOST)
    job = queue(draft, chosen, service, draft.now, request_of(call))
    tax = f" and {job.tax} of tax" if job.tax else ""
    return Done(
        f"The credit of {counted(job.count, 'record')}, {job.net}{tax}, was added to the job queue.",
        {
            "job": str(job.id),
            "count": str(job.count),
            "net": str(job.net.amount),
            "tax": str(job.tax.amount),
            "amount": str(job.gross.amount),
            "currency": draft.currency,
        },
    )
