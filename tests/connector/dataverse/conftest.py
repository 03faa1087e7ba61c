"""The connector's client of the local CRM, in process."""

import pytest
import requests

from connector.dataverse.http import Dataverse
from sandbox.world import World


class KnownToken:
    """A token of the local CRM, without asking for it over TLS."""

    def __init__(self, world: World) -> None:
        self._directory, self._resource = world.crm.directory, world.addresses.crm_tls
        (self._client,) = self._directory.applications

    def token(self, within: float) -> str:
        return self._directory.issue(self._client, self._resource)

    def forget(self) -> None:
        """Each is a new one."""


@pytest.fixture
def crm(world: World, web: requests.Session) -> Dataverse:
    """The Web API in the name of the service."""
    return Dataverse(world.addresses.crm_tls, KnownToken(world), web)
