"""Every state of the dialog: what leads to it, and what a user then sees, hears and has in hand."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from playwright.sync_api import Page, expect

from tests.dialog.scripted_crm import (
    FAILED,
    GERMAN,
    MASTERCARD,
    NOW,
    PENDING,
    PROCESSING,
    REFUSED,
    SEPA_DEBIT,
    VISA,
    Answer,
    OpenDialog,
    ScriptedCrm,
    a_contract,
    a_pending_charge,
    a_profile,
    a_request,
    an_invoice,
    charged,
)


@dataclass(frozen=True)
class Situation:
    """`says` is the whole message, line by line; `region` the live region that carries it; `focus` the focused element."""

    state: str
    prepare: Callable[[ScriptedCrm], None]
    act: Callable[[Page, ScriptedCrm], None]
    says: str
    region: str
    focus: str
    buttons: str

    def reach(self, crm: ScriptedCrm, open_dialog: OpenDialog, **options: object) -> Page:
        self.prepare(crm)
        page = open_dialog(steered=self.act is charge_and_wait, **options)
        self.act(page, crm)
        expect(page.locator("body")).to_have_attribute("data-state", self.state)
        return page


# --- What a user does ------------------------------------------------------------------------------------------


def look(page: Page, crm: ScriptedCrm) -> None:
    """Opens the dialog and does nothing."""


def charge(page: Page, crm: ScriptedCrm) -> None:
    page.keyboard.press("Enter")
    expect(page.locator("body")).not_to_have_attribute("data-state", "ready")


def enter(text: str) -> Callable[[Page, ScriptedCrm], None]:
    def entered(page: Page, crm: ScriptedCrm) -> None:
        page.locator("#amount").fill(text)

    return entered


def charge_and_wait(page: Page, crm: ScriptedCrm) -> None:
    """Charges, and waits longer than the dialog asks by itself."""
    stop_clock(page)
    charge(page, crm)
    asked_about(page, 1)
    page.clock.fast_forward(80_000)
    expect(page.locator("body")).not_to_have_attribute("data-state", "submitting")
    page.clock.resume()


def until(page: Page, happened: Callable[[], bool]) -> None:
    """Wait for what a page sends: it says that it is busy before its request is on the way."""
    for _ in range(500):
        if happened():
            return
        page.wait_for_timeout(20)
    raise AssertionError("it did not happen")


def stop_clock(page: Page) -> None:
    page.clock.pause_at(NOW + timedelta(minutes=1))


def asked_about(page: Page, times: int) -> None:
    """Waits until the dialog has read the row of its charge so often and is pausing again."""
    while page.evaluate("window.rowsRead") < times:
        pass


def charge_offline(page: Page, crm: ScriptedCrm) -> None:
    page.context.set_offline(True)
    charge(page, crm)


# --- What the CRM holds and answers ----------------------------------------------------------------------------


def answers(*given: Answer) -> Callable[[ScriptedCrm], None]:
    def prepared(crm: ScriptedCrm) -> None:
        crm.charges.extend(given)

    return prepared


def refuses(code: str, message: str) -> Callable[[ScriptedCrm], None]:
    return answers(Answer(a_request(REFUSED, code, message)))


def fails(code: str, message: str, **more: str) -> Callable[[ScriptedCrm], None]:
    return answers(Answer(a_request(FAILED, code, message, **more)))


def nothing_special(crm: ScriptedCrm) -> None:
    """INV-1001, chargeable."""


def with_invoice(**columns: object) -> Callable[[ScriptedCrm], None]:
    def prepared(crm: ScriptedCrm) -> None:
        crm.invoice = an_invoice(**columns)

    return prepared


def with_profiles(*profiles: dict[str, object]) -> Callable[[ScriptedCrm], None]:
    def prepared(crm: ScriptedCrm) -> None:
        crm.profiles = list(profiles)

    return prepared


def with_pending(*pending: dict[str, object]) -> Callable[[ScriptedCrm], None]:
    def prepared(crm: ScriptedCrm) -> None:
        crm.pending = list(pending)

    return prepared


def a_bank_debit(crm: ScriptedCrm) -> None:
    crm.profiles = [a_profile(name="SEPA •••• 3000", cfl_type=SEPA_DEBIT, cfl_expiry=None)]
    crm.invoice = an_invoice(currency="EUR")
    crm.charges.append(Answer(a_request(PENDING, "processing")))


def someone_charged_300(crm: ScriptedCrm) -> None:
    crm.charges.append(Answer(a_request(REFUSED, "balance_changed", "The balance is now 950.00 USD.")))


def someone_charges_meanwhile(page: Page, crm: ScriptedCrm) -> None:
    crm.invoice = an_invoice(cfl_balance=950.0, cfl_amountcharged=300.0, statecode=2, statuscode=100002)
    charge(page, crm)


def someone_pays_meanwhile(page: Page, crm: ScriptedCrm) -> None:
    crm.invoice = an_invoice(cfl_balance=0.0, cfl_amountcharged=1250.0, statecode=2, statuscode=100001)
    charge(page, crm)


def in_german(prepare: Callable[[ScriptedCrm], None]) -> Callable[[ScriptedCrm], None]:
    def prepared(crm: ScriptedCrm) -> None:
        crm.settings = dict(GERMAN)
        prepare(crm)

    return prepared


NEVER_ARRIVED = a_request(REFUSED, "not_received", "This charge never reached the service.")

SITUATIONS = {
    "ready": Situation(
        "ready", nothing_special, look, "", "", "amount", "Cancel, New payment method…, Charge $1,250.00"
    ),
    "ready in German": Situation(
        "ready",
        in_german(with_invoice(currency="EUR")),
        look,
        "",
        "",
        "amount",
        "Abbrechen, Neues Zahlungsmittel…, 1.250,00 € einziehen",
    ),
    "invalid": Situation(
        "invalid",
        nothing_special,
        enter("1300"),
        "",
        "",
        "amount",
        "Cancel, New payment method…, Charge $1,250.00",
    ),
    "submitting": Situation(
        "submitting",
        nothing_special,
        charge,
        "Charging $1,250.00…",
        "polite",
        "amount",
        "Cancel, New payment method…, Charge $1,250.00",
    ),
    "succeeded": Situation(
        "succeeded",
        answers(Answer(charged("1250.00", "0.00", "Paid (Complete)"))),
        charge,
        "Payment received.|$1,250.00 was charged to Visa •••• 4242.|Balance now $0.00.|"
        "Invoice status: Paid (Complete).|Reference PT-000042",
        "polite",
        "close",
        "Close",
    ),
    "declined": Situation(
        "declined",
        fails("declined", "The card has insufficient funds.", decline_code="insufficient_funds"),
        charge,
        "Card declined.|The card has insufficient funds.|Nothing was charged.|"
        "Charge a lower amount, try later, or use another payment profile.|Reference PT-000042",
        "assertive",
        "amount",
        "Cancel, Payment link…, New payment method…, Charge $1,250.00",
    ),
    "declined in German": Situation(
        "declined",
        in_german(fails("declined", "The card has insufficient funds.", decline_code="insufficient_funds")),
        charge,
        "Karte abgelehnt.|Die Karte ist nicht gedeckt.|Es wurde nichts eingezogen.|"
        "Ziehen Sie einen niedrigeren Betrag ein, versuchen Sie es später, oder nehmen Sie ein anderes Zahlungsprofil.|"
        "Referenz PT-000042",
        "assertive",
        "amount",
        "Abbrechen, Zahlungslink…, Neues Zahlungsmittel…, 1.250,00 $ einziehen",
    ),
    "authentication": Situation(
        "authentication",
        fails(
            "needs_customer", "The customer must confirm this payment.", result_code="authentication_required"
        ),
        charge,
        "The customer must confirm this payment.|Nothing was charged.|"
        "Send the customer a payment link, or use another payment profile.|Reference PT-000042",
        "assertive",
        "again",
        "Cancel, Payment link…, New payment method…, Charge $1,250.00",
    ),
    "bank debit": Situation(
        "pending",
        a_bank_debit,
        charge,
        "Payment submitted.|Bank debits take a few working days; the balance changes when it clears.|Reference PT-000042",
        "polite",
        "close",
        "Close",
    ),
    "bank debits of the whole balance": Situation(
        "pending",
        with_pending(a_pending_charge(1250.0, PROCESSING)),
        look,
        "Payment in progress.|$1,250.00 is on its way from the bank. Nothing more can be charged until it clears.",
        "polite",
        "close",
        "Close",
    ),
    "unknown": Situation(
        "unknown",
        answers(Answer(a_request(PENDING, "unknown"), status=0)),
        charge_and_wait,
        "We don’t know yet whether the charge went through.|Don’t charge again.|"
        "The invoice updates itself when the answer comes.|Reference PT-000042",
        "assertive",
        "again",
        "Close, Check again",
    ),
    "already paid": Situation(
        "paid",
        with_invoice(cfl_balance=0.0, statecode=2, statuscode=100001),
        look,
        "Already paid.|This invoice has no balance due.",
        "polite",
        "close",
        "Close",
    ),
    "paid meanwhile": Situation(
        "paid",
        refuses("not_chargeable", "Invoice INV-1001 is already paid."),
        someone_pays_meanwhile,
        "Already paid.|This invoice has no balance due.",
        "polite",
        "close",
        "Close",
    ),
    "canceled": Situation(
        "notchargeable",
        with_invoice(statecode=3, statuscode=100003),
        look,
        "This invoice can’t be charged.|It is canceled or closed.",
        "polite",
        "close",
        "Close",
    ),
    "a contact's": Situation(
        "notchargeable",
        with_invoice(**{"_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "contact"}),
        look,
        "This invoice can’t be charged.|Its customer is a contact. Set an account as its customer to charge it.",
        "assertive",
        "close",
        "Close",
    ),
    "changed meanwhile": Situation(
        "changed",
        someone_charged_300,
        someone_charges_meanwhile,
        "The balance has changed.|The balance is now $950.00 (was $1,250.00): someone else charged this invoice.|"
        "Nothing was charged.",
        "assertive",
        "again",
        "Close, Show the new figures",
    ),
    "in progress elsewhere": Situation(
        "inprogress",
        with_pending(a_pending_charge(400.0)),
        look,
        "Another charge is in progress.|A charge of $400.00 by Nia Biller is still being processed.",
        "assertive",
        "again",
        "Close, Check again",
    ),
    "in progress at the moment of charging": Situation(
        "inprogress",
        refuses(
            "charge_in_progress",
            "A charge of 400.00 USD by Max is still being processed. Nothing was charged.",
        ),
        charge,
        "Another charge is in progress.|A charge of 400.00 USD by Max is still being processed. Nothing was charged.",
        "assertive",
        "again",
        "Close, Check again",
    ),
    "no contract": Situation(
        "noprofile",
        with_invoice(contract=None),
        look,
        "No payment profile.|Invoice INV-1001 has no active billing contract. Choose one on the invoice to charge it.",
        "assertive",
        "close",
        "Close, New payment method…",
    ),
    "no payment profile on the contract": Situation(
        "noprofile",
        with_invoice(contract=a_contract(profile=None)),
        look,
        "No payment profile.|Billing contract BC-0001 has no payment profile. "
        "Choose one on the contract to charge this invoice.",
        "assertive",
        "close",
        "Close, New payment method…",
    ),
    "only an unusable profile": Situation(
        "unusable",
        with_profiles(a_profile(cfl_expiry="10/2026")),
        look,
        "No payment profile can be used.|The contract’s payment profile Visa •••• 4242 can’t be used: expired. "
        "Add a payment profile to the customer.",
        "assertive",
        "close",
        "Close, New payment method…",
    ),
    "the contract's profile is unusable": Situation(
        "unusable",
        with_profiles(
            a_profile(VISA, cfl_expiry="10/2026"),
            a_profile(MASTERCARD, "Mastercard •••• 4444", cfl_expiry="01/2030"),
        ),
        look,
        "",
        "",
        "profile",
        "Cancel, New payment method…, Charge $1,250.00",
    ),
    "the service refuses the profile": Situation(
        "unusable",
        refuses("profile_not_usable", "Visa •••• 4242 is deactivated. Choose another payment profile."),
        charge,
        "This payment profile can’t be used.|Visa •••• 4242 is deactivated. Choose another payment profile.|"
        "Nothing was charged.",
        "assertive",
        "profile",
        "Cancel, New payment method…, Charge $1,250.00",
    ),
    "no permission": Situation(
        "forbidden",
        answers(Answer(status=403)),
        charge,
        "You can’t charge invoices.|Your security role lacks the right to charge. "
        "Ask your administrator for the Counterfoil Biller role.|Nothing was charged.",
        "assertive",
        "close",
        "Close",
    ),
    "no permission for this invoice": Situation(
        "forbidden",
        refuses("not_permitted", "You can't see this invoice, so you can't charge it."),
        charge,
        "You can’t charge invoices.|You can't see this invoice, so you can't charge it.|Nothing was charged.",
        "assertive",
        "close",
        "Close",
    ),
    "offline": Situation(
        "offline",
        nothing_special,
        charge_offline,
        "You’re offline.|Nothing was sent. You can charge as soon as you’re online again.",
        "assertive",
        "charge",
        "Cancel, New payment method…, Charge $1,250.00",
    ),
    "set-up refuses": Situation(
        "error",
        refuses("wrong_environment", "These records belong to another environment. Nothing was charged."),
        charge,
        "The charge could not be sent.|These records belong to another environment. Nothing was charged.|Reference {key}",
        "assertive",
        "charge",
        "Cancel, New payment method…, Charge $1,250.00",
    ),
    "the amount is refused": Situation(
        "invalid",
        refuses("amount_below_minimum", "The smallest amount the payment processor takes is 0.50 USD."),
        charge,
        "",
        "",
        "amount",
        "Cancel, New payment method…, Charge $1,250.00",
    ),
    "unreadable": Situation(
        "error",
        lambda crm: crm.unreadable.update({"invoices(": 500}),
        look,
        "The invoice could not be read.|No privilege.|Nothing was charged.",
        "assertive",
        "again",
        "Close, Try again",
    ),
    "may not read": Situation(
        "forbidden",
        lambda crm: crm.unreadable.update({"cfl_paymentprofiles": 403}),
        look,
        "You can’t charge invoices.|Your security role lacks the right to read this invoice or its payment profiles.",
        "assertive",
        "close",
        "Close",
    ),
}
