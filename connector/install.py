"""What an installation needs in the CRM beside the solution: the webhook that calls it, with its secret."""

from connector.app import PERFORMERS, open_dataverse
from connector.dataverse import registration
from connector.metrics import Metrics
from connector.settings import Settings


def register(settings: Settings, public_url: str) -> list[str]:
    """Has the CRM call this service at `public_url`; a line for each thing done.

    Raises `NotRegistered`, `DataverseError`. While secrets are rotated, the first one is the one to send.
    """
    return registration.register(
        open_dataverse(settings, Metrics()),
        f"{public_url.rstrip('/')}/dataverse",
        settings.webhook_secret[0].get_secret_value(),
        {action.name: action.bound_to for action, _ in PERFORMERS.values()},
    )
