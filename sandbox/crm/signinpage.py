"""Signing in without a password: a page to choose a demo user on, and the same by JSON."""

import html
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote

from sandbox.control import BadRequestError, Endpoints, json_object
from sandbox.crm.signin import SignIn
from sandbox.wire import Request, Response, json_response

PATH = "/sandbox/signin"


class SignInPage:
    """`GET` shows who there is, `POST` signs in: a form goes on to the page named by `next`, JSON is answered."""

    def __init__(self, sign_in: SignIn) -> None:
        self._sign_in = sign_in

    def endpoints(self) -> Endpoints:
        return {"signin": {"GET": self._show, "POST": self._open_session}}

    def _show(self, request: Request) -> Response:
        buttons = "".join(
            f'<li><button name="user" value="{html.escape(person.login)}"><b>{html.escape(person.full_name)}</b>'
            f"<span>{html.escape(', '.join(person.roles))}</span></button></li>"
            for person in self._sign_in.people()
        )
        action = html.escape(f"{PATH}?next={quote(_onward(request))}")
        return Response(
            200,
            {
                "content-type": "text/html; charset=utf-8",
                "cache-control": "no-store",
                "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
                "frame-ancestors 'none'; base-uri 'none'",
            },
            _PAGE.format(buttons=buttons, action=action).encode(),
        )

    def _open_session(self, request: Request) -> Response:
        by_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        body: Mapping[str, Any] = (
            dict(parse_qsl(request.body.decode("utf-8", "replace"))) if by_form else json_object(request)
        )
        login = body.get("user")
        known = ", ".join(person.login for person in self._sign_in.people())
        if not isinstance(login, str):
            raise BadRequestError(f'Signing in takes {{"user": …}}, one of: {known}.')
        try:
            actor, cookie = self._sign_in.open_session(login)
        except LookupError:
            raise BadRequestError(f"There is no user {login!r}; there are: {known}.") from None
        if by_form:
            return Response(303, {"location": _onward(request), "set-cookie": cookie})
        shown = {"user": login, "user_id": str(actor.user_id), "full_name": actor.full_name}
        return json_response(200, shown, {"set-cookie": cookie})


def _onward(request: Request) -> str:
    """A path on this server; anything that could lead elsewhere becomes the start page."""
    address = parse_qs(request.query).get("next", ["/"])[-1]
    local = address.startswith("/") and not address.startswith(("//", "/\\"))
    return quote(address, safe="/?&=%#:+,;@!$'()*~[]") if local else "/"


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in - Sandbox CRM</title>
<style>
body {{ font: 16px/1.5 "Segoe UI", system-ui, sans-serif; color: #242424; background: #f0f0f0; margin: 0; }}
main {{ max-width: 30rem; margin: 4rem auto; padding: 2rem; background: #fff; border-radius: 8px;
  box-shadow: 0 2px 8px rgba(0, 0, 0, .14); }}
h1 {{ font-size: 1.25rem; margin: 0 0 .5rem; }}
ul {{ list-style: none; padding: 0; margin: 1rem 0 0; }}
button {{ display: block; width: 100%; text-align: left; font: inherit; color: inherit; background: #fff;
  border: 1px solid #6e6e6e; border-radius: 4px; padding: .6rem .8rem; margin-top: .5rem; cursor: pointer; }}
button:hover {{ background: #f5f5f5; }}
button:focus-visible {{ outline: 2px solid #0f6cbd; outline-offset: 2px; }}
span {{ display: block; font-size: .875rem; color: #424242; }}
</style>
</head>
<body>
<main>
<h1>Who are you today?</h1>
<p>This is a sandbox on your own machine: no password, no real money.</p>
<form method="post" action="{action}"><ul>{buttons}</ul></form>
</main>
</body>
</html>
"""
