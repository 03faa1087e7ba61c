"""What the charges that happened already left behind: ledgers, requests, transactions, payments, disbursements.

The rows are those that the add-on writes when it settles a charge, and they agree with Stripe's intents to the cent.
"""

import json
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sandbox.crm.seeding import Seeder
from sandbox.demo import crmrows, story
from sandbox.demo.story import PastCharge, row_id

_STATUS = {True: ("Complete", "Paid (Complete)"), False: ("Partial", "Paid (Partial)")}


def add(seeder: Seeder) -> None:
    by_ledger: dict[tuple[str, str], list[PastCharge]] = defaultdict(list)
    for charge in story.past_charges(seeder.now):
        by_ledger[charge.account, charge.currency].append(charge)
    for (account, currency), charges in by_ledger.items():
        owner = _owner(account)
        for position, charge in enumerate(charges):
            _add_charge(seeder, charge, owner, number=2 * position + 1)
        crmrows.add_ledger(
            seeder,
            account,
            currency,
            owner,
            {
                "cfl_balance": story.owed(account, currency),
                "cfl_version": 2 * len(charges),
                "cfl_lastnumber": 2 * len(charges),
            },
        )
    latest = {charge.invoice: charge for charge in story.past_charges(seeder.now)}
    for charge in latest.values():
        _show_on_invoice(seeder, charge)


def _add_charge(seeder: Seeder, charge: PastCharge, owner: UUID, *, number: int) -> None:
    """Payment `number` and its disbursement, the next one."""
    ledger = story.ledger_id(charge.account, charge.currency)
    biller = row_id("systemuser", "biller")
    settled = charge.at + timedelta(seconds=2)
    shared: dict[str, Any] = {
        "cfl_billingaccountid": ledger,
        "transactioncurrencyid": row_id("transactioncurrency", charge.currency),
        "ownerid": owner,
        "createdon": settled,
        "modifiedon": settled,
    }
    invoice = row_id("invoice", charge.invoice)
    request_and_invoice = {"cfl_invoiceid": invoice, "cfl_requestid": charge.request_id}
    sentence = f"{charge.amount} {charge.currency} was charged to {charge.profile_name}."
    seeder.add(
        "cfl_request",
        {
            "cfl_requestid": charge.request_id,
            "cfl_key": charge.key,
            "cfl_action": "cfl_ChargeInvoice",
            "cfl_inputhash": "0" * 64,
            "cfl_outcome": seeder.choice("cfl_request", "cfl_outcome", "Done"),
            "cfl_code": "succeeded",
            "cfl_message": sentence,
            "cfl_result": json.dumps(
                {
                    "transaction": str(charge.transaction_id),
                    "payment": str(charge.payment_id),
                    "amount": str(charge.amount),
                    "currency": charge.currency,
                    "balance": str(charge.settled_balance),
                    "status": _STATUS[charge.settled_balance == 0][1],
                }
            ),
            "cfl_invoiceid": invoice,
            "cfl_billingaccountid": ledger,
            "cfl_paymenttransactionid": charge.transaction_id,
            "cfl_requestedbyid": biller,
            "cfl_source": seeder.choice("cfl_request", "cfl_source", "User"),
            "ownerid": biller,
            "createdon": charge.at,
            "modifiedon": settled,
        },
    )
    seeder.add(
        "cfl_paymenttransaction",
        {
            **shared,
            **request_and_invoice,
            "cfl_paymenttransactionid": charge.transaction_id,
            "cfl_operation": seeder.choice("cfl_paymenttransaction", "cfl_operation", "Charge"),
            "cfl_paymentprofileid": row_id("cfl_paymentprofile", f"{charge.account}/{charge.profile_key}"),
            "cfl_amount": charge.amount,
            "cfl_gatewayreference": charge.intent,
            "cfl_transactionresult": sentence,
            "cfl_stage": seeder.choice("cfl_paymenttransaction", "cfl_stage", "Final"),
            "cfl_checks": 0,
            "cfl_finalon": settled,
            "cfl_paymentid": charge.payment_id,
            "statuscode": seeder.choice("cfl_paymenttransaction", "statuscode", "Succeeded"),
            "createdon": charge.at,
        },
    )
    seeder.add(
        "cfl_payment",
        {
            **shared,
            "cfl_paymentid": charge.payment_id,
            "cfl_number": number,
            "cfl_paymenttypeid": row_id("cfl_paymenttype", "Credit Card"),
            "cfl_amount": charge.amount,
            "cfl_date": charge.at.date(),
            "cfl_postingdate": charge.at.date(),
            "cfl_detail": f"Charge of invoice {charge.invoice}",
            "cfl_disbursed": charge.amount,
            "cfl_undisbursed": Decimal(0),
            "cfl_refunded": Decimal(0),
            "cfl_isdisbursed": True,
            "cfl_paymenttransactionid": charge.transaction_id,
            "cfl_requestid": charge.request_id,
        },
    )
    seeder.add(
        "cfl_disbursement",
        {
            **shared,
            "cfl_disbursementid": charge.disbursement_id(number + 1),
            "cfl_number": number + 1,
            "cfl_invoiceid": invoice,
            "cfl_paymentid": charge.payment_id,
            "cfl_amount": charge.amount,
            "cfl_mode": seeder.choice("cfl_disbursement", "cfl_mode", "Charge"),
        },
    )


def _show_on_invoice(seeder: Seeder, charge: PastCharge) -> None:
    """The columns that the add-on projects onto the invoice, and the status that follows from them (A24)."""
    complete = charge.settled_balance == 0
    total = Decimal(_invoice(charge.invoice)["total"])
    zeros = ("otherpayments", "creditsdisbursed", "pendingamount", "paymentsissued", "creditsissued")
    seeder.change(
        "invoice",
        row_id("invoice", charge.invoice),
        {
            **{f"cfl_{name}": Decimal(0) for name in zeros},
            "cfl_billingaccountid": story.ledger_id(charge.account, charge.currency),
            "cfl_ledgerstate": seeder.choice("invoice", "cfl_ledgerstate", "Closed"),
            "cfl_total": total,
            "cfl_balance": charge.settled_balance,
            "cfl_amountcharged": total - charge.settled_balance,
            "cfl_paymentsdisbursed": total - charge.settled_balance,
            "cfl_lastchargestatus": seeder.choice("invoice", "cfl_lastchargestatus", "Succeeded"),
            "cfl_paidon": charge.at.date() if complete else None,
            "statecode": seeder.choice("invoice", "statecode", "Paid"),
            "statuscode": seeder.choice("invoice", "statuscode", _STATUS[complete][0]),
        },
    )


def _invoice(number: str) -> crmrows.Row:
    found: crmrows.Row = next(invoice for invoice in story.read()["invoices"] if invoice["number"] == number)
    return found


def _owner(account: str) -> UUID:
    accounts = {each["name"]: each for each in story.read()["accounts"]}
    return row_id("systemuser", accounts[account].get("owner", "biller"))
