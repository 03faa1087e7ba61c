import pytest

from connector import settings, web
from connector.metrics import Metrics
from tests.connector.test_settings import GOOD
from tests.connector.web.door import Door
from tests.connector.web.scripted import NEW_SECRET, OLD_SECRET, ORGANIZATION, SIGNING_SECRET, ScriptedApp


@pytest.fixture
def app() -> ScriptedApp:
    return ScriptedApp()


@pytest.fixture
def door(app: ScriptedApp) -> Door:
    environment = GOOD | {
        "COUNTERFOIL_ORGANIZATION_ID": str(ORGANIZATION),
        "COUNTERFOIL_WEBHOOK_SECRET": f"{NEW_SECRET},{OLD_SECRET}",
        "COUNTERFOIL_STRIPE_WEBHOOK_SECRET": SIGNING_SECRET,
    }
    return Door(web.create(app, settings.load(environment), app, Metrics()))
