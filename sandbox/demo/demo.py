"""Tells the demo's story to both stand-ins."""

from dataclasses import dataclass
from uuid import UUID

from sandbox.clock import Clock
from sandbox.crm import platformrows
from sandbox.crm.platformrows import Organization
from sandbox.crm.schema import Schema
from sandbox.crm.seeding import Seeder
from sandbox.crm.store import Store
from sandbox.demo import batchrows, crmrows, ledgerrows, postings, stripeobjects
from sandbox.stripe.store import Snapshot
from sandbox.stripe.stripe import Stripe


@dataclass(frozen=True)
class Story:
    """The demo data of both stand-ins, ready to be put in place: that takes a hundredth of the telling."""

    crm: bytes
    stripe: Snapshot


def tell(schema: Schema, clock: Clock, organization: Organization, client_id: UUID) -> Story:
    """The story as of now. `client_id` is the app registration that the service's user belongs to."""
    return Story(_crm(schema, clock, organization, client_id), _stripe(clock, organization))


def _crm(schema: Schema, clock: Clock, organization: Organization, client_id: UUID) -> bytes:
    store = Store(schema, clock)
    seeder = Seeder(schema, store, clock)
    with store.transaction():
        platformrows.add(seeder, schema, organization)
        crmrows.add_people(seeder, organization, client_id)
        crmrows.add_set_up(seeder, organization)
        crmrows.add_customers(seeder)
        crmrows.add_invoices(seeder)
        ledgerrows.add(seeder)
        postings.add(seeder)
        batchrows.add(seeder)
    told = store.snapshot()
    store.close()
    return told


def _stripe(clock: Clock, organization: Organization) -> Snapshot:
    stripe = Stripe(clock)
    now = clock.now().replace(microsecond=0)
    stripe.seed(
        customers=stripeobjects.customers(),
        payment_methods=stripeobjects.payment_methods(now),
        payment_intents=stripeobjects.payment_intents(now, organization.id),
    )
    told = stripe.snapshot()
    stripe.stop()
    return told
