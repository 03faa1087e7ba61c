"""From a request to an actor: bearer tokens of applications, cookies of people, and who acts on behalf of whom."""

import secrets
import threading
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from uuid import UUID

from sandbox.crm.errors import ApiError
from sandbox.crm.identity import Actor
from sandbox.crm.oauth import Directory, InvalidTokenError
from sandbox.crm.schema import Row, Schema
from sandbox.crm.security import Security
from sandbox.crm.store import Store
from sandbox.wire import Request

COOKIE = "CrmSandboxAuth"
_ACT_ON_BEHALF = "prvActOnBehalfOfAnotherUser"


@dataclass(frozen=True)
class Person:
    """Somebody who can sign in."""

    login: str
    full_name: str
    roles: list[str]


class SignIn:
    """Knows who is signed in. People choose a user on a page; applications bring a token of the directory."""

    def __init__(self, schema: Schema, store: Store, security: Security, directory: Directory) -> None:
        self._schema = schema
        self._store = store
        self._security = security
        self._directory = directory
        self._lock = threading.Lock()
        self._sessions: dict[str, UUID] = {}

    def open_session(self, login: str) -> tuple[Actor, str]:
        """Signs in the user with that login (`biller`); answers with the Set-Cookie value. LookupError when unknown."""
        user = self._user(domainname=login)
        if user is None or user.get("applicationid") is not None or user.get("isdisabled"):
            raise LookupError(login)
        user_id = _id_of(user)
        actor = self._security.actor(user_id)
        session = secrets.token_urlsafe(24)
        with self._lock:
            self._sessions[session] = user_id
        return actor, f"{COOKIE}={session}; Path=/; HttpOnly; SameSite=Strict"

    def people(self) -> list[Person]:
        """Those who can sign in to the pages."""
        users = self._store.select(
            self._schema.table("systemuser"), {"applicationid": None}, order="fullname"
        )
        return [
            Person(str(user["domainname"]), str(user["fullname"]), self._security.role_names(_id_of(user)))
            for user in users
            if user.get("domainname") and not user.get("isdisabled")
        ]

    def actor(self, request: Request) -> Actor:
        """The actor of a Web API request; ApiError 401 without valid proof, 403 for what it may not claim."""
        return self._acting_for(self._authenticated(request), request)

    def visitor(self, request: Request) -> Actor | None:
        """The user whose cookie came with the request, if any: for pages."""
        user_id = self._session_user(request)
        if user_id is None:
            return None
        try:
            return self._security.actor(user_id)
        except ApiError:
            return None

    def login_of(self, user_id: UUID) -> str:
        """The short name that the log of calls shows."""
        user = self._store.get(self._schema.table("systemuser"), user_id)
        login = user.get("domainname") if user else None
        return login if isinstance(login, str) else str(user_id)

    def _authenticated(self, request: Request) -> Actor:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            try:
                client_id = self._directory.verify(token.strip())
            except InvalidTokenError as error:
                raise self._unauthenticated(request, str(error)) from error
            user = self._user(applicationid=client_id)
            if user is None:
                raise ApiError(403, "0x80072560", "The user is not a member of the organization.")
            return self._security.actor(_id_of(user))
        session_user = self._session_user(request)
        if session_user is None:
            raise self._unauthenticated(request, "The request carries neither a bearer token nor a session.")
        return self._security.actor(session_user)

    def _acting_for(self, authenticated: Actor, request: Request) -> Actor:
        by_id, by_object = request.headers.get("mscrmcallerid"), request.headers.get("callerobjectid")
        wanted = by_object or by_id
        if wanted is None:
            return authenticated
        if not self._security.has_privilege(authenticated, _ACT_ON_BEHALF):
            raise ApiError(
                403, "0x8004A110", "User does not have the privilege to act on behalf another user."
            )
        try:
            wanted_id = UUID(wanted)
        except ValueError as error:
            raise ApiError(400, "0x8006088A", f"'{wanted}' is not the id of a user.") from error
        user = (
            self._user(azureactivedirectoryobjectid=wanted_id)
            if by_object
            else self._user(systemuserid=wanted_id)
        )
        if user is None:
            raise ApiError(403, "0x80072560", "The user is not a member of the organization.")
        return self._security.actor(_id_of(user), authenticated)

    def _user(self, **equal: UUID | str) -> Row | None:
        return next(iter(self._store.select(self._schema.table("systemuser"), equal, limit=1)), None)

    def _session_user(self, request: Request) -> UUID | None:
        try:
            morsel = SimpleCookie(request.headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return None
        with self._lock:
            return self._sessions.get(morsel.value) if morsel else None

    def _unauthenticated(self, request: Request, message: str) -> ApiError:
        challenge = (
            f"Bearer authorization_uri={request.origin}/{self._directory.tenant}/oauth2/authorize, "
            f"resource_id={request.origin}/"
        )
        return ApiError(
            401, "0x80040204", f"Invalid user authorization: {message}", {"WWW-Authenticate": challenge}
        )


def _id_of(user: Row) -> UUID:
    return UUID(str(user["systemuserid"]))
