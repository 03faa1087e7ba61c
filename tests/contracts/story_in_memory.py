"""The demo's story as rows in memory, so that both implementations of the books are asked about the same customers."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from plugins.rules.ids import (
    AccountId,
    ContactId,
    ContractId,
    CurrencyId,
    DisbursementId,
    InvoiceId,
    LedgerId,
    PaymentId,
    PaymentTypeId,
    ProfileId,
    RequestId,
    TransactionId,
    UserId,
)
from plugins.rules.ledger import (
    ChargeStatus,
    Disbursement,
    Invoice,
    InvoiceStatus,
    Ledger,
    LedgerState,
    LedgerStatus,
    Mode,
    Operation,
    Outcome,
    Payment,
    Request,
    Source,
    Stage,
    Transaction,
    TransactionStatus,
)
from plugins.rules.money import Money
from plugins.rules.row import Owner, Row
from plugins.rules.setup import (
    Account,
    Backend,
    BillingGroup,
    Contract,
    ContractStatus,
    Currency,
    Delivery,
    Frequency,
    GatewayMode,
    InvoiceTemplate,
    PaymentType,
    Processor,
    Profile,
    ProfileStatus,
    ProfileType,
    Service,
    Setting,
    TaxRate,
)
from sandbox.crm.crm import ORGANIZATION
from sandbox.demo import story
from sandbox.demo.story import PastCharge, row_id

STATUSES = {
    "New": InvoiceStatus.NEW,
    "Partially Shipped": InvoiceStatus.PARTIALLY_SHIPPED,
    "Billed": InvoiceStatus.BILLED,
    "Booked": InvoiceStatus.BOOKED,
    "Installed": InvoiceStatus.INSTALLED,
    "Canceled": InvoiceStatus.CANCELED,
}
BACKENDS = {
    "Credit Card": Backend.CREDIT_CARD,
    "ACH": Backend.ACH,
    "Check": Backend.CHECK,
    "Cash": Backend.CASH,
}


def rows(now: datetime) -> Iterator[Row]:
    """Every row that the books know of, as the story leaves them on the day of `now`."""
    told = story.read()
    yield from _set_up(told)
    for account in told["accounts"]:
        yield from _customer(account, now)
    charges = list(story.past_charges(now))
    for charge in charges:
        earlier = [each for each in charges if each.account == charge.account and each.at < charge.at]
        yield from _charge(charge, number=2 * len(earlier) + 1)
    for invoice in told["invoices"]:
        yield _invoice(invoice, [each for each in charges if each.invoice == invoice["number"]], now)
    yield from _ledgers(charges)


def _set_up(told: story.Table) -> Iterator[Row]:
    template = row_id("cfl_invoicetemplate", told["templates"][0]["name"])
    yield Setting(
        id=row_id("cfl_setting", "Counterfoil"),
        time_zone=told["business_time_zone"],
        organization=str(ORGANIZATION.id),
        mode=GatewayMode.TEST,
        financial=False,
        usage_taxing=True,
        default_template=template,
    )
    for product in told["products"]:
        yield Service(
            id=row_id("product", product["number"]),
            name=product["name"],
            frequency=Frequency(product["frequency"].lower()),
            tax_category=row_id("cfl_servicetaxcategory", product["tax"]),
        )
    for rate in told["tax_rates"]:
        yield TaxRate(
            id=row_id("cfl_taxrate", rate["name"]),
            name=rate["name"],
            code=row_id("cfl_taxcode", rate["code"]),
            category=row_id("cfl_servicetaxcategory", rate["category"]),
            rate=Decimal(rate["rate"]),
            jurisdiction=rate["jurisdiction"],
            valid_from=None,
            valid_to=None,
        )
    for each in told["templates"]:
        yield InvoiceTemplate(
            id=row_id("cfl_invoicetemplate", each["name"]),
            name=each["name"],
            exclude_reversal=each.get("exclude_reversal", False),
            show_detail=each["detail"],
            sender_name=each["sender"],
            sender_address=each["address"],
            footer=each["footer"],
        )
    for group in told["groups"]:
        yield BillingGroup(
            id=row_id("cfl_billinggroup", group["name"]),
            name=group["name"],
            close_cancelled=group.get("close_cancelled", False),
            delivery=Delivery(group["delivery"].lower()),
            template=template,
        )
    for currency in told["currencies"]:
        yield Currency(id=_currency(currency["code"]), code=currency["code"])
    for kind in told["payment_types"]:
        yield PaymentType(
            id=row_id("cfl_paymenttype", kind["name"]),
            name=kind["name"],
            number=kind["number"],
            backend=BACKENDS[kind["backend"]],
            automatic=kind.get("automatic", False),
        )


def _brand(profile: story.Table) -> str:
    return str(profile["name"].partition(" •••• ")[0])


def _customer(account: story.Table, now: datetime) -> Iterator[Row]:
    name = account["name"]
    key = AccountId(row_id("account", name))
    yield Account(
        id=key,
        name=name,
        owner=_owner(name),
        email=f"accounts@{story.slug(name)}.example",
        address=f"{account['city']}\r\n{account['country']}",
    )
    for profile in account.get("profiles", ()):
        month_year = story.expiry(profile, now)
        saved = "like" in profile
        yield Profile(
            id=row_id("cfl_paymentprofile", f"{name}/{profile['key']}"),
            name=profile["name"],
            account=key,
            type=_profile_type(profile.get("like", "")),
            customer_ref=story.customer_ref(name) if saved else "",
            method_ref=story.method_ref(name, profile["key"]) if saved else "",
            expiry=f"{month_year[0]:02}/{month_year[1]}" if month_year else "",
            status=ProfileStatus(profile.get("status", "Ready").lower()),
            is_default=profile.get("default", False),
            default_slot=str(row_id("account", name)) if profile.get("default") else "",
            owner=_owner(name),
            processor=Processor.STRIPE,
            contact=ContactId(row_id("contact", account["contact"])),
            brand=_brand(profile) if saved and month_year else "",
            last4=profile["name"].partition(" •••• ")[2] if saved else "",
            created_on=now,
        )
    if "contract" in account:
        chosen = account["contract"]
        yield Contract(
            id=row_id("cfl_billingcontract", name),
            name=f"BC-{account['number'].removeprefix('C-'):0>5}",
            account=key,
            profile=ProfileId(row_id("cfl_paymentprofile", f"{name}/{chosen}")) if chosen else None,
            status=ContractStatus.ACTIVE,
            auto_charge=account.get("auto_charge", False),
        )


def _profile_type(like: str) -> ProfileType:
    if not like or like.startswith("pm_card_"):
        return ProfileType.CARD
    return ProfileType.ACH_DEBIT if "usBankAccount" in like else ProfileType.SEPA_DEBIT


def _invoice(told: story.Table, charges: list[PastCharge], now: datetime) -> Invoice:
    account = _account(told["customer"])
    currency = told.get("currency") or account["currency"]
    status = STATUSES[told.get("status", "Billed")]
    if charges:
        status = InvoiceStatus.PARTIAL if charges[-1].settled_balance else InvoiceStatus.COMPLETE
    kind = "account" if account else "contact"
    return Invoice(
        id=InvoiceId(row_id("invoice", told["number"])),
        number=told["number"],
        customer=row_id(kind, told["customer"]),
        customer_kind=kind,
        currency_id=_currency(currency),
        total=Money.parse(told["total"], currency),
        status=status,
        contract=ContractId(row_id("cfl_billingcontract", told["customer"]))
        if "contract" in account
        else None,
        ledger=LedgerId(story.ledger_id(told["customer"], currency)) if charges else None,
        ledger_state=LedgerState.CLOSED if charges else None,
        name=told["name"],
        dated=(now + timedelta(days=told["issued"])).date(),
        owner=_owner(told["customer"]),
        paid_on=charges[-1].at.date() if status is InvoiceStatus.COMPLETE else None,
        last_charge_status=ChargeStatus.SUCCEEDED if charges else None,
    )


def _ledgers(charges: list[PastCharge]) -> Iterator[Row]:
    for account in story.read()["accounts"]:
        own = [each for each in charges if each.account == account["name"]]
        if not own and "ledger" not in account:
            continue
        name, currency = account["name"], account["currency"]
        zero = Money.zero(currency)
        yield Ledger(
            id=LedgerId(story.ledger_id(name, currency)),
            name=f"{name} ({currency})",
            key=story.ledger_key(name, currency),
            account=AccountId(row_id("account", name)),
            currency_id=_currency(currency),
            owner=_owner(name),
            status=LedgerStatus(account.get("ledger", "Active").lower()),
            open_invoice=None,
            balance=Money.parse(story.owed(name, currency), currency),
            deposit_balance=zero,
            undisbursed=zero,
            version=2 * len(own) or 1,
            last_number=2 * len(own),
            customer_ref=story.customer_ref(name),
        )


def _charge(charge: PastCharge, number: int) -> Iterator[Row]:
    amount, zero = Money(charge.minor, charge.currency), Money.zero(charge.currency)
    sentence = f"{charge.amount} {charge.currency} was charged to {charge.profile_name}."
    biller = row_id("systemuser", "biller")
    shared: dict[str, Any] = {
        "ledger": LedgerId(story.ledger_id(charge.account, charge.currency)),
        "currency_id": _currency(charge.currency),
        "owner": _owner(charge.account),
        "amount": amount,
    }
    invoice = InvoiceId(row_id("invoice", charge.invoice))
    transaction, payment = TransactionId(charge.transaction_id), PaymentId(charge.payment_id)
    yield Request(
        id=RequestId(charge.request_id),
        key=charge.key,
        action="cfl_ChargeInvoice",
        input_hash="0" * 64,
        outcome=Outcome.DONE,
        code="succeeded",
        message=sentence,
        result="",
        invoice=invoice,
        ledger=shared["ledger"],
        transaction=transaction,
        requested_by=UserId(biller),
        owner=Owner(biller),
        source=Source.USER,
        created_on=charge.at,
    )
    yield Transaction(
        id=transaction,
        operation=Operation.CHARGE,
        invoice=invoice,
        profile=ProfileId(row_id("cfl_paymentprofile", f"{charge.account}/{charge.profile_key}")),
        request=RequestId(charge.request_id),
        gateway_reference=charge.intent,
        status=TransactionStatus.SUCCEEDED,
        stage=Stage.FINAL,
        result=sentence,
        payment=payment,
        created_on=charge.at,
        **shared,
    )
    yield Payment(
        id=payment,
        number=number,
        payment_type=PaymentTypeId(row_id("cfl_paymenttype", "Credit Card")),
        dated=charge.at.date(),
        posting_date=charge.at.date(),
        detail=f"Charge of invoice {charge.invoice}",
        automatic=False,
        deposit=False,
        display_invoice=None,
        disbursed=amount,
        undisbursed=zero,
        refunded=zero,
        is_disbursed=True,
        is_refunded=False,
        transaction=transaction,
        request=RequestId(charge.request_id),
        **shared,
    )
    yield Disbursement(
        id=DisbursementId(charge.disbursement_id(number + 1)),
        number=number + 1,
        invoice=invoice,
        payment=payment,
        credit=None,
        mode=Mode.CHARGE,
        payment_transaction=transaction,
        **shared,
    )


def people() -> Iterator[tuple[UserId, str]]:
    for user in story.read()["users"]:
        yield UserId(row_id("systemuser", user["login"])), f"{user['first']} {user['last']}"


def _account(name: str) -> story.Table:
    found: story.Table = next((each for each in story.read()["accounts"] if each["name"] == name), {})
    return found


def _owner(account: str) -> Owner:
    return Owner(row_id("systemuser", _account(account).get("owner", "biller")))


def _currency(code: str) -> CurrencyId:
    return CurrencyId(row_id("transactioncurrency", code))
