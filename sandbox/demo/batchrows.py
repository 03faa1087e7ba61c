"""A payment batch: payments that came together, entered and not posted yet."""

from decimal import Decimal

from sandbox.crm.seeding import Seeder
from sandbox.demo import story
from sandbox.demo.story import row_id


def add(seeder: Seeder) -> None:
    accounts = {account["name"]: account for account in story.read()["accounts"]}
    batch = story.read()["payment_batch"]
    batch_id = row_id("cfl_paymentbatch", "entered")
    biller = row_id("systemuser", "biller")
    seeder.add(
        "cfl_paymentbatch",
        {
            "cfl_paymentbatchid": batch_id,
            "cfl_status": seeder.choice("cfl_paymentbatch", "cfl_status", "Entered"),
            "ownerid": biller,
        },
    )
    today = seeder.now.date()
    for place, line in enumerate(batch, start=1):
        currency = accounts[line["account"]]["currency"]
        seeder.add(
            "cfl_paymentbatchline",
            {
                "cfl_paymentbatchlineid": row_id("cfl_paymentbatchline", f"entered/{place}"),
                "cfl_name": f"{line['account']}, {line['amount']}",
                "cfl_paymentbatchid": batch_id,
                "cfl_billingaccountid": story.ledger_id(line["account"], currency),
                "transactioncurrencyid": row_id("transactioncurrency", currency),
                "cfl_amount": Decimal(line["amount"]),
                "cfl_paymenttypeid": row_id("cfl_paymenttype", line["type"]),
                "cfl_date": today,
                "cfl_postingdate": today,
                "cfl_checknumber": line.get("check"),
                "cfl_automatic": line.get("automatic", True),
                "cfl_invoicenumbers": line.get("invoices"),
                "cfl_outcome": seeder.choice("cfl_paymentbatchline", "cfl_outcome", "Entered"),
                "ownerid": biller,
            },
        )
