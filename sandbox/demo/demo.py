"""Tells the demo's story to both stand-ins."""

from uuid import UUID

from sandbox.clock import Clock
from sandbox.crm.platformrows import Organization
from sandbox.crm.seeding import Seeder
from sandbox.demo import crmrows, ledgerrows, stripeobjects
from sandbox.stripe.stripe import Stripe


def fill_crm(seeder: Seeder, organization: Organization, client_id: UUID) -> None:
    """Adds the CRM's part. `client_id` is the app registration that the service's user belongs to."""
    crmrows.add_people(seeder, organization, client_id)
    crmrows.add_set_up(seeder, organization)
    crmrows.add_customers(seeder)
    crmrows.add_invoices(seeder)
    ledgerrows.add(seeder)


def fill_stripe(stripe: Stripe, clock: Clock, organization: Organization) -> None:
    """Adds Stripe's part."""
    now = clock.now().replace(microsecond=0)
    stripe.seed(
        customers=stripeobjects.customers(),
        payment_methods=stripeobjects.payment_methods(now),
        payment_intents=stripeobjects.payment_intents(now, organization.id),
    )
