from tests.sandbox_stripe.world import client, customer, world

__all__ = ["client", "customer", "world"]
