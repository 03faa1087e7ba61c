# msal ships no types; these are the few calls of connector/dataverse/auth.py.
from collections.abc import Mapping, Sequence
from typing import Any

import requests

class ConfidentialClientApplication:
    def __init__(
        self,
        client_id: str,
        client_credential: str | Mapping[str, str],
        *,
        authority: str,
        instance_discovery: bool | None = None,
        http_client: requests.Session | None = None,
    ) -> None: ...
    def acquire_token_for_client(self, scopes: Sequence[str]) -> dict[str, Any]: ...

class SystemAssignedManagedIdentity: ...

class UserAssignedManagedIdentity:
    def __init__(self, *, client_id: str) -> None: ...

class ManagedIdentityClient:
    def __init__(
        self,
        managed_identity: SystemAssignedManagedIdentity | UserAssignedManagedIdentity,
        *,
        http_client: requests.Session,
    ) -> None: ...
    def acquire_token_for_client(self, *, resource: str) -> dict[str, Any]: ...

class MsalServiceError(Exception): ...
class ManagedIdentityError(Exception): ...
