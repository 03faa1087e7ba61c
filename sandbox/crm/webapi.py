"""The Dataverse Web API of the local CRM: everything under /api/data/v9.2/, from a request to an answer."""

from sandbox.crm.customapi import CustomApis
from sandbox.crm.identity import Actor
from sandbox.crm.pipeline import Pipeline
from sandbox.crm.security import Security
from sandbox.crm.store import Store
from sandbox.wire import Request, Response


class WebApi:
    """Answers what is asked under `root`, in the name of an actor. Never raises: refusals are answers."""

    root = "/api/data/v9.2/"

    def __init__(self, store: Store, security: Security, custom_apis: CustomApis, pipeline: Pipeline) -> None:
        self._store = store
        self._security = security
        self._custom_apis = custom_apis
        self._pipeline = pipeline

    def handle(self, request: Request, actor: Actor) -> Response:
        return Response(501)
