"""The CRM's part of the story: people, set-up, customers and invoices."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sandbox.crm.pipeline import Reference
from sandbox.crm.platformrows import Organization
from sandbox.crm.seeding import Seeder
from sandbox.demo import story
from sandbox.demo.story import row_id

Row = Mapping[str, Any]


def add_people(seeder: Seeder, organization: Organization, client_id: UUID) -> None:
    for unit in story.read()["units"]:
        seeder.add(
            "businessunit",
            {
                "businessunitid": row_id("businessunit", unit),
                "name": unit,
                "parentbusinessunitid": organization.unit_id,
            },
        )
    for user in story.read()["users"]:
        user_id = row_id("systemuser", user["login"])
        application = {"applicationid": client_id, "accessmode": 4} if user.get("application") else {}
        seeder.add(
            "systemuser",
            {
                "systemuserid": user_id,
                "firstname": user["first"],
                "lastname": user["last"],
                "domainname": user["login"],
                "internalemailaddress": f"{user['login']}@counterfoil.example",
                "azureactivedirectoryobjectid": row_id("directory object", user["login"]),
                "businessunitid": row_id("businessunit", user["unit"])
                if "unit" in user
                else organization.unit_id,
                **application,
            },
        )
        seeder.add("usersettings", {"systemuserid": user_id, **user.get("settings", {})})
        for role in user["roles"]:
            seeder.add(
                "systemuserroles",
                {
                    "systemuserroleid": row_id("systemuserroles", f"{user['login']}/{role}"),
                    "systemuserid": user_id,
                    "roleid": seeder.role(role),
                },
            )


def add_set_up(seeder: Seeder, organization: Organization) -> None:
    """Currencies first: every amount needs one."""
    for currency in story.read()["currencies"]:
        seeder.add(
            "transactioncurrency",
            {
                "transactioncurrencyid": row_id("transactioncurrency", currency["code"]),
                "isocurrencycode": currency["code"],
                "currencyname": currency["name"],
                "currencysymbol": currency["symbol"],
                "currencyprecision": currency["precision"],
                "exchangerate": Decimal(currency["rate"]),
            },
        )
    usd = row_id("transactioncurrency", "USD")
    seeder.add(
        "organization", {"organizationid": organization.id, "name": organization.name, "basecurrencyid": usd}
    )
    _add_taxes(seeder)
    for product in story.read()["products"]:
        seeder.add(
            "product",
            {
                "productid": row_id("product", product["number"]),
                "productnumber": product["number"],
                "name": product["name"],
                "transactioncurrencyid": usd,
                "cfl_frequency": seeder.choice("product", "cfl_frequency", product["frequency"]),
                "cfl_servicetaxcategoryid": row_id("cfl_servicetaxcategory", product["tax"]),
            },
        )
    _add_groups(seeder)
    for kind in story.read()["payment_types"]:
        seeder.add(
            "cfl_paymenttype",
            {
                "cfl_paymenttypeid": row_id("cfl_paymenttype", kind["name"]),
                "cfl_name": kind["name"],
                "cfl_number": kind["number"],
                "cfl_backend": seeder.choice("cfl_paymenttype", "cfl_backend", kind["backend"]),
                "cfl_automatic": kind["automatic"],
            },
        )
    seeder.add(
        "cfl_setting",
        {
            "cfl_settingid": row_id("cfl_setting", "Counterfoil"),
            "cfl_name": "Counterfoil",
            "cfl_timezone": story.read()["business_time_zone"],
            "cfl_sourceorder": seeder.choice("cfl_setting", "cfl_sourceorder", "Credits first"),
            "cfl_organizationid": str(organization.id),
            "cfl_gatewaymode": seeder.choice("cfl_setting", "cfl_gatewaymode", "Test"),
            "cfl_taxusagerecords": True,
            "cfl_defaulttemplateid": row_id("cfl_invoicetemplate", story.read()["templates"][0]["name"]),
            "transactioncurrencyid": usd,
        },
    )
    year = seeder.now.year
    seeder.add(
        "cfl_financialperiod",
        {
            "cfl_financialperiodid": row_id("cfl_financialperiod", "current year"),
            "cfl_name": str(year),
            "cfl_start": datetime(year, 1, 1, tzinfo=UTC).date(),
            "cfl_end": datetime(year, 12, 31, tzinfo=UTC).date(),
            "cfl_status": seeder.choice("cfl_financialperiod", "cfl_status", "Open"),
        },
    )


def _add_taxes(seeder: Seeder) -> None:
    for category in story.read()["tax_categories"]:
        seeder.add(
            "cfl_servicetaxcategory",
            {
                "cfl_servicetaxcategoryid": row_id("cfl_servicetaxcategory", category),
                "cfl_name": category,
            },
        )
    for code in story.read()["tax_codes"]:
        seeder.add(
            "cfl_taxcode",
            {
                "cfl_taxcodeid": row_id("cfl_taxcode", code["code"]),
                "cfl_name": code["name"],
                "cfl_code": code["code"],
            },
        )
    for rate in story.read()["tax_rates"]:
        seeder.add(
            "cfl_taxrate",
            {
                "cfl_taxrateid": row_id("cfl_taxrate", rate["name"]),
                "cfl_name": rate["name"],
                "cfl_taxcodeid": row_id("cfl_taxcode", rate["code"]),
                "cfl_servicetaxcategoryid": row_id("cfl_servicetaxcategory", rate["category"]),
                "cfl_rate": Decimal(rate["rate"]),
                "cfl_jurisdiction": rate["jurisdiction"],
            },
        )


def _add_groups(seeder: Seeder) -> None:
    for template in story.read()["templates"]:
        seeder.add(
            "cfl_invoicetemplate",
            {
                "cfl_invoicetemplateid": row_id("cfl_invoicetemplate", template["name"]),
                "cfl_name": template["name"],
                "cfl_excludereversal": template.get("exclude_reversal", False),
                "cfl_showdetail": template["detail"],
                "cfl_sendername": template["sender"],
                "cfl_senderaddress": template["address"],
                "cfl_footer": template["footer"],
            },
        )
    for group in story.read()["groups"]:
        seeder.add(
            "cfl_billinggroup",
            {
                "cfl_billinggroupid": row_id("cfl_billinggroup", group["name"]),
                "cfl_name": group["name"],
                "cfl_closecancelled": group.get("close_cancelled", False),
                "cfl_delivery": seeder.choice("cfl_billinggroup", "cfl_delivery", group["delivery"]),
                "cfl_templateid": row_id("cfl_invoicetemplate", story.read()["templates"][0]["name"]),
            },
        )


def add_customers(seeder: Seeder) -> None:
    for account in story.read()["accounts"]:
        owner = row_id("systemuser", account.get("owner", "biller"))
        account_id = row_id("account", account["name"])
        contact_id = row_id("contact", account["contact"])
        currency = row_id("transactioncurrency", account["currency"])
        first, _, last = account["contact"].partition(" ")
        company = story.slug(account["name"])
        seeder.add(
            "contact",
            {
                "contactid": contact_id,
                "firstname": first,
                "lastname": last,
                "emailaddress1": f"{first.lower()}@{company}.example",
                "parentcustomerid": Reference("account", account_id),
                "ownerid": owner,
            },
        )
        seeder.add(
            "account",
            {
                "accountid": account_id,
                "name": account["name"],
                "accountnumber": account["number"],
                "emailaddress1": f"accounts@{company}.example",
                "address1_city": account["city"],
                "address1_country": account["country"],
                "primarycontactid": contact_id,
                "transactioncurrencyid": currency,
                "ownerid": owner,
            },
        )
        for profile in account.get("profiles", ()):
            _add_profile(seeder, account, profile, owner)
        if "contract" in account:
            _add_contract(seeder, account, owner)
        if "ledger" in account:
            add_ledger(
                seeder,
                account["name"],
                account["currency"],
                owner,
                {
                    "cfl_status": seeder.choice("cfl_billingaccount", "cfl_status", account["ledger"]),
                    "cfl_balance": story.owed(account["name"], account["currency"]),
                },
            )
    for person in story.read()["contacts"]:
        full_name = f"{person['first']} {person['last']}"
        seeder.add(
            "contact",
            {
                "contactid": row_id("contact", full_name),
                "firstname": person["first"],
                "lastname": person["last"],
                "emailaddress1": person["email"],
                "ownerid": row_id("systemuser", "biller"),
            },
        )


def add_invoices(seeder: Seeder) -> None:
    accounts = {account["name"]: account for account in story.read()["accounts"]}
    for number, invoice in enumerate(story.read()["invoices"]):
        customer = invoice["customer"]
        account = accounts.get(customer, {})
        invoice_id = row_id("invoice", invoice["number"])
        currency = row_id("transactioncurrency", invoice.get("currency") or account["currency"])
        issued = (seeder.now + timedelta(days=invoice["issued"])).date()
        total = Decimal(invoice["total"])
        contract = (
            {"cfl_billingcontractid": row_id("cfl_billingcontract", customer)}
            if "contract" in account
            else {}
        )
        seeder.add(
            "invoice",
            {
                "invoiceid": invoice_id,
                "invoicenumber": invoice["number"],
                "name": invoice["name"],
                "customerid": Reference("account" if account else "contact", _customer_id(account, customer)),
                "billto_name": customer,
                "totalamount": total,
                "totalamountlessfreight": total,
                "totallineitemamount": total,
                "totaltax": Decimal(0),
                "transactioncurrencyid": currency,
                "duedate": issued + timedelta(days=30),
                "createdon": datetime.combine(issued, time(9, number), UTC),
                "statuscode": seeder.choice("invoice", "statuscode", invoice.get("status", "Billed")),
                "ownerid": row_id("systemuser", account.get("owner", "biller")),
                **contract,
            },
        )
        for line, (product, quantity, price) in enumerate(invoice["lines"], start=1):
            amount = Decimal(quantity) * Decimal(price)
            seeder.add(
                "invoicedetail",
                {
                    "invoicedetailid": row_id("invoicedetail", f"{invoice['number']}/{line}"),
                    "invoiceid": invoice_id,
                    "productid": row_id("product", product),
                    "lineitemnumber": line,
                    "quantity": Decimal(quantity),
                    "priceperunit": Decimal(price),
                    "baseamount": amount,
                    "extendedamount": amount,
                    "transactioncurrencyid": currency,
                },
            )


def add_ledger(seeder: Seeder, account: str, currency: str, owner: UUID, columns: Row) -> None:
    """A billing account with nothing on it but what `columns` say."""
    key = story.ledger_key(account, currency)
    seeder.add(
        "cfl_billingaccount",
        {
            "cfl_billingaccountid": story.ledger_id(account, currency),
            "cfl_name": f"{account} ({currency})",
            "cfl_accountid": row_id("account", account),
            "transactioncurrencyid": row_id("transactioncurrency", currency),
            "cfl_ledgerkey": key,
            "cfl_status": seeder.choice("cfl_billingaccount", "cfl_status", "Active"),
            "cfl_balance": Decimal(0),
            "cfl_depositbalance": Decimal(0),
            "cfl_undisbursed": Decimal(0),
            "cfl_version": 1,
            "cfl_lastnumber": 0,
            "cfl_gatewaycustomerref": story.customer_ref(account),
            "ownerid": owner,
            **columns,
        },
    )


def _customer_id(account: Row, customer: str) -> UUID:
    return row_id("account" if account else "contact", customer)


def _add_profile(seeder: Seeder, account: Row, profile: Row, owner: UUID) -> None:
    name, like = account["name"], profile.get("like", "")
    month_year = story.expiry(profile, seeder.now)
    brand, _, last4 = profile["name"].partition(" •••• ")
    kind = "Card"
    if like and month_year is None:
        kind, brand = ("ACH debit", "") if "usBankAccount" in like else ("SEPA debit", "")
    saved = (
        {
            "cfl_customerref": story.customer_ref(name),
            "cfl_methodref": story.method_ref(name, profile["key"]),
            "cfl_brand": brand or None,
            "cfl_last4": last4,
        }
        if like
        else {}
    )
    seeder.add(
        "cfl_paymentprofile",
        {
            "cfl_paymentprofileid": row_id("cfl_paymentprofile", f"{name}/{profile['key']}"),
            "cfl_name": profile["name"],
            "cfl_accountid": row_id("account", name),
            "cfl_contactid": row_id("contact", account["contact"]),
            "cfl_processor": seeder.choice("cfl_paymentprofile", "cfl_processor", "Stripe"),
            "cfl_type": seeder.choice("cfl_paymentprofile", "cfl_type", kind),
            "cfl_expiry": f"{month_year[0]:02}/{month_year[1]}" if month_year else None,
            "cfl_isdefault": profile.get("default", False),
            "cfl_defaultslot": str(row_id("account", name)) if profile.get("default") else None,
            "statuscode": seeder.choice("cfl_paymentprofile", "statuscode", profile.get("status", "Ready")),
            "ownerid": owner,
            **saved,
        },
    )


def _add_contract(seeder: Seeder, account: Row, owner: UUID) -> None:
    name = account["name"]
    key = account["contract"]
    seeder.add(
        "cfl_billingcontract",
        {
            "cfl_billingcontractid": row_id("cfl_billingcontract", name),
            "cfl_name": f"BC-{account['number'].removeprefix('C-'):0>5}",
            "cfl_accountid": row_id("account", name),
            "cfl_contactid": row_id("contact", account["contact"]),
            "cfl_start": (seeder.now - timedelta(days=400)).date(),
            "cfl_terms": seeder.choice("cfl_billingcontract", "cfl_terms", "Net 30"),
            "cfl_frequency": seeder.choice("cfl_billingcontract", "cfl_frequency", "Monthly"),
            "cfl_paymentprofileid": row_id("cfl_paymentprofile", f"{name}/{key}") if key else None,
            "cfl_autocharge": account.get("auto_charge", False),
            "ownerid": owner,
        },
    )
