"""All checks of an installation, in the order in which one would put them right. Nothing is changed anywhere."""

from collections.abc import Callable, Iterable, Iterator, Mapping

import requests

from connector.app import open_dataverse
from connector.clock import FollowingClock, SystemClock
from connector.dataverse.mapping import MappingError, load_mapping
from connector.doctor.check import Check, fine, problem
from connector.doctor.crm import Crm
from connector.doctor.processor import Processor
from connector.metrics import Metrics
from connector.settings import ENV_FILE, Settings, SettingsError
from connector.stripe.client import Stripe, pooled_session
from plugins.ports import Clock


def examine(
    settings: Settings, areas: Iterable[str] = ("crm", "stripe", "service"), patience: float = 10.0
) -> Iterator[Check]:
    """One check after the other, as they are done. `patience`: seconds to wait for a first answer of each."""
    yield fine("settings", f"complete, Stripe {'live' if settings.live else 'test'} mode")
    clock: Clock = FollowingClock(settings.clock_file) if settings.clock_file else SystemClock()
    for area in areas:
        yield from AREAS[area](settings, clock, patience)


def of_settings(error: SettingsError) -> Check:
    return problem(
        "settings",
        "; ".join(error.problems),
        f"Correct them in the environment or the file named by {ENV_FILE}.",
    )


def _crm(settings: Settings, clock: Clock, patience: float) -> Iterator[Check]:
    try:
        mapping = load_mapping(settings.mapping)
    except MappingError as e:
        yield problem("mapping", str(e), "Correct the file, or COUNTERFOIL_MAPPING.")
    else:
        yield from Crm(settings, open_dataverse(settings, Metrics()), mapping, clock).checks(patience)


def _stripe(settings: Settings, clock: Clock, patience: float) -> Iterator[Check]:
    client = Stripe(settings.stripe_api_key.get_secret_value(), settings.stripe_api_base, pooled_session())
    yield from Processor(settings, client, clock).checks(patience)


def _service(settings: Settings, _: Clock, patience: float) -> Iterator[Check]:
    yield _answering(settings, patience)


AREAS: Mapping[str, Callable[[Settings, Clock, float], Iterator[Check]]] = {
    "crm": _crm,
    "stripe": _stripe,
    "service": _service,
}


def _answering(settings: Settings, patience: float) -> Check:
    name = "service"
    if settings.public_url is None:
        return problem(
            name,
            "it is not known where the CRM and Stripe reach the service",
            "Set COUNTERFOIL_PUBLIC_URL to its address, as seen from outside.",
        )
    session = requests.Session()
    session.trust_env = False
    try:
        answer = session.get(f"{settings.public_url}/health", timeout=patience, allow_redirects=False)
    except requests.RequestException as e:
        return problem(
            name,
            f"{settings.public_url} does not answer ({type(e).__name__})",
            "Start the service (python -m connector serve), and see that the address leads to it.",
        )
    if answer.status_code == 200:
        return fine(name, f"{settings.public_url} is well")
    if answer.status_code == 503:
        unwell = "; ".join(line for line in answer.text.splitlines() if line.startswith("problem"))
        return problem(name, f"{settings.public_url} is not well: {unwell}", "See the service's log.")
    return problem(
        name,
        f"{settings.public_url}/health answers {answer.status_code}",
        "See that COUNTERFOIL_PUBLIC_URL leads to this service and not to something else.",
    )
