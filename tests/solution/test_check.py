"""Each structural check finds what it is there for: a copy of the solution is broken in one place, and the message says where."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy import check
from deploy.source import FOLDER

PAYMENT = "Entities/cfl_payment/Entity.xml"
TRANSACTION = "Entities/cfl_paymenttransaction/Entity.xml"
RIBBON = "Entities/Invoice/RibbonDiff.xml"
MANIFEST = "Other/Solution.xml"
BILLER = "Roles/Counterfoil Biller.xml"
SERVICE = "Roles/Counterfoil Service.xml"
APP = "AppModules/cfl_counterfoil/AppModule.xml"
SITE_MAP = "AppModuleSiteMaps/cfl_counterfoil/AppModuleSiteMap.xml"
CHARGE = "customapis/cfl_ChargeInvoice/customapi.xml"
DIALOG = "WebResources/cfl_/charge.html"
SCRIPT = "WebResources/cfl_/invoice.js"

Break = Callable[[str, str, str], list[str]]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deploy") / "solution"
    shutil.copytree(FOLDER, folder)
    shutil.copy(FOLDER.parent / "identities.json", folder.parent)
    return folder


@pytest.fixture
def broken(copy: Path) -> Break:
    """Replaces text in one file of a copy, for the time of the look, and answers with what the checks say."""

    def break_it(file: str, old: str, new: str) -> list[str]:
        path = copy / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{file} does not hold {old!r}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        try:
            return [str(problem) for problem in check.problems(copy)]
        finally:
            path.write_text(text, encoding="utf-8")

    return break_it


def form_of(table: str) -> str:
    return next(FOLDER.glob(f"Entities/{table}/FormXml/main/*.xml")).relative_to(FOLDER).as_posix()


def view_of(table: str, name: str) -> str:
    return next(
        path.relative_to(FOLDER).as_posix()
        for path in FOLDER.glob(f"Entities/{table}/SavedQueries/*.xml")
        if f'description="{name}"' in path.read_text(encoding="utf-8")
    )


def test_the_solution_that_ships_has_no_problems() -> None:
    assert [str(problem) for problem in check.problems()] == []


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            PAYMENT,
            'PhysicalName="cfl_detail"',
            'PhysicalName="cfl_Detail"',
            "schema name cfl_Detail is not lower case",
        ),
        (
            PAYMENT,
            "<ChangeTrackingEnabled>1",
            "<ChangeTrackingEnabled>0",
            "ChangeTrackingEnabled is '0', not 1",
        ),
        (PAYMENT, "<EntitySetName>cfl_payments", "<EntitySetName>cfl_paymentses", "not 'cfl_payments'"),
        (PAYMENT, 'option value="728310000"', 'option value="100000000"', "does not begin with 72831"),
        (PAYMENT, 'option value="728310001"', 'option value="728310000"', "cfl_cardtype gives a value twice"),
        (
            TRANSACTION,
            'status value="2" state="1"',
            'status value="2" state="5"',
            "status reason 2 belongs to no state",
        ),
        (TRANSACTION, 'defaultstatus="2"', 'defaultstatus="1"', "the default reason 1 is not one of state 1"),
        (
            PAYMENT,
            "<CalculationOf>cfl_amount<",
            "<CalculationOf>cfl_net<",
            "cfl_amount has no cfl_amount_base",
        ),
        (
            PAYMENT,
            "<LogicalName>exchangerate<",
            "<LogicalName>rate<",
            "no transactioncurrencyid and exchangerate",
        ),
        (PAYMENT, "<AttributeName>cfl_number<", "<AttributeName>cfl_nummer<", "names no column: cfl_nummer"),
        (
            "Other/Relationships/cfl_paymenttype.xml",
            "<ReferencingAttributeName>cfl_paymenttypeid<",
            "<ReferencingAttributeName>cfl_detail<",
            "lookup cfl_paymenttypeid has no relationship",
        ),
        (
            "Other/Relationships/Invoice.xml",
            "<CascadeDelete>Restrict<",
            "<CascadeDelete>Cascade<",
            "deleting the invoice must be refused",
        ),
        (
            "Other/Relationships/Invoice.xml",
            "<NavigationPropertyName>cfl_invoiceid<",
            "<NavigationPropertyName>cfl_InvoiceId<",
            "the lookup's navigation property is not cfl_invoiceid",
        ),
        (
            "Other/Relationships.xml",
            'Name="cfl_invoice_cfl_paymenttransaction_cfl_invoiceid"',
            'Name="cfl_gone"',
            "does not list cfl_invoice_cfl_paymenttransaction_cfl_invoiceid",
        ),
        (
            form_of("Invoice"),
            'datafieldname="cfl_balance"',
            'datafieldname="cfl_ballance"',
            "shows cfl_ballance",
        ),
        (
            form_of("Invoice"),
            "<RelationshipName>cfl_invoice_cfl_disbursement_cfl_invoiceid<",
            "<RelationshipName>cfl_account_cfl_billingaccount_cfl_accountid<",
            "leads elsewhere",
        ),
        (
            form_of("Invoice"),
            "<TargetEntityType>cfl_payment",
            "<TargetEntityType>cfl_x",
            "its view is none of",
        ),
        (
            form_of("cfl_payment"),
            "&lt;QuickFormIds&gt;&lt;QuickFormId entityname=",
            "&lt;QuickFormIds&gt;&lt;QuickFormId name=",
            "quick view quickview_openbalance shows no quick form of cfl_billingaccount",
        ),
        (form_of("cfl_payment"), ' disabled="true"', "", "can be typed into"),
        (
            view_of("cfl_payment", "Active Payments"),
            '<cell name="cfl_amount"',
            '<cell name="cfl_refunded"',
            "shows cfl_refunded but does not fetch it",
        ),
        (
            view_of("cfl_payment", "Active Payments"),
            'condition attribute="statecode"',
            'condition attribute="state"',
            "uses state, which cfl_payment has not",
        ),
        (
            view_of("cfl_accounttransaction", "Debits"),
            '<attribute name="invoicenumber"',
            '<attribute name="invoicenumbre"',
            "uses invoicenumbre, which invoice has not",
        ),
        (
            view_of("cfl_accounttransaction", "Debits"),
            'alias="invoice"',
            'alias="bill"',
            "shows invoice.invoicenumber but does not fetch it",
        ),
        (
            view_of("cfl_accounttransaction", "Debits"),
            'to="cfl_invoiceid"',
            'to="cfl_serviceid"',
            "links cfl_accounttransaction.cfl_serviceid to invoice, where no lookup leads",
        ),
        (
            view_of("cfl_accounttransaction", "Debits"),
            ' link-type="outer"',
            "",
            "hides the rows whose cfl_invoiceid is empty",
        ),
        (
            view_of("cfl_payment", "Payment Lookup View"),
            "<querytype>64<",
            "<querytype>2<",
            "has 0 default lookup views, not one",
        ),
        (
            view_of("cfl_payment", "Quick Find Active Payments"),
            ' isquickfindfields="1"',
            "",
            "says what it searches",
        ),
        (
            APP,
            'schemaName="cfl_payment"',
            'schemaName="cfl_paiment"',
            "component cfl_paiment of type 1 does not exist",
        ),
        (SITE_MAP, 'Entity="cfl_setting"', 'Entity="cfl_maycharge"', "which the app does not include"),
        (
            RIBBON,
            'EnableRule Id="cfl.invoice.IsSaved"',
            'EnableRule Id="cfl.invoice.Saved"',
            "is used but not defined",
        ),
        (RIBBON, 'Id="cfl.invoice.Charge"', 'Id="Mscrm.invoice.Charge"', "does not begin with cfl."),
        (RIBBON, "img/charge.svg", "img/missing.svg", "there is no web resource cfl_/img/missing.svg"),
        (RIBBON, "Counterfoil.Invoice.isChargeable", "Counterfoil.Invoice.isFree", "does not define"),
        (
            RIBBON,
            "$LocLabels:cfl.invoice.Charge.Label",
            "$LocLabels:cfl.invoice.Pay",
            "label cfl.invoice.Pay is used",
        ),
        (
            RIBBON,
            'EntityName="cfl_maycharge"',
            'EntityName="cfl_mayfly"',
            "asks for a privilege on cfl_mayfly",
        ),
        (MANIFEST, 'schemaName="cfl_payment"', 'schemaName="cfl_pay"', "lists component cfl_pay of type 1"),
        (
            MANIFEST,
            'schemaName="invoice" behavior="2"',
            'schemaName="invoice" behavior="0"',
            "invoice needs behavior 2",
        ),
        (MANIFEST, ">72831<", ">10000<", "is '10000', not '72831'"),
        ("Other/Customizations.xml", "<Roles /><Workflows />", "<Workflows /><Roles />", "in this order"),
        (BILLER, "prvReadcfl_payment", "prvReadcfl_paiment", "prvReadcfl_paiment is no privilege on a table"),
        (BILLER, "prvReadcfl_request", "prvCreatecfl_request", "may create cfl_request, which is for"),
        (BILLER, "prvReadcfl_request", "prvDeletecfl_request", "may delete cfl_request"),
        (
            SERVICE,
            "prvAppendTocfl_taxrate",
            "prvReadAttribute",
            "lacks prvAppendTocfl_taxrate, so cfl_taxrate_cfl_transactiontax_cfl_taxrateid cannot be set",
        ),
        (
            BILLER,
            "prvAppendTocfl_paymenttype",
            "prvReadcfl_paymenttype",
            "so cfl_paymenttype_cfl_paymentbatchline_cfl_paymenttypeid cannot be set",
        ),
        (
            BILLER,
            "prvReadcfl_request",
            "prvReadcfl_maypost",
            "prvReadcfl_maypost at Global is more than Create",
        ),
        (
            BILLER,
            'prvCreatecfl_maypost" level="Basic"',
            'prvCreatecfl_maypost" level="Global"',
            "more than Create at Basic",
        ),
        (SERVICE, "prvReadcfl_request", "prvCreatecfl_maypost", "prvCreatecfl_maypost is a person's right"),
        (
            SERVICE,
            "prvReadcfl_transactiontax",
            "prvDeletecfl_transactiontax",
            "may delete cfl_transactiontax",
        ),
        (CHARGE, "type>2<", "type>0<", "does not allow synchronous steps"),
        (
            CHARGE,
            "prvCreatecfl_maycharge",
            "prvReadcfl_maycharge",
            "no right to create rows of a marker table",
        ),
        (
            "customapis/cfl_Disburse/customapirequestparameters/InvoiceIds/customapirequestparameter.xml",
            "<type>11<",
            "<type>4<",
            "has the type 4, which is none of Boolean",
        ),
        (
            "customapis/cfl_Disburse/customapirequestparameters/InvoiceIds/customapirequestparameter.xml",
            "<name>cfl_Disburse.",
            "<name>cfl_Dispense.",
            "not cfl_Disburse.InvoiceIds",
        ),
        (CHARGE, "prvCreatecfl_maycharge", "prvCreatecfl_mayfly", "not guarded by a privilege that exists"),
        (
            "customapis/cfl_ChargeInvoice/customapirequestparameters/Amount/customapirequestparameter.xml",
            "<type>2<",
            "<type>6<",
            "was type 2, optional 0 and is now type 6",
        ),
        (
            f"{SCRIPT}.data.xml",
            "<WebResourceType>3<",
            "<WebResourceType>1<",
            "is not that of cfl_/invoice.js",
        ),
        (f"{SCRIPT}.data.xml", "cfl_/strings.js", "cfl_/texts.js", "depends on cfl_/texts.js"),
        (DIALOG, "<body", '<body onload="x()"', "<body> has an inline handler onload"),
        (DIALOG, "</body>", "<script>let x = 1;</script></body>", "has an inline script"),
        (
            DIALOG,
            '<link rel="stylesheet" href="tokens.css"',
            '<link href="https://cdn.example/x.css"',
            "another place",
        ),
        (SCRIPT, '"use strict";', '"use strict"; const a = window?.b ?? 1;', "?. is newer than ES2018"),
        (SCRIPT, '"use strict";', '"use strict"; document.body.innerHTML = "";', "builds HTML from text"),
        (SCRIPT, '"use strict";', "", 'lacks "use strict"'),
        (form_of("Invoice"), "</formid>", "</formid", "not well-formed"),
    ],
)
def test_a_broken_copy_is_refused(broken: Break, file: str, old: str, new: str, message: str) -> None:
    problems = broken(file, old, new)

    assert any(message in problem for problem in problems), "\n".join(problems)


def test_an_id_given_twice_is_found(broken: Break) -> None:
    form = form_of("Invoice")
    text = (FOLDER / form).read_text(encoding="utf-8")
    first, second = [part.split('"', 1)[0] for part in text.split('<cell id="')[1:3]]

    problems = broken(form, f'<cell id="{second}"', f'<cell id="{first}"')

    assert any("is given twice" in problem for problem in problems)


def test_a_meaning_can_never_be_exchanged(broken: Break) -> None:
    """Rows in customers' systems hold the number: what it means is fixed for ever."""
    problems = broken(TRANSACTION, 'description="Succeeded"', 'description="Refused"')

    assert any("728310000 was Succeeded and is now Refused" in problem for problem in problems)


def test_a_removed_file_is_missed(tmp_path: Path) -> None:
    folder = tmp_path / "solution"
    shutil.copytree(FOLDER, folder)
    shutil.copy(FOLDER.parent / "identities.json", tmp_path)
    (folder / f"{SCRIPT}.data.xml").unlink()
    (folder / "Roles" / "Counterfoil Reader.xml").unlink()

    problems = "\n".join(str(problem) for problem in check.problems(folder))

    assert f"{SCRIPT}: has no .data.xml" in problems
    assert "of type 20, which has no source" in problems
    assert "role Counterfoil Reader is gone" in problems


def test_the_command_says_how_many_and_exits_by_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main([]) == 0
    assert capsys.readouterr().out.endswith("checks, 0 problems\n")
    assert check.main(["--wrong"]) == 2
