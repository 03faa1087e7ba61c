"""The SDK as we use it: our pinned API version, no retries of its own, no telemetry, one pool of connections."""

from http.cookiejar import DefaultCookiePolicy

import requests
import stripe
from requests.adapters import HTTPAdapter
from stripe._base_address import BaseAddresses  # not exported

from plugins.ports import NoAnswer

API_VERSION = "2026-08-26.dahlia"
_CONNECT_SECONDS = 3.05  # just above TCP's first retransmission


class Stripe:
    """Makes clients that share the connections and give up in time.

    The SDK takes its time-outs when a client is made, so each call gets a client of its own; that costs 0.2 ms.
    """

    def __init__(self, api_key: str, api_base: str | None, session: requests.Session) -> None:
        stripe.enable_telemetry = False  # global only; it would also write a file into the home folder
        self._api_key = api_key
        self._base: BaseAddresses = {"api": api_base.rstrip("/")} if api_base else {}
        self._session = session

    @property
    def live(self) -> bool:
        return self._api_key.startswith(("sk_live_", "rk_live_"))

    def within(self, seconds: float) -> stripe.StripeClient:
        """A client that waits no longer than `seconds` for one answer. Raises `NoAnswer` when no time is left."""
        if seconds <= 0:
            raise NoAnswer("no time is left to ask Stripe")
        connect = min(_CONNECT_SECONDS, seconds / 2)
        return stripe.StripeClient(
            self._api_key,
            stripe_version=API_VERSION,
            base_addresses=self._base,
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=(connect, seconds - connect), session=self._session),
        )


def pooled_session(connections: int = 64) -> requests.Session:
    """One session for all threads, without cookies. Proxies and credentials of the environment are not for Stripe."""
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=connections)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
