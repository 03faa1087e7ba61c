"""The doctor: all is well, and every row of its table in docs/operating.md."""

import os
from collections.abc import Callable

import pytest

from connector.dataverse.mapping import FOLDER
from connector.dataverse.registration import ENDPOINT_ID, step_id
from tests.doctor.conftest import Installation
from tests.doctor.rows import documented

Break = Callable[[Installation], None]
ROWS: dict[tuple[str, str, str], Break] = {}

STRIPE = ("stripe key", "clock against stripe", "stripe webhook")
ANOTHER = "00000000-0000-4000-8000-000000000001"


def row(check: str, how: str, says: str) -> Callable[[Break], Break]:
    """A row of the table; the function breaks the installation that way."""

    def add(broken: Break) -> Break:
        ROWS[check, how, says] = broken
        return broken

    return add


def test_an_installation_that_is_well(installation: Installation) -> None:
    checks = installation.examined()
    assert [f"{check.name}: {check.detail}" for check in checks if not check.ok] == []
    assert [check.name for check in checks] == [
        "settings",
        "sign-in",
        "clock against the CRM",
        "organization",
        "tables",
        "rights",
        "webhook in the CRM",
        "set-up row",
        "payment types",
        "paid invoices",
        "email",
        "stripe key",
        "clock against stripe",
        "stripe webhook",
        "service",
    ]


def test_it_tells_what_invoices_are_emailed_from(installation: Installation) -> None:
    [check] = [each for each in installation.examined("crm") if each.name == "email"]
    assert (check.ok, check.detail) == (True, "from service@counterfoil.example")

    queue = {"queueid": ANOTHER, "name": "Billing", "emailaddress": "billing@counterfoil.example"}
    installation.admin("POST", "queues", queue)
    installation.set("MAIL_QUEUE_ID", ANOTHER)
    [check] = [each for each in installation.examined("crm") if each.name == "email"]
    assert (check.ok, check.detail) == (True, "from billing@counterfoil.example")


def test_nothing_stays_of_what_it_tries(installation: Installation) -> None:
    def rows() -> dict[str, int]:
        tables = (
            "cfl_requests",
            "cfl_paymenttransactions",
            "cfl_payments",
            "cfl_disbursements",
            "cfl_billingaccounts",
        )
        return {
            table: len(installation.admin("GET", f"{table}?$select=createdon")["value"]) for table in tables
        }

    before, invoices = (
        rows(),
        installation.admin("GET", "invoices?$select=statecode,statuscode,cfl_pendingamount"),
    )
    installation.examined()
    assert rows() == before
    assert installation.admin("GET", "invoices?$select=statecode,statuscode,cfl_pendingamount") == invoices


def test_secrets_are_not_told(installation: Installation) -> None:
    installation.set("CLIENT_SECRET", "a-wrong-secret-that-is-still-one")
    told = repr(installation.examined())
    for name in ("CLIENT_SECRET", "WEBHOOK_SECRET", "STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET"):
        assert installation.given[f"COUNTERFOIL_{name}"] not in told


def test_the_table_in_the_document_is_the_one_that_is_tested() -> None:
    assert documented() == set(ROWS)


@row(
    "settings",
    "COUNTERFOIL_STRIPE_API_KEY=pk_test_1",
    "COUNTERFOIL_STRIPE_API_KEY: must be a secret or restricted key",
)
def _publishable_key(installation: Installation) -> None:
    installation.set("STRIPE_API_KEY", "pk_test_1")


@row("settings", "leave COUNTERFOIL_WEBHOOK_SECRET out", "COUNTERFOIL_WEBHOOK_SECRET: is missing")
def _no_webhook_secret(installation: Installation) -> None:
    installation.set("WEBHOOK_SECRET", None)


@row("mapping", "COUNTERFOIL_MAPPING=mine", "there is no mapping 'mine'")
def _no_mapping(installation: Installation) -> None:
    installation.set("MAPPING", "mine")


@row("sign-in", "a wrong COUNTERFOIL_CLIENT_SECRET", "COUNTERFOIL_CLIENT_SECRET: sign-in refused")
def _wrong_secret(installation: Installation) -> None:
    installation.set("CLIENT_SECRET", "wrong")


@row("sign-in", "COUNTERFOIL_CLIENT_ID of another application", "COUNTERFOIL_CLIENT_ID: sign-in refused")
def _wrong_client(installation: Installation) -> None:
    installation.set("CLIENT_ID", ANOTHER)


@row(
    "sign-in",
    "COUNTERFOIL_DATAVERSE_URL of another environment",
    "COUNTERFOIL_DATAVERSE_URL: sign-in refused",
)
def _wrong_environment(installation: Installation) -> None:
    installation.set("DATAVERSE_URL", "https://127.0.0.1:1")


@row("sign-in", "an authority that does not answer", "no token")
def _no_authority(installation: Installation) -> None:
    installation.set("AUTHORITY", f"https://127.0.0.1:1/{ANOTHER}")


