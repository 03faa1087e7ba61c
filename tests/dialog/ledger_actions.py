"""Every action of the page: what a user finds in it, fills in and presses, and the one call that this becomes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from playwright.sync_api import Page

from tests.dialog.scripted_crm import ACCOUNT, CHOICE, INVOICE, VISA
from tests.dialog.scripted_ledger import (
    ADA,
    BATCH,
    BY_CARD,
    BY_CHECK,
    CARD_PAYMENT,
    CHARGE_RUN,
    CHEQUE,
    CREDIT,
    DEBIT,
    DISBURSEMENT,
    GROUP,
    HOSTING,
    INSTALLATION,
    INVOICE_TWO,
    LEDGER,
    LINK,
    USAGE,
    VAT_REDUCED,
    ScriptedLedger,
    a_transaction,
)

TODAY = "2026-11-22T00:00:00Z"
OF_ACCOUNT = f"cfl_billingaccounts({LEDGER})/Microsoft.Dynamics.CRM."
OF_TRANSACTION = f"cfl_accounttransactions({DEBIT})/Microsoft.Dynamics.CRM."
OF_PAYMENT = f"cfl_payments({CHEQUE})/Microsoft.Dynamics.CRM."
OF_INVOICE = f"invoices({INVOICE})/Microsoft.Dynamics.CRM."

FILTERED = (
    '<fetch top="50"><entity name="cfl_usagerecord"><attribute name="cfl_name"/>'
    '<filter><condition attribute="cfl_terminator" operator="like" value="%555%"/></filter></entity></fetch>'
)


@dataclass(frozen=True)
class Asked:
    """`fill` does what a user does before pressing the last button; `required` and `defaults` are by label."""

    handed: dict[str, Any]
    title: str
    path: str
    body: dict[str, Any]
    save: str
    done: str
    fill: Callable[[Page], None] = field(default=lambda _: None)
    required: tuple[str, ...] = ()
    defaults: dict[str, str | bool] = field(default_factory=dict)
    facts: tuple[str, ...] = ()
    says: str = ""
    another: bool = False
    prepare: Callable[[ScriptedLedger], None] = field(default=lambda _: None)


def fills(**entries: str) -> Callable[[Page], None]:
    """Types into the fields of these names; what begins with "=" is chosen from a list."""

    def filled(page: Page) -> None:
        for name, entry in entries.items():
            control = page.locator(f"#{name}")
            if entry.startswith("="):
                control.select_option(entry[1:])
            else:
                control.fill(entry)

    return filled


def chooses_service(page: Page, text: str, label: str) -> None:
    page.locator("#ServiceId").press_sequentially(text)
    page.get_by_role("option", name=label).click()


def a_debit(page: Page) -> None:
    fills(
        Amount="1,250.10",
        Date="2026-11-20",
        PostingDate="2026-11-22",
        PeriodStart="2026-10-01",
        PeriodEnd="2026-10-31",
        Detail=" Second line ",
    )(page)
    chooses_service(page, "inst", "Installation")
    page.get_by_label("Tax exempt").check()


def a_credit(page: Page) -> None:
    fills(Amount="75.50", Detail="Goodwill")(page)
    chooses_service(page, "host", "Hosting set-up")
    page.get_by_role("checkbox", name="INV-1002").check()


def a_tax_adjustment(page: Page) -> None:
    page.get_by_role("radio", name="Credit").check()
    page.get_by_label("Tax code").select_option(label="VAT")
    page.get_by_label("Tax rate").select_option(label="VAT 7 %")
    page.get_by_label("Amount").fill("3.21")


def a_statement_refund(page: Page) -> None:
    page.get_by_role("checkbox", name="#12 Router").check()
    page.get_by_role("button", name="Next").click()
    page.get_by_label("Payment method").select_option(label="Check")


def a_card_refund(page: Page) -> None:
    page.get_by_role("radio", name="#6").check()
    page.get_by_role("button", name="Next").click()


def only_gateway_payments(ledger: ScriptedLedger) -> None:
    ledger.tables["cfl_payments"] = ledger.tables["cfl_payments"][1:]


def a_credit_row(ledger: ScriptedLedger) -> None:
    ledger.tables["cfl_accounttransactions"] = [
        a_transaction(CREDIT, 14, cfl_kind=CHOICE + 1, cfl_automatic=True, cfl_detail="Goodwill")
    ]


def balanced(ledger: ScriptedLedger) -> None:
    ledger.tables["cfl_billingaccounts"][0]["cfl_balance"] = 0.0


PROCESSOR_S_PAGE = (
    "The customer enters a card or a bank account on the payment processor’s own page. "
    "Its number is never seen or kept here."
)

ACTIONS = {
    "openAccount": Asked(
        {"id": ACCOUNT},
        "Open a billing account for Fabrikam Fibre",
        f"accounts({ACCOUNT})/Microsoft.Dynamics.CRM.cfl_OpenAccount",
        {"Currency": "EUR"},
        "Open account",
        "The billing account is open.",
        fills(Currency="=EUR"),
        required=("Currency",),
        defaults={"Currency": "USD"},
    ),
    "updateAccount": Asked(
        {"id": LEDGER},
        "Update Fabrikam Fibre USD",
        OF_ACCOUNT + "cfl_UpdateAccount",
        {"Status": CHOICE + 1},
        "Save",
        "The billing account is updated.",
        lambda page: page.get_by_role("radio", name="Suspended").check(),
        defaults={"Active": True, "Billing group": GROUP, "Tax exempt": False},
        facts=("Account balance", "$700.00", "Undisbursed", "$50.00", "Deposits", "$30.00"),
    ),
    "addDebit": Asked(
        {"id": LEDGER},
        "Add debit to Fabrikam Fibre USD",
        OF_ACCOUNT + "cfl_AddDebit",
        {
            "Amount": Decimal("1250.10"),
            "ServiceId": INSTALLATION,
            "Date": "2026-11-20T00:00:00Z",
            "PostingDate": TODAY,
            "PeriodStart": "2026-10-01T00:00:00Z",
            "PeriodEnd": "2026-10-31T00:00:00Z",
            "Detail": "Second line",
            "TaxExempt": True,
        },
        "Save",
        "Debit added.",
        a_debit,
        required=("Amount",),
        defaults={"Amount": "", "Date": "2026-11-22", "Posting date": "", "Tax exempt": False},
        another=True,
    ),
    "addCredit": Asked(
        {"id": LEDGER},
        "Add credit to Fabrikam Fibre USD",
        OF_ACCOUNT + "cfl_AddCredit",
        {
            "Amount": Decimal("75.50"),
            "ServiceId": HOSTING,
            "Date": TODAY,
            "Detail": "Goodwill",
            "TaxExempt": False,
            "Automatic": False,
            "InvoiceIds": [INVOICE_TWO],
        },
        "Save",
        "Credit added.",
        a_credit,
        required=("Amount", "Service"),
        defaults={"Automatic disbursement": False, "Tax exempt": False, "Date": "2026-11-22"},
        another=True,
    ),
    "addPayment": Asked(
        {"id": LEDGER},
        "Add payment to Fabrikam Fibre USD",
        OF_ACCOUNT + "cfl_AddPayment",
        {
            "Amount": Decimal("100.00"),
            "PaymentTypeId": BY_CHECK,
            "CheckNumber": "00417",
            "Date": TODAY,
            "Automatic": True,
            "Deposit": False,
        },
        "Save",
        "Payment added.",
        fills(Amount="100", PaymentTypeId="=" + BY_CHECK, CheckNumber="00417"),
        required=("Amount", "Payment type"),
        defaults={"Automatic disbursement": True, "Deposit": False, "Date": "2026-11-22"},
        says="This records money that was received. No card or bank account is charged.",
        another=True,
    ),
    "makePayment": Asked(
        {"id": LEDGER},
        "Make payment for Fabrikam Fibre USD",
        OF_ACCOUNT + "cfl_MakePayment",
        {
            "PaymentTypeId": BY_CARD,
            "PaymentProfileId": VISA,
            "Amount": Decimal("60.00"),
            "Automatic": True,
            "Deposit": False,
        },
        "Make payment of $60.00",
        "Payment received and recorded.",
        fills(PaymentTypeId="=" + BY_CARD, Amount="60"),
        required=("Payment profile", "Amount"),
        defaults={
            "Payment type": "",
            "Payment profile": VISA,
            "Amount": "700.00",
            "Automatic disbursement": True,
            "Deposit": False,
        },
    ),
    "requestProfile": Asked(
        {"id": LEDGER},
        "Request a payment profile for Fabrikam Fibre USD",
        OF_ACCOUNT + "cfl_RequestPaymentProfile",
        {"Type": CHOICE + 1, "ContactId": ADA},
        "Get a link",
        "The link is ready.",
        fills(Type=f"={CHOICE + 1}", ContactId="=" + ADA),
        defaults={"What to ask for": "", "E-mail the link to": ""},
        says=PROCESSOR_S_PAGE,
    ),
    "requestProfileOfAccount": Asked(
        {"id": ACCOUNT},
        "Request a payment profile for Fabrikam Fibre",
        OF_ACCOUNT + "cfl_RequestPaymentProfile",
        {},
        "Get a link",
        "The link is ready.",
        required=("Billing account",),
        defaults={"Billing account": LEDGER, "What to ask for": "", "E-mail the link to": ""},
        says=PROCESSOR_S_PAGE,
    ),
    "setDefaultProfile": Asked(
        {"id": VISA},
        "Make Visa •••• 4242 the default",
        f"cfl_paymentprofiles({VISA})/Microsoft.Dynamics.CRM.cfl_SetDefaultProfile",
        {},
        "Set as default",
        "It is the default now.",
        facts=("Customer", "Fabrikam Fibre", "Status", "Ready", "Expires", "04/2028"),
        says="It takes the place of the account’s default payment profile. "
        "Billing contracts keep the profiles that they name.",
    ),
    "deactivateProfile": Asked(
        {"id": VISA},
        "Deactivate Visa •••• 4242",
        f"cfl_paymentprofiles({VISA})/Microsoft.Dynamics.CRM.cfl_DeactivateProfile",
        {},
        "Deactivate",
        "It is deactivated.",
        says="Are you sure?|Nothing is charged to it any more. A link that the customer has not used is closed. "
        "Billing contracts that name it need another.",
    ),
    "reverseTransaction": Asked(
        {"id": DEBIT},
        "Reverse transaction #12",
        OF_TRANSACTION + "cfl_ReverseTransaction",
        {"Date": "2026-11-21T00:00:00Z"},
        "Reverse",
        "Transaction reversed.",
        fills(Date="2026-11-21"),
        defaults={"Date": "", "Posting date": ""},
        facts=(
            "Kind", "Debit", "Detail", "Router", "Invoice", "INV-1001", "Net", "$100.00", "Tax", "$13.00", "Gross",
            "$113.00",
        ),
        says="The whole transaction is taken back, its taxes included.",
    ),
    "reversePayments": Asked(
        {"ids": ["{" + CHEQUE.upper() + "}", CARD_PAYMENT]},
        "Reverse payment #5, #6",
        "cfl_ReversePayments",
        {"PaymentIds": [CHEQUE, CARD_PAYMENT]},
        "Reverse",
        "Payments reversed.",
        facts=("Payments", "2", "Total", "$330.00"),
        says="Payments are reversed completely, and no money is sent. To give back a part, use Refund.",
    ),
    "refundPayment": Asked(
        {"ids": [CARD_PAYMENT]},
        "Refund payment #6",
        f"cfl_payments({CARD_PAYMENT})/Microsoft.Dynamics.CRM.cfl_RefundPayment",
        {"Amount": Decimal("20.00"), "ThroughGateway": True},
        "Refund $20.00",
        "Payment refunded.",
        fills(Amount="20"),
        required=("Amount",),
        defaults={"Amount": "50.00", "Through the payment processor": True},
        prepare=only_gateway_payments,
    ),
    "creditCardRefund": Asked(
        {"id": LEDGER},
        "Credit card refund: Fabrikam Fibre USD",
        f"cfl_payments({CARD_PAYMENT})/Microsoft.Dynamics.CRM.cfl_RefundPayment",
        {"Amount": Decimal("50.00"), "ThroughGateway": True},
        "Refund $50.00",
        "Payment refunded.",
        a_card_refund,
        required=("Payments by card or bank debit",),
        prepare=only_gateway_payments,
    ),
    "adjustTax": Asked(
        {"id": DEBIT},
        "Adjust tax of transaction #12",
        OF_TRANSACTION + "cfl_AdjustTax",
        {"Kind": CHOICE + 1, "TaxRateId": VAT_REDUCED, "Amount": Decimal("3.21")},
        "Save",
        "Tax adjusted.",
        a_tax_adjustment,
        required=("Kind", "Tax code", "Tax rate", "Amount"),
    ),
    "disbursePayment": Asked(
        {"id": CHEQUE},
        "Disburse payment #5",
        "cfl_Disburse",
        {"InvoiceIds": [INVOICE], "PaymentId": CHEQUE},
        "Disburse",
        "Disbursed.",
        lambda page: page.get_by_role("checkbox", name="INV-1001").check(),
        required=("Open balance invoices",),
    ),
    "disburseCredit": Asked(
        {"ids": [CREDIT]},
        "Disburse credit #14",
        "cfl_Disburse",
        {"InvoiceIds": [INVOICE_TWO], "CreditId": CREDIT},
        "Disburse",
        "Disbursed.",
        lambda page: page.get_by_role("checkbox", name="INV-1002").check(),
        required=("Open balance invoices",),
        prepare=a_credit_row,
    ),
    "deleteDisbursement": Asked(
        {"id": DISBURSEMENT},
        "Delete disbursement #20",
        f"cfl_disbursements({DISBURSEMENT})/Microsoft.Dynamics.CRM.cfl_DeleteDisbursement",
        {},
        "Delete",
        "Disbursement deleted.",
        facts=("Payment", "#5", "Invoice", "INV-1001", "Amount", "$200.00"),
        says="Are you sure?|The invoice owes the amount again. "
        "The payment or credit stays undisbursed until it is disbursed by hand.",
    ),
    "savePayment": Asked(
        {"id": CHEQUE},
        "Payment #5",
        OF_PAYMENT + "cfl_SavePayment",
        {"Deposit": True, "Automatic": False},
        "Save",
        "Payment saved.",
        lambda page: page.get_by_label("Deposit").check(),
        defaults={"Deposit": False, "Automatic disbursement": True},
        says="Saving also shows it on the open invoice if it is on none yet.",
    ),
    "saveCredit": Asked(
        {"id": CREDIT},
        "Credit #14",
        f"cfl_accounttransactions({CREDIT})/Microsoft.Dynamics.CRM.cfl_SaveCredit",
        {"Automatic": False},
        "Save",
        "Credit saved.",
        lambda page: page.get_by_label("Automatic disbursement").uncheck(),
        defaults={"Automatic disbursement": True},
        says="Saving also shows it on the open invoice if it is on none yet.",
        prepare=a_credit_row,
    ),
    "openInvoice": Asked(
        {"id": INVOICE},
        "Open invoice INV-1001",
        OF_INVOICE + "cfl_OpenInvoice",
        {},
        "Open invoice",
        "The invoice is open.",
        facts=(
            "Customer", "Fabrikam Fibre", "Ledger state", "Closed", "Total", "$1,000.00", "Balance due", "$400.00",
        ),
        says="This invoice might have been sent.|"
        "What is changed on it now differs from what the customer holds. Open it anyway?",
    ),
    "closeInvoice": Asked(
        {"id": INVOICE},
        "Close invoice INV-1001",
        OF_INVOICE + "cfl_CloseInvoice",
        {},
        "Close invoice",
        "The invoice is closed.",
        says="Its statement figures are frozen. New debits go to a new invoice.",
    ),
    "voidInvoice": Asked(
        {"id": INVOICE},
        "Void invoice INV-1001",
        OF_INVOICE + "cfl_VoidInvoice",
        {},
        "Void invoice",
        "The invoice is void.",
        says="Are you sure?|A mirror invoice takes back every line and tax. "
        "Payments and credits become free again. This can’t be undone.",
    ),
    "requestPayment": Asked(
        {"id": INVOICE},
        "Payment link for invoice INV-1001",
        OF_INVOICE + "cfl_RequestPayment",
        {"Amount": Decimal("150.00")},
        "Get a link",
        "The link is ready. Send it to the customer.",
        fills(Amount="150"),
        required=("Amount",),
        defaults={"Amount": "400.00"},
        says="The customer pays on Stripe’s own page, by card or bank account. Until they have, or the link has run out, "
        "nobody else can charge this amount.",
    ),
    "withdrawLink": Asked(
        {"id": LINK},
        "Withdraw payment link PT-000042",
        f"cfl_paymenttransactions({LINK})/Microsoft.Dynamics.CRM.cfl_WithdrawPaymentLink",
        {},
        "Withdraw link",
        "The payment link is withdrawn.",
        facts=("Invoice", "INV-1001", "Amount", "$400.00", "Link expires", "11/23/2026 10:00 AM"),
        says="Nobody can pay on this link any more. If the customer has paid just now, that is recorded instead.",
    ),
    "emailInvoice": Asked(
        {"ids": [INVOICE]},
        "Email invoice INV-1001",
        OF_INVOICE + "cfl_DeliverInvoice",
        {"Method": CHOICE + 1},
        "Email",
        "The invoice is on its way by email.",
    ),
    "printInvoice": Asked(
        {"id": INVOICE},
        "Print invoice INV-1001",
        OF_INVOICE + "cfl_DeliverInvoice",
        {"Method": CHOICE + 2},
        "Print",
        "The invoice is ready to print: its PDF is on the timeline.",
    ),
    "creditUsage": Asked(
        {"fetchXml": FILTERED},
        "Credit usage",
        OF_ACCOUNT + "cfl_CreditUsage",
        {"ServiceId": HOSTING, "UsageIds": USAGE},
        "Complete credit",
        "The credit was added to the job queue.",
        lambda page: chooses_service(page, "host", "Hosting set-up"),
        required=("Service",),
        facts=(
            "Billing account", "Fabrikam Fibre USD", "Usage records", "3", "Net", "$3.80", "Tax", "$0.30", "Gross",
            "$4.10",
        ),
        says="Every record of the filtered list is credited, shown or not.",
    ),
    "statementRefund": Asked(
        {"id": LEDGER},
        "Statement refund: Fabrikam Fibre USD",
        OF_ACCOUNT + "cfl_CreateRefund",
        {"TransactionIds": [DEBIT], "PaymentTypeId": BY_CHECK},
        "Ok",
        "Refund issued.",
        a_statement_refund,
        required=("Transactions to refund",),
    ),
    "runBilling": Asked(
        {"id": GROUP},
        "Run billing for Monthly",
        f"cfl_billinggroups({GROUP})/Microsoft.Dynamics.CRM.cfl_RunBilling",
        {"From": "2026-10-01T00:00:00Z", "To": "2026-10-31T00:00:00Z"},
        "Run billing",
        "The bill run is done.",
        fills(From="2026-10-01", To="2026-10-31"),
    ),
    "planChargeRun": Asked(
        {},
        "Plan a charge run",
        "cfl_PlanChargeRun",
        {
            "Filter": (
                f'{{"billing_group":"{GROUP}","currency":"USD","at_most":"1500.50","dated_to":"2026-10-31",'
                '"auto_charge":true}'
            )
        },
        "Plan",
        "The run is planned.",
        fills(BillingGroup="=" + GROUP, Currency="=USD", AtMost="1500.50", DatedTo="2026-10-31"),
        says="Nothing is charged yet. The plan shows what would be, and why not; then you start it.",
    ),
    "planInvoices": Asked(
        {"ids": [INVOICE, INVOICE_TWO]},
        "Plan a charge run over INV-1001, INV-1002",
        "cfl_PlanChargeRun",
        {"Filter": f'{{"invoices":["{INVOICE}","{INVOICE_TWO}"]}}'},
        "Plan",
        "The run is planned.",
        says="Nothing is charged yet. The plan shows what would be, and why not; then you start it.",
    ),
    "startChargeRun": Asked(
        {"id": CHARGE_RUN},
        "Start charge run CR-000001",
        f"cfl_chargeruns({CHARGE_RUN})/Microsoft.Dynamics.CRM.cfl_StartChargeRun",
        {},
        "Start",
        "The run has started.",
        facts=("Status", "Planned", "Invoices to charge", "3", "To charge", "€20.00 + $1,450.00"),
        says="This charges the customers’ cards and bank accounts, one invoice after the other.",
    ),
    "pauseChargeRun": Asked(
        {"id": CHARGE_RUN},
        "Pause charge run CR-000001",
        f"cfl_chargeruns({CHARGE_RUN})/Microsoft.Dynamics.CRM.cfl_PauseChargeRun",
        {},
        "Pause",
        "The run is paused.",
        says="The charge that is being made ends. The others wait until the run is started again.",
    ),
    "cancelChargeRun": Asked(
        {"id": CHARGE_RUN},
        "Cancel charge run CR-000001",
        f"cfl_chargeruns({CHARGE_RUN})/Microsoft.Dynamics.CRM.cfl_CancelChargeRun",
        {},
        "Cancel the run",
        "The run is cancelled.",
        says="Are you sure?|What is charged stays charged. The other invoices are passed over. This can’t be undone.",
    ),
    "postBatch": Asked(
        {"id": BATCH},
        "Post payment batch PB-000001",
        f"cfl_paymentbatches({BATCH})/Microsoft.Dynamics.CRM.cfl_PostBatch",
        {},
        "Post",
        "The batch is posted.",
        facts=("Status", "Entered"),
        says="Each line becomes a payment of its account. What fails stays on its line with the reason.",
    ),
}  # fmt: skip
"""By the name in the page's own table."""

TWO_STEPS = {name for name, asked in ACTIONS.items() if name in {"statementRefund", "creditCardRefund"}}
