"""The demo's story: who the customers are, what they owe and what has been charged already."""

from sandbox.clock import Clock
from sandbox.crm.seeding import Seeder
from sandbox.stripe.stripe import Stripe


def fill(seeder: Seeder) -> None:
    """Adds the CRM's part."""


def seed_stripe(stripe: Stripe, clock: Clock) -> None:
    """Adds Stripe's part."""