@row(
    "sign-in",
    "leave COUNTERFOIL_CA_BUNDLE out where it is needed",
    "certificate is not trusted here (COUNTERFOIL_CA_BUNDLE)",
)
def _no_ca(installation: Installation) -> None:
    installation.set("CA_BUNDLE", None)


@row("sign-in", "disable the application user", "the environment does not let the application in")
def _disabled_user(installation: Installation) -> None:
    user = installation.first(
        "systemusers?$filter=applicationid ne null&$select=systemuserid", "systemuserid"
    )
    installation.admin("PATCH", f"systemusers({user})", {"isdisabled": True})


@row("clock against the CRM", "set this machine's clock ten minutes ahead", "this machine's clock is 6")
def _clock_ahead(installation: Installation) -> None:
    file = installation.folder / "clock"
    file.write_text("600")
    installation.set("CLOCK_FILE", str(file))


@row("clock against stripe", "set this machine's clock ten minutes back", "s behind")
def _clock_behind(installation: Installation) -> None:
    file = installation.folder / "clock"
    file.write_text("-600")
    installation.set("CLOCK_FILE", str(file))


@row(
    "organization", "COUNTERFOIL_ORGANIZATION_ID of another environment", "but COUNTERFOIL_ORGANIZATION_ID is"
)
def _wrong_organization(installation: Installation) -> None:
    installation.set("ORGANIZATION_ID", ANOTHER)


def _use_mapping(installation: Installation, old: str, new: str) -> None:
    text = (FOLDER / "sales.toml").read_text()
    assert old in text
    (installation.folder / "changed.toml").write_text(text.replace(old, new))
    installation.set("MAPPING", os.path.relpath(installation.folder / "changed", FOLDER))


@row("tables", "a mapping with a column that the CRM lacks", "there is no column cfl_balanze on invoice")
def _no_column(installation: Installation) -> None:
    _use_mapping(installation, '"cfl_balance"', '"cfl_balanze"')


@row("tables", "a mapping with a table that the CRM lacks", "there is no table cfl_moneyback")
def _no_table(installation: Installation) -> None:
    _use_mapping(installation, '"cfl_payment"', '"cfl_moneyback"')


@row("rights", "take the role Counterfoil Service from the application user", "the service's user may not")
def _no_role(installation: Installation) -> None:
    user = installation.first(
        "systemusers?$filter=applicationid ne null&$select=systemuserid", "systemuserid"
    )
    role = installation.first("roles?$filter=name eq 'Counterfoil Service'&$select=roleid", "roleid")
    installation.admin("DELETE", f"systemusers({user})/systemuserroles_association({role})/$ref")


@row(
    "webhook in the CRM",
    "delete a processing step",
    "the CRM has not been told, or not of every action, to call the service",
)
def _no_step(installation: Installation) -> None:
    installation.admin("DELETE", f"sdkmessageprocessingsteps({step_id('cfl_ChargeInvoice')})")


@row("webhook in the CRM", "disable a processing step", "the step for cfl_CheckRequest is disabled")
def _disabled_step(installation: Installation) -> None:
    path = f"sdkmessageprocessingsteps({step_id('cfl_CheckRequest')})"
    installation.admin("PATCH", path, {"statecode": 1, "statuscode": 2})


@row(
    "webhook in the CRM",
    "move a step into the transaction (stage 40)",
    "is not synchronous at stage 10 (pre-validation)",
)
def _late_step(installation: Installation) -> None:
    installation.admin("PATCH", f"sdkmessageprocessingsteps({step_id('cfl_ChargeInvoice')})", {"stage": 40})


@row(
    "webhook in the CRM", "move the service to another address", "the CRM calls http://127.0.0.1:1/dataverse"
)
def _moved(installation: Installation) -> None:
    installation.admin("PATCH", f"serviceendpoints({ENDPOINT_ID})", {"url": "http://127.0.0.1:1/dataverse"})


def _change_setting(installation: Installation, **columns: object) -> None:
    setting = installation.first("cfl_settings?$select=cfl_settingid", "cfl_settingid")
    installation.admin("PATCH", f"cfl_settings({setting})", columns)


@row("set-up row", "delete it", "there is none")
def _no_setting(installation: Installation) -> None:
    setting = installation.first("cfl_settings?$select=cfl_settingid", "cfl_settingid")
    installation.admin("DELETE", f"cfl_settings({setting})")


@row(
    "set-up row",
    "copy the environment (another organization id is pinned)",
    "These records belong to another environment",
)
def _copied(installation: Installation) -> None:
    _change_setting(installation, cfl_organizationid=ANOTHER)


@row(
    "set-up row",
    "live mode in the row, a test key in the settings",
    "set to live mode but the payment processor's key is for test mode",
)
def _live_row(installation: Installation) -> None:
    _change_setting(installation, cfl_gatewaymode=728310001)


