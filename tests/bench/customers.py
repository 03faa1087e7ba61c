"""As many customers and invoices as a benchmark needs, each with a card that works."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sandbox.demo.story import customer_ref, row_id

CUSTOMER = customer_ref("Fabrikam Fibre")
CARD = 728310000
"""The choice Card of a payment profile's type, and its status reason Ready."""

Rows = Mapping[str, list[dict[str, Any]]]


def invoice_of(customer: int, number: int) -> UUID:
    return row_id("invoice", f"BENCH-{customer:03}-{number:03}")


@dataclass(frozen=True)
class Customer:
    """A customer with `invoices` of a million dollars, unless they owe less, and a payment method of Fabrikam's at Stripe."""

    number: int
    invoices: int
    owing: int = 1_000_000

    def invoice(self, turn: int) -> UUID:
        """One after the other, and from the first again."""
        return invoice_of(self.number, turn % self.invoices)


ALONE = Customer(0, 5)
DIFFERENT = tuple(Customer(number, 5) for number in range(1, 33))
BUSY = {threads: Customer(40 + threads, 32) for threads in (1, 8, 32)}
"""By how many threads it is charged at once."""
WAITING = tuple(Customer(number, 20) for number in range(80, 90))
"""For the sweep."""
IN_A_RUN = tuple(Customer(number, 10, owing=100) for number in range(100, 110))
"""For the charge run."""
EVERYBODY = (ALONE, *DIFFERENT, *BUSY.values(), *WAITING, *IN_A_RUN)


def rows(methods: Mapping[Customer, str]) -> Rows:
    """In the shape that `POST /sandbox/import` takes: customers with their payment methods at Stripe."""
    made: dict[str, list[dict[str, Any]]] = {
        "accounts": [],
        "cfl_paymentprofiles": [],
        "cfl_billingcontracts": [],
        "invoices": [],
    }
    for customer, method in methods.items():
        for table, row in _customer(customer, method):
            made[table].append(row)
    return made


def _customer(customer: Customer, method: str) -> Iterator[tuple[str, dict[str, Any]]]:
    name = f"Bench {customer.number:03}"
    account, profile, contract = (row_id(kind, name) for kind in ("account", "profile", "contract"))
    owner = f"/systemusers({row_id('systemuser', 'biller')})"
    dollars = f"/transactioncurrencies({row_id('transactioncurrency', 'USD')})"
    yield (
        "accounts",
        {
            "accountid": str(account),
            "name": name,
            "transactioncurrencyid@odata.bind": dollars,
            "ownerid@odata.bind": owner,
        },
    )
    yield (
        "cfl_paymentprofiles",
        {
            "cfl_paymentprofileid": str(profile),
            "cfl_name": "Visa •••• 4242",
            "cfl_accountid@odata.bind": f"/accounts({account})",
            "cfl_type": CARD,
            "cfl_expiry": "12/2040",
            "cfl_customerref": CUSTOMER,
            "cfl_methodref": method,
            "statuscode": CARD,
            "ownerid@odata.bind": owner,
        },
    )
    yield (
        "cfl_billingcontracts",
        {
            "cfl_billingcontractid": str(contract),
            "cfl_name": f"BC-{name}",
            "cfl_accountid@odata.bind": f"/accounts({account})",
            "cfl_paymentprofileid@odata.bind": f"/cfl_paymentprofiles({profile})",
            "ownerid@odata.bind": owner,
        },
    )
    for number in range(customer.invoices):
        yield (
            "invoices",
            {
                "invoiceid": str(invoice_of(customer.number, number)),
                "invoicenumber": f"BENCH-{customer.number:03}-{number:03}",
                "name": "Benchmark",
                "customerid_account@odata.bind": f"/accounts({account})",
                "totalamount": customer.owing,
                "transactioncurrencyid@odata.bind": dollars,
                "cfl_billingcontractid@odata.bind": f"/cfl_billingcontracts({contract})",
                "statuscode": 4,
                "ownerid@odata.bind": owner,
            },
        )
