"""Custom APIs: what the platform checks before and around an action that has no plug-in of its own."""

from collections.abc import Mapping
from typing import Any

from sandbox.crm.identity import Actor
from sandbox.crm.pipeline import Pipeline, Reference
from sandbox.crm.schema import CustomApi, Schema
from sandbox.crm.security import Security
from sandbox.crm.store import Store


class CustomApis:
    """Runs a custom API: checks its parameters and privilege, then only the pipeline's steps (there is no plug-in)."""

    def __init__(self, schema: Schema, store: Store, security: Security, pipeline: Pipeline) -> None:
        self._schema = schema
        self._store = store
        self._security = security
        self._pipeline = pipeline

    def find(self, name: str) -> CustomApi | None:
        """The custom API of that unique name (case-sensitive, without namespace)."""
        return self._schema.custom_apis.get(name)

    def invoke(
        self, actor: Actor, api: CustomApi, target: Reference | None, parameters: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """`parameters` is the JSON body as read (numbers as Decimal or int). None means 204 No Content.

        Raises ApiError: 400 for unknown, missing or wrongly typed parameters, 403 without the privilege, 404 for an
        unknown target, 400 0x80040265-like "Endpoint unavailable" when a synchronous step fails.
        Must be called outside a transaction: stage 10 runs before one is opened.
        """
