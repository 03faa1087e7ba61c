"""Every path that the local Stripe answers, and what answers it."""

import re

from sandbox.stripe import (
    balance,
    charges,
    checkout_sessions,
    customers,
    disputes,
    events,
    payment_intents,
    payment_methods,
    refunds,
    setup_intents,
    webhook_endpoints,
)
from sandbox.stripe.call import Endpoint

TABLE: tuple[tuple[str, str, Endpoint], ...] = (
    ("GET", "/v1/balance", balance.retrieve),
    ("GET", "/v1/balance_transactions", balance.list_transactions),
    ("GET", "/v1/balance_transactions/{id}", balance.retrieve_transaction),
    ("GET", "/v1/charges", charges.list_all),
    ("GET", "/v1/charges/{id}", charges.retrieve),
    ("POST", "/v1/charges/{id}", charges.update),
    ("GET", "/v1/checkout/sessions", checkout_sessions.list_all),
    ("POST", "/v1/checkout/sessions", checkout_sessions.create),
    ("GET", "/v1/checkout/sessions/{id}", checkout_sessions.retrieve),
    ("POST", "/v1/checkout/sessions/{id}/expire", checkout_sessions.expire),
    ("GET", "/v1/customers", customers.list_all),
    ("POST", "/v1/customers", customers.create),
    ("GET", "/v1/customers/{id}", customers.retrieve),
    ("POST", "/v1/customers/{id}", customers.update),
    ("DELETE", "/v1/customers/{id}", customers.delete),
    ("GET", "/v1/customers/{id}/payment_methods", customers.list_payment_methods),
    ("GET", "/v1/disputes", disputes.list_all),
    ("GET", "/v1/disputes/{id}", disputes.retrieve),
    ("POST", "/v1/disputes/{id}", disputes.update),
    ("POST", "/v1/disputes/{id}/close", disputes.close),
    ("GET", "/v1/events", events.list_all),
    ("GET", "/v1/events/{id}", events.retrieve),
    ("GET", "/v1/payment_intents", payment_intents.list_all),
    ("POST", "/v1/payment_intents", payment_intents.create),
    ("GET", "/v1/payment_intents/{id}", payment_intents.retrieve),
    ("POST", "/v1/payment_intents/{id}", payment_intents.update),
    ("POST", "/v1/payment_intents/{id}/cancel", payment_intents.cancel),
    ("POST", "/v1/payment_intents/{id}/capture", payment_intents.capture),
    ("POST", "/v1/payment_intents/{id}/confirm", payment_intents.confirm),
    ("GET", "/v1/payment_methods", payment_methods.list_all),
    ("POST", "/v1/payment_methods", payment_methods.create),
    ("GET", "/v1/payment_methods/{id}", payment_methods.retrieve),
    ("POST", "/v1/payment_methods/{id}", payment_methods.update),
    ("POST", "/v1/payment_methods/{id}/attach", payment_methods.attach),
    ("POST", "/v1/payment_methods/{id}/detach", payment_methods.detach),
    ("GET", "/v1/refunds", refunds.list_all),
    ("POST", "/v1/refunds", refunds.create),
    ("GET", "/v1/refunds/{id}", refunds.retrieve),
    ("POST", "/v1/refunds/{id}", refunds.update),
    ("POST", "/v1/refunds/{id}/cancel", refunds.cancel),
    ("GET", "/v1/setup_intents", setup_intents.list_all),
    ("POST", "/v1/setup_intents", setup_intents.create),
    ("GET", "/v1/setup_intents/{id}", setup_intents.retrieve),
    ("POST", "/v1/setup_intents/{id}/cancel", setup_intents.cancel),
    ("POST", "/v1/setup_intents/{id}/confirm", setup_intents.confirm),
    ("GET", "/v1/webhook_endpoints", webhook_endpoints.list_all),
    ("POST", "/v1/webhook_endpoints", webhook_endpoints.create),
    ("GET", "/v1/webhook_endpoints/{id}", webhook_endpoints.retrieve),
    ("POST", "/v1/webhook_endpoints/{id}", webhook_endpoints.update),
    ("DELETE", "/v1/webhook_endpoints/{id}", webhook_endpoints.delete),
)

_COMPILED = tuple(
    (method, re.compile(template.replace("{id}", "(?P<id>[A-Za-z0-9_]+)")), endpoint)
    for method, template, endpoint in TABLE
)


def find(method: str, path: str) -> tuple[Endpoint, str] | None:
    """The endpoint for a path, and the id in it (empty where there is none)."""
    for known, pattern, endpoint in _COMPILED:
        if known == method and (match := pattern.fullmatch(path)) is not None:
            return endpoint, match.groupdict().get("id", "")
    return None
