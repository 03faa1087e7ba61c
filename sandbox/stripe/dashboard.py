"""What happens at Stripe without a call of ours: `POST /sandbox/dispute|refund|outage|webhooks`.

dispute   {"payment_intent" or "charge": id, "reason"?, "amount"?}  the customer's bank takes the money back
          {"dispute": id, "outcome": "won" or "lost"}                the bank decides
refund    {"payment_intent" or "charge": id, "amount"?, "reason"?}  a colleague refunds in the dashboard
          {"refund": id, "status": "succeeded" or "failed"}          a refund ends, or fails after it succeeded
outage    {"path"?: regex, "moment"?: "before" or "after", "times"?} Stripe answers 500 in the middle of a request
webhooks  {"resend": event id}, {"copies": 2}, {"newest_first": true} deliveries again, in double, out of order
"""

from collections.abc import Callable
from typing import Any

from sandbox.control import BadRequestError, Endpoints, json_object
from sandbox.stripe import disputes, refunds
from sandbox.stripe.call import Call
from sandbox.stripe.errors import StripeError
from sandbox.stripe.outages import Outages
from sandbox.stripe.session import Session
from sandbox.stripe.store import Store
from sandbox.stripe.webhooks import Webhooks
from sandbox.wire import Request, Response, json_response


class Dashboard:
    """The sandbox's own control of Stripe, in the shape that `sandbox.control.Control` takes as `more`."""

    def __init__(self, store: Store, now: Callable[[], int], outages: Outages, webhooks: Webhooks) -> None:
        self._store = store
        self._now = now
        self._outages = outages
        self._webhooks = webhooks

    def endpoints(self) -> Endpoints:
        return {
            "dispute": {"POST": self._changing(_dispute)},
            "refund": {"POST": self._changing(_refund)},
            "outage": {"POST": self._outage},
            "webhooks": {"POST": self._deliveries},
        }

    def _changing(
        self, change: Callable[[Session, dict[str, Any]], dict[str, Any]]
    ) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            body = json_object(request)
            try:
                with self._store.transaction():
                    shown = change(Session(self._store, self._now()), body)
            except StripeError as error:
                return json_response(error.status, error.envelope())
            self._webhooks.wake()
            return json_response(200, shown)

        return answer

    def _outage(self, request: Request) -> Response:
        match json_object(request):
            case {**given} if given.keys() <= {"path", "moment", "times"} and given.get("moment") in {
                None,
                "before",
                "after",
            }:
                self._outages.expect(**given)
                return json_response(200, given)
        raise BadRequestError('An outage is {"path": "confirm", "moment": "before" or "after", "times": 1}.')

    def _deliveries(self, request: Request) -> Response:
        match json_object(request):
            case {"resend": str() as event, **rest} if not rest:
                self._webhooks.resend(event)
            case {"copies": int() as copies, **rest} if not rest and 1 <= copies <= 10:
                self._webhooks.copies = copies
            case {"newest_first": bool() as newest_first, **rest} if not rest:
                self._webhooks.newest_first = newest_first
            case _:
                raise BadRequestError(
                    'Webhooks take {"resend": "evt_…"}, {"copies": 2} or {"newest_first": true}.'
                )
        return json_response(
            200, {"copies": self._webhooks.copies, "newest_first": self._webhooks.newest_first}
        )


def _dispute(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    if "dispute" in body:
        dispute = session.find("dispute", str(body["dispute"]), "dispute").body
        disputes.end_dispute(session, dispute, won=body.get("outcome") == "won")
        return dispute
    charge = _charge(session, body)
    return disputes.open_dispute(session, charge, body.get("reason", "fraudulent"), body.get("amount"))


def _refund(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    if "refund" in body:
        refund = session.find("refund", str(body["refund"]), "refund").body
        end = refunds.succeed if body.get("status") == "succeeded" else refunds.fail
        end(session, refund)
        return refund
    return refunds.create(session, Call(given={name: _as_form(value) for name, value in body.items()}))


def _charge(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    if "charge" in body:
        return session.find("charge", str(body["charge"]), "charge").body
    intent = session.find("payment_intent", str(body.get("payment_intent")), "payment_intent").body
    return session.find("charge", str(intent["latest_charge"]), "charge").body


def _as_form(value: Any) -> Any:
    return {key: str(each) for key, each in value.items()} if isinstance(value, dict) else str(value)
