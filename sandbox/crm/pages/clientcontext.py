"""ClientGlobalContext.js.aspx: who is signed in and how they read, for pages and web resources alike."""

import json
from typing import Any

from sandbox.crm.identity import Actor
from sandbox.crm.schema import Schema
from sandbox.crm.security import Security
from sandbox.crm.store import Store

NAME = "ClientGlobalContext.js.aspx"
_RIGHT_TO_LEFT = {1025, 1037, 1065, 1056}  # Arabic, Hebrew, Persian, Urdu
_VERSION = "9.2.0.0"


class ClientContext:
    def __init__(self, schema: Schema, store: Store, security: Security, script: str) -> None:
        self._schema = schema
        self._store = store
        self._security = security
        self._script = script

    def javascript(self, actor: Actor) -> str:
        """The script that defines GetGlobalContext, with the user's values in it."""
        return f"{self._script}\nSandbox.defineGlobalContext({json.dumps(self._values(actor))});\n"

    def _values(self, actor: Actor) -> dict[str, Any]:
        settings = self._store.get(self._schema.table("usersettings"), actor.user_id) or {}
        organization = next(iter(self._store.select(self._schema.table("organization"), limit=1)), {})
        language = settings.get("uilanguageid") or 1033
        return {
            "user": {
                "userId": _braced(actor.user_id),
                "userName": actor.full_name,
                "languageId": language,
                "localeId": settings.get("localeid") or 1033,
                "isRTL": language in _RIGHT_TO_LEFT,
                "roles": [{"name": name} for name in self._security.role_names(actor.user_id)],
                "dateFormat": settings.get("dateformatstring") or "M/d/yyyy",
                "timeFormat": settings.get("timeformatstring") or "h:mm tt",
            },
            "organization": {
                "id": _braced(organization.get("organizationid")),
                "name": organization.get("name") or "",
                "languageId": organization.get("languagecode") or 1033,
            },
            "version": _VERSION,
            "app": {
                "uniqueName": self._schema.apps[0].name if self._schema.apps else "",
                "displayName": self._schema.apps[0].label if self._schema.apps else "",
            },
        }


def _braced(value: object) -> str:
    return f"{{{str(value).upper()}}}"
