"""Statements to print: each as a customer could get it."""

from datetime import date
from decimal import Decimal
from typing import Any

from plugins.rules.money import Money
from plugins.rules.statement import Issued, Line, Party, Statement, TaxSum


def usd(amount: str) -> Money:
    return Money.parse(amount, "USD")


def a_line(gross: str = "113.00", net: str = "100.00", text: str = "Hosted PBX", **fields: Any) -> Line:
    given: dict[str, Any] = {
        "dated": date(2026, 11, 3),
        "detail": "",
        "period": (date(2026, 11, 1), date(2026, 11, 30)),
        "tax": usd(gross) - usd(net),
    } | fields
    return Line(text=text, net=usd(net), gross=usd(gross), **given)


def a_statement(**fields: Any) -> Statement:
    """Two charges, a payment, a credit, and 87.00 from before."""
    given: dict[str, Any] = {
        "sender": Party("Counterfoil Telecom Inc.", ("100 King Street West", "Toronto ON M5X 1A9", "Canada")),
        "customer": Party("Fabrikam Fibre", ("1 Main Street", "Springfield IL 62701", "United States")),
        "account": "Fabrikam Fibre (USD)",
        "number": "INV-01042-K7PQ2X",
        "dated": date(2026, 11, 1),
        "closed_on": date(2026, 11, 30),
        "currency": "USD",
        "lines": (
            a_line(detail="Main site, 12 seats"),
            a_line("1,250.00".replace(",", ""), "1250.00", text="Fibre 1 Gbit/s #10045"),
        ),
        "payments": (
            Issued(
                dated=date(2026, 11, 10),
                text="Payment (Check)",
                detail="Check 4711",
                amount=usd("400.00"),
            ),
        ),
        "credits": (
            Issued(
                dated=date(2026, 11, 12),
                text="Reversal: Hosted PBX",
                detail="(Reversed Credit Transaction #7)",
                amount=usd("50.00"),
            ),
        ),
        "taxes": (TaxSum(jurisdiction="Ontario", rate=Decimal(13), base=usd("100.00"), amount=usd("13.00")),),
        "previous_balance": usd("87.00"),
        "charges": usd("1363.00"),
        "payments_total": usd("400.00"),
        "credits_total": usd("50.00"),
        "total_due": usd("1000.00"),
        "balance": usd("963.00"),
        "footer": "Please pay within 30 days.\nQuestions? accounts@counterfoil.example",
    } | fields
    return Statement(**given)
