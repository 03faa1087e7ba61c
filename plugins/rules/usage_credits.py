"""Usage credits: chosen usage records are credited together, each at most once (E87-E104, A22, I32)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from plugins.rules.dates import business_today
from plugins.rules.draft import Draft
from plugins.rules.entering import Entry, add_credit
from plugins.rules.ids import EntryId, RequestId
from plugins.rules.ledger import AccountTransaction, Origin, UsageRecord, UsageStatus
from plugins.rules.money import Money, split, total
from plugins.rules.refusal import Refused
from plugins.rules.runs import ItemOutcome, JobStatus, UsageCreditItem, UsageCreditJob, item_id
from plugins.rules.setup import Service
from plugins.rules.taxing import Tax, in_force
from plugins.rules.wording import counted

MOST = 400
"""Records of one job: one changeset holds all of them."""


@dataclass(frozen=True)
class Sum:
    """What records come to. Tax only where usage is taxed record by record (E91)."""

    net: Money
    tax: Money

    @property
    def gross(self) -> Money:
        return self.net + self.tax


def queue(
    draft: Draft, chosen: Sequence[UUID], service: Service | None, now: datetime, request: RequestId | None
) -> UsageCreditJob:
    """A job with the list as it was chosen; it is due at once. Raises `Refused`."""
    if service is None:
        raise Refused("service_missing", "Choose the service that the credit is issued against.")
    records = _records(draft, chosen)
    eligible = [each for each in records if each.status is not UsageStatus.CREDITED]
    if not eligible:
        raise Refused(
            "nothing_to_credit",
            f"{counted(len(records), 'record')} of the list {'was' if len(records) == 1 else 'were'} credited already. Nothing is left to credit.",
        )
    setting = draft.books.setting
    whole = sum_of(draft, eligible, with_tax=setting is not None and setting.usage_taxing)
    if whole.gross.minor <= 0:
        raise Refused("nothing_to_credit", f"The records of the list come to {whole.gross}.")
    if whole.tax and service.tax_category is None:
        raise Refused(
            "tax_category_missing",
            f"{service.name} has no Service Tax Category, so {whole.tax} of tax can't be credited to it. Set one, or choose another service.",
        )
    return draft.put(
        UsageCreditJob(
            id=draft.new_id(),
            ledger=draft.ledger.id,
            currency_id=draft.ledger.currency_id,
            owner=draft.ledger.owner,
            service=service.id,
            status=JobStatus.QUEUED,
            usage_ids=" ".join(str(each) for each in chosen),
            count=len(eligible),
            net=whole.net,
            tax=whole.tax,
            gross=whole.gross,
            next_check_on=now,
            request=request,
        )
    )


def usage_of(job: UsageCreditJob) -> tuple[UUID, ...]:
    """The frozen list."""
    return tuple(UUID(each) for each in job.usage_ids.split())


def issue(draft: Draft, job: UsageCreditJob) -> UsageCreditJob:
    """Carry the job out: one credit for what is still eligible, an item for each record (E88, A22). Refuses nothing.

    A record that was credited meanwhile is skipped and reported; with none left the job has failed.
    """
    found = {each.id: each for each in draft.usage}
    listed = [found[key] for key in usage_of(job) if key in found]
    eligible = [each for each in listed if _reason(each, job) == ""]
    whole = sum_of(draft, eligible, with_tax=bool(job.tax))
    issues = whole.gross.minor > 0
    credit = _credit(draft, job, eligible, whole) if issues else None
    for each in listed:
        reason = _reason(each, job) or ("" if issues else "The records come to nothing.")
        draft.put(
            UsageCreditItem(
                id=item_id(job.id, each.id),
                name=f"{each.used_on:%Y-%m-%d %H:%M}",
                job=job.id,
                usage=each.id,
                currency_id=draft.ledger.currency_id,
                owner=draft.ledger.owner,
                net=each.net if not reason else draft.zero,
                tax=each.tax if not reason and job.tax else draft.zero,
                outcome=ItemOutcome.SKIPPED if reason else ItemOutcome.CREDITED,
                reason=reason,
            )
        )
        if credit is not None and not reason:
            draft.put(replace(each, status=UsageStatus.CREDITED, credit=EntryId(credit.id)))
    credited = len(eligible) if credit else 0
    skipped = len(usage_of(job)) - credited
    return draft.change(
        job,
        replace(
            job,
            status=JobStatus.DONE if credit else JobStatus.FAILED,
            credited=credited,
            skipped=skipped,
            credit=EntryId(credit.id) if credit else None,
            message=_told(credit, credited, skipped),
            next_check_on=None,
        ),
    )


def sum_of(draft: Draft, records: Sequence[UsageRecord], *, with_tax: bool) -> Sum:
    net = total([each.net for each in records], draft.currency)
    return Sum(net, total([each.tax for each in records], draft.currency) if with_tax else draft.zero)


def _records(draft: Draft, chosen: Sequence[UUID]) -> list[UsageRecord]:
    found = {each.id: each for each in draft.usage if each.ledger == draft.ledger.id}
    if any(key not in found for key in chosen):
        raise Refused(
            "usage_of_another_account",
            "These usage records are not all of this billing account, or some no longer exist. Refresh the list.",
        )
    return [found[key] for key in chosen]


def _reason(record: UsageRecord, job: UsageCreditJob) -> str:
    """Why it is not credited; empty for one that is."""
    if record.ledger != job.ledger:
        return "It belongs to another billing account now."
    if record.status is UsageStatus.CREDITED:
        return "It was credited already."
    return ""


def _credit(
    draft: Draft, job: UsageCreditJob, records: Sequence[UsageRecord], whole: Sum
) -> AccountTransaction:
    days = [business_today(draft.books, each.used_on) for each in records]
    return add_credit(
        draft,
        Entry(
            net=whole.net,
            taxes=_taxes(draft, job, whole, draft.today),
            dated=draft.today,
            posting_date=draft.posting_date,
            origin=Origin.USAGE_CREDIT,
            detail=f"Usage credit, {counted(len(records), 'record')}",
            service=job.service,
            period_start=min(days),
            period_end=max(days),
            tax_exempt=not whole.tax,
            request=job.request,
        ),
    )


def _taxes(draft: Draft, job: UsageCreditJob, whole: Sum, day: date) -> list[Tax]:
    """The records' own tax, shared among the rates of the service's tax category (E92) in proportion."""
    if not whole.tax:
        return []
    service = next((each for each in draft.books.services if each.id == job.service), None)
    category = service.tax_category if service else None
    rates = [each for each in in_force(draft.books.tax_rates, category, day) if each.rate > 0]
    if not rates:
        return [Tax(None, Decimal(0), whole.net, whole.tax, "")]
    shares = split(whole.tax, [int(each.rate.scaleb(10)) for each in rates])
    return [
        Tax(each.id, each.rate, whole.net, share, each.jurisdiction)
        for each, share in zip(rates, shares, strict=True)
        if share
    ]


def _told(credit: AccountTransaction | None, credited: int, skipped: int) -> str:
    if credit is None:
        return f"No record of this job could be credited: {counted(skipped, 'record')} skipped."
    left = f" {counted(skipped, 'record')} skipped." if skipped else ""
    return f"Credit #{credit.number} of {credit.gross} was issued for {counted(credited, 'record')}.{left}"
