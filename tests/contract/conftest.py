from tests.sandbox_stripe.account import account, client, customer

__all__ = ["account", "client", "customer"]
