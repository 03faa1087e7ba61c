"""Stripe's part of the story: customers, their payment methods and the intents of what was charged already."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sandbox.demo import story

Rows = Iterator[Mapping[str, Any]]


def customers() -> Rows:
    for account in story.read()["accounts"]:
        yield {
            "id": story.customer_ref(account["name"]),
            "name": account["name"],
            "email": f"accounts@{story.slug(account['name'])}.example",
            "metadata": {"account": str(story.row_id("account", account["name"]))},
        }


def payment_methods(now: datetime) -> Rows:
    for account in story.read()["accounts"]:
        for profile in account.get("profiles", ()):
            if "like" not in profile:
                continue
            month_year = story.expiry(profile, now)
            expires = (
                {} if month_year is None else dict(zip(("exp_month", "exp_year"), month_year, strict=True))
            )
            yield {
                "id": story.method_ref(account["name"], profile["key"]),
                "customer": story.customer_ref(account["name"]),
                "like": profile["like"],
                **expires,
            }


def payment_intents(now: datetime, organization: UUID) -> Rows:
    for charge in story.past_charges(now):
        yield {
            "id": charge.intent,
            "amount": charge.minor,
            "currency": charge.currency.lower(),
            "customer": story.customer_ref(charge.account),
            "payment_method": story.method_ref(charge.account, charge.profile_key),
            "created": int(charge.at.timestamp()),
            "description": f"Invoice {charge.invoice}",
            "metadata": {
                "counterfoil_organization": str(organization),
                "counterfoil_transaction": str(charge.transaction_id),
                "counterfoil_invoice": str(story.row_id("invoice", charge.invoice)),
                "counterfoil_request": charge.key,
            },
        }
