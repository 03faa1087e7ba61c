"""The whole sandbox in one object: a local CRM and a local Stripe that share a clock, faults and the demo's story."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.calls import Calls
from sandbox.clock import Clock
from sandbox.control import Control
from sandbox.crm.crm import CLIENT_ID, CLIENT_SECRET, ORGANIZATION, TENANT, Crm
from sandbox.crm.delivery import Send as SendToStep
from sandbox.crm.schema import Schema
from sandbox.demo import demo
from sandbox.demo.demo import Story
from sandbox.faults import Faults
from sandbox.front import Caller, Front
from sandbox.stripe.stripe import Stripe
from sandbox.stripe.webhooks import Send as SendEvent
from sandbox.stripe.webhooks import over_http
from sandbox.wire import Request

STRIPE_API_KEY = "sk_test_counterfoil_sandbox"


@dataclass(frozen=True)
class Addresses:
    """Where the stand-ins and the add-on are reached."""

    crm: str = "http://127.0.0.1:8365"
    crm_tls: str = "https://127.0.0.1:8366"
    stripe: str = "http://127.0.0.1:8367"
    addon: str = "http://127.0.0.1:8368"
    ca_bundle: Path | None = None
    client_certificate: Path | None = None

    @property
    def authority(self) -> str:
        return f"{self.crm_tls}/{TENANT}"


class World:
    """`crm_front.handle` and `stripe_front.handle` are what sockets and tests call; `reset` goes back to the story.

    `story` is one that was told before; without it, it is told as of now.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        story: Story | None = None,
        clock: Clock | None = None,
        faults: Faults | None = None,
        data: Path | None = None,
        addresses: Addresses | None = None,
        send_to_step: SendToStep | None = None,
        send_event: SendEvent = over_http,
        under_way: Callable[[Request], None] = lambda _request: None,
    ) -> None:
        self.clock = clock or Clock()
        self.faults = faults or Faults()
        self.crm_calls, self.stripe_calls = Calls(), Calls()
        self.story = story or demo.tell(schema, self.clock, ORGANIZATION, CLIENT_ID)
        self.crm = Crm(schema, self.clock, self.story.crm, data=data, send=send_to_step)
        stripe_file = data.with_name(f"{data.name}.stripe") if data else None
        told_before = stripe_file is not None and stripe_file.exists()
        self.stripe = Stripe(self.clock, file=stripe_file, send=send_event, under_way=under_way)
        if not told_before:
            self.stripe.restore(self.story.stripe)
        self.crm_front = Front(
            "crm",
            self.crm.handle,
            Control(self, self.crm_calls, more=self.crm.endpoints()).handle,
            faults=self.faults,
            calls=self.crm_calls,
            clock=self.clock,
            caller=self.crm.caller,
        )
        self.stripe_front = Front(
            "stripe",
            self.stripe.handle,
            Control(self, self.stripe_calls, more=self.stripe.controls()).handle,
            faults=self.faults,
            calls=self.stripe_calls,
            clock=self.clock,
            caller=lambda _request: Caller(),
        )
        self.addresses = Addresses()
        self.move_to(addresses or self.addresses)

    def move_to(self, addresses: Addresses) -> None:
        """Says where the stand-ins are reached: tokens are for these addresses, and the environment names them."""
        self.addresses = addresses
        self.crm.directory.resources = {
            addresses.crm,
            addresses.crm_tls,
            addresses.crm_tls.replace("127.0.0.1", "localhost"),
        }

    def reset(self) -> None:
        """Both stand-ins back to the demo data; what was registered stays; no faults, no calls, the real time."""
        self.faults.clear()
        self.clock.reset()
        self.crm.reset()
        self.stripe.restore(self.story.stripe)
        self.crm_calls.clear()
        self.stripe_calls.clear()

    def clock_moved(self) -> None:
        """What was due in the time that was skipped happens now."""
        self.stripe.settle_due()
        self.stripe.webhooks.wake()

    def environment(self) -> dict[str, Any]:
        """What another client needs to connect."""
        return {
            "web_api": f"{self.addresses.crm}/api/data/v9.2",
            "url": self.addresses.crm,
            "tls_url": self.addresses.crm_tls,
            "authority": self.addresses.authority,
            "tenant": str(TENANT),
            "client_id": str(CLIENT_ID),
            "client_secret": CLIENT_SECRET,
            "client_certificate": _shown(self.addresses.client_certificate),
            "ca_bundle": _shown(self.addresses.ca_bundle),
            "stripe": self.addresses.stripe,
            "stripe_api_key": STRIPE_API_KEY,
            "addon": self.addresses.addon,
            "organization_id": str(self.crm.organization.id),
        }

    def start(self) -> None:
        """Lets asynchronous steps and Stripe's events go out by themselves."""
        self.crm.webhooks.jobs.start()
        self.stripe.start()

    def stop(self) -> None:
        self.crm.webhooks.jobs.stop()
        self.stripe.stop()
        self.crm.store.close()


def _shown(path: Path | None) -> str | None:
    return None if path is None else str(path)
