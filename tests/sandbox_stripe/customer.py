"""A customer at a hosted page, by its forms."""

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from sandbox.wire import Handler, Request, Response


@dataclass
class Customer:
    """`handler` is the local Stripe."""

    handler: Handler

    def sees(self, url: str) -> str:
        response = self.handler(Request("GET", _path(url)))
        assert response.status == 200
        return shown(response)

    def chooses(self, url: str, method: str = "pm_card_visa") -> Response:
        return self._submits(url, payment_method=method)

    def authenticates(self, url: str, *, passes: bool = True) -> Response:
        return self._submits(url, authentication="passes" if passes else "fails")

    def _submits(self, url: str, **form: str) -> Response:
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return self.handler(Request("POST", _path(url), headers=headers, body=urlencode(form).encode()))


def shown(response: Response) -> str:
    """The page's text."""
    main = response.body.decode().partition("<main>")[2]
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


def _path(url: str) -> str:
    return "/" + url.split("/", 3)[3]
