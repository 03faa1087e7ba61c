"""Who is asking: the authenticated user and, when another one is impersonated, both."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Actor:
    """The user in whose name a request runs. Everything that is checked or stamped uses `user_id`."""

    user_id: UUID
    full_name: str
    business_unit_id: UUID
    authenticated_as: UUID
    authenticated_name: str

    @property
    def impersonated(self) -> bool:
        return self.user_id != self.authenticated_as