@row("set-up row", "empty the organization id", "it is not pinned to this environment")
def _unpinned(installation: Installation) -> None:
    _change_setting(installation, cfl_organizationid=None)


@row("set-up row", "Berlin as the time zone", "'Berlin' is no time zone")
def _no_zone(installation: Installation) -> None:
    _change_setting(installation, cfl_timezone="Berlin")


@row(
    "payment types", "deactivate the one for credit cards", "there is no active payment type for credit card"
)
def _no_payment_type(installation: Installation) -> None:
    query = "cfl_paymenttypes?$filter=cfl_backend eq 728310000&$select=cfl_paymenttypeid"
    row_id = installation.first(query, "cfl_paymenttypeid")
    installation.admin("PATCH", f"cfl_paymenttypes({row_id})", {"statecode": 1, "statuscode": 2})


@row("paid invoices", 'invoice_write = "direct" where paid invoices are read-only', "direct is refused")
def _direct(installation: Installation) -> None:
    _use_mapping(installation, 'invoice_write = "reactivate"', 'invoice_write = "direct"')


@row("email", "COUNTERFOIL_MAIL_QUEUE_ID of a queue that is not there", "there is no queue")
def _no_queue(installation: Installation) -> None:
    installation.set("MAIL_QUEUE_ID", ANOTHER)


@row("email", "a queue without an address", "has no e-mail address")
def _queue_without_an_address(installation: Installation) -> None:
    installation.admin("POST", "queues", {"queueid": ANOTHER, "name": "Billing"})
    installation.set("MAIL_QUEUE_ID", ANOTHER)


@row("stripe key", "a key that was revoked", "Stripe does not accept it")
def _revoked(installation: Installation) -> None:
    installation.set("STRIPE_API_KEY", "sk_live_revoked")


@row("stripe key", "a restricted key without PaymentIntents", "it may not read payment intents")
def _restricted(installation: Installation) -> None:
    rule = {"target": "stripe", "path": "/v1/payment_intents", "do": "status", "status": 403}
    installation.sandbox.world.faults.replace([rule])


@row("stripe key", "a restricted key without Checkout Sessions", "it may not read checkout sessions")
def _restricted_to_charges(installation: Installation) -> None:
    rule = {"target": "stripe", "path": "/v1/checkout/sessions", "do": "status", "status": 403}
    installation.sandbox.world.faults.replace([rule])


@row("stripe key", "no way to Stripe", "no answer of Stripe")
def _no_stripe(installation: Installation) -> None:
    installation.set("STRIPE_API_BASE", "http://127.0.0.1:1")


@row("stripe webhook", "delete the endpoint", "Stripe sends no events to")
def _no_endpoint(installation: Installation) -> None:
    installation.v1.webhook_endpoints.delete(installation.endpoint())


@row("stripe webhook", "disable the endpoint", "is disabled")
def _disabled_endpoint(installation: Installation) -> None:
    installation.v1.webhook_endpoints.update(installation.endpoint(), {"disabled": True})


@row("stripe webhook", "untick an event", "is not sent payment_intent.succeeded")
def _fewer_events(installation: Installation) -> None:
    installation.v1.webhook_endpoints.update(
        installation.endpoint(), {"enabled_events": ["payment_intent.payment_failed"]}
    )


@row(
    "stripe webhook",
    "a restricted key without Webhook Endpoints",
    "the endpoints cannot be seen with this key",
)
def _unseen_endpoints(installation: Installation) -> None:
    rule = {"target": "stripe", "path": "/v1/webhook_endpoints", "do": "status", "status": 403}
    installation.sandbox.world.faults.replace([rule])


@row(
    "service",
    "leave COUNTERFOIL_PUBLIC_URL out",
    "it is not known where the CRM and Stripe reach the service",
)
def _no_address(installation: Installation) -> None:
    installation.set("PUBLIC_URL", None)


@row("service", "stop it", "does not answer")
def _stopped(installation: Installation) -> None:
    installation.set("PUBLIC_URL", "http://127.0.0.1:1")


@row("service", "a part of it that is not well", "is not well: problem crm: no answer")
def _unwell(installation: Installation) -> None:
    [line] = installation.service.lines
    installation.service.lines = [type(line)("crm", ok=False, detail="no answer")]


@row("service", "something else at its address", "/health answers 404")
def _something_else(installation: Installation) -> None:
    installation.set("PUBLIC_URL", f"{installation.public_url}/elsewhere")


@pytest.mark.parametrize("broken", ROWS, ids=lambda key: f"{key[0]}: {key[1]}")
def test_what_is_broken_is_found_and_what_to_do_is_said(
    installation: Installation, broken: tuple[str, str, str]
) -> None:
    check, _, says = broken
    ROWS[broken](installation)
    area = "stripe" if check in STRIPE else "service" if check == "service" else "crm"
    problems = {each.name: each for each in installation.examined(area) if not each.ok}
    assert check in problems, sorted(problems)
    assert says in problems[check].detail.replace("`", "")
    assert problems[check].remedy
