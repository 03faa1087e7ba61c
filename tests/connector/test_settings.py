"""What an installation may be told, and what it answers when it is told something wrong."""

from pathlib import Path
from typing import Any

import pytest

from connector import settings
from connector.settings import SettingsError

GOOD = {
    "COUNTERFOIL_DATAVERSE_URL": "https://contoso.crm.dynamics.com/",
    "COUNTERFOIL_ORGANIZATION_ID": "5d9c1b1e-6d4b-4a3e-9f5a-2f0f4cfd8a11",
    "COUNTERFOIL_TENANT_ID": "9e0a2c9e-30cc-4a63-8a2b-9d5c5c1a7c11",
    "COUNTERFOIL_CLIENT_ID": "0d3f1c57-0a3a-4b6e-8c76-4f6f0d1b5e11",
    "COUNTERFOIL_CLIENT_SECRET": "a-client-secret-of-some-length",
    "COUNTERFOIL_WEBHOOK_SECRET": "a-webhook-secret-of-some-length",
    "COUNTERFOIL_STRIPE_API_KEY": "sk_test_4eC39HqLyjWDarjtT1zdp7dc",
    "COUNTERFOIL_STRIPE_WEBHOOK_SECRET": "whsec_4eC39HqLyjWDarjtT1zdp7dc",
}


def load(**changes: str | None) -> settings.Settings:
    """The good ones with changes; None takes one away."""
    changed = GOOD | {f"COUNTERFOIL_{name}": value for name, value in changes.items()}
    return settings.load({name: value for name, value in changed.items() if value is not None})


def test_a_complete_environment() -> None:
    loaded = load(
        WEBHOOK_SECRET="the-new-webhook-secret, the-old-webhook-secret", LOG_LEVEL="DEBUG", UNRELATED=None
    )
    assert loaded.dataverse_url == "https://contoso.crm.dynamics.com"
    assert [s.get_secret_value() for s in loaded.webhook_secret] == [
        "the-new-webhook-secret",
        "the-old-webhook-secret",
    ]
    assert (loaded.mapping, loaded.answer_within_seconds, loaded.log_level, loaded.live) == (
        "sales",
        20,
        "debug",
        False,
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"DATAVERSE_URL": None}, "COUNTERFOIL_DATAVERSE_URL: is missing; set it in the environment"),
        ({"DATAVERSE_URL": ""}, "COUNTERFOIL_DATAVERSE_URL: is missing"),
        ({"DATAVERSE_URL": "http://contoso.crm.dynamics.com"}, "COUNTERFOIL_DATAVERSE_URL: must be an address that begins with https://"),
        ({"DATAVERSE_URL": "https://contoso.crm.dynamics.com/api/data/v9.2"}, "COUNTERFOIL_DATAVERSE_URL: must be the address of the environment alone"),
        ({"DATAVERSE_URL": "https://me:pw@contoso.crm.dynamics.com"}, "COUNTERFOIL_DATAVERSE_URL: must be a plain address"),
        ({"ORGANIZATION_ID": "contoso"}, "COUNTERFOIL_ORGANIZATION_ID: "),
        ({"CLIENT_SECRET": None}, "COUNTERFOIL_CLIENT_SECRET, COUNTERFOIL_CLIENT_CERTIFICATE or COUNTERFOIL_MANAGED_IDENTITY: set exactly one"),
        ({"MANAGED_IDENTITY": "system"}, "COUNTERFOIL_CLIENT_SECRET, COUNTERFOIL_CLIENT_CERTIFICATE or COUNTERFOIL_MANAGED_IDENTITY: set exactly one"),
        ({"CLIENT_CERTIFICATE": "/nowhere.pem", "CLIENT_SECRET": None}, "COUNTERFOIL_CLIENT_CERTIFICATE: names a file that does not exist"),
        ({"TENANT_ID": None}, "COUNTERFOIL_TENANT_ID: is missing"),
        ({"CA_BUNDLE": "/nowhere.pem"}, "COUNTERFOIL_CA_BUNDLE: names a file that does not exist"),
        ({"WEBHOOK_SECRET": "short"}, "COUNTERFOIL_WEBHOOK_SECRET: must have at least 16 characters"),
        ({"WEBHOOK_SECRET": " , "}, "COUNTERFOIL_WEBHOOK_SECRET: "),
        ({"STRIPE_API_KEY": "pk_test_1"}, "COUNTERFOIL_STRIPE_API_KEY: must be a secret or restricted key"),
        ({"STRIPE_WEBHOOK_SECRET": "abc"}, "COUNTERFOIL_STRIPE_WEBHOOK_SECRET: must be the signing secret"),
        ({"PORT": "eighty"}, "COUNTERFOIL_PORT: "),
        ({"ANSWER_WITHIN_SECONDS": "60"}, "COUNTERFOIL_ANSWER_WITHIN_SECONDS: "),
        ({"LOG_LEVEL": "loud"}, "COUNTERFOIL_LOG_LEVEL: "),
        ({"STRIPE_APIKEY": "sk_test_1"}, "COUNTERFOIL_STRIPE_APIKEY: is not a setting; did you mean COUNTERFOIL_STRIPE_API_KEY?"),
        ({"CLOCK_FILE": "/tmp/clock", "STRIPE_API_KEY": "sk_live_1"}, "COUNTERFOIL_CLOCK_FILE: is for tests"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named_with_what_to_do(changes: dict[str, str | None], told: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(**changes)
    assert any(problem.startswith(told) for problem in refused.value.problems), str(refused.value)


def test_all_problems_are_told_at_once_and_no_value_with_them() -> None:
    with pytest.raises(SettingsError) as refused:
        load(DATAVERSE_URL=None, STRIPE_API_KEY="pk_test_secretish", PORT="eighty", WEBHOOK_SECRET="brief")
    assert len(refused.value.problems) == 4
    for value in ("pk_test_secretish", "eighty", "brief"):
        assert value not in str(refused.value)


@pytest.mark.parametrize("show", [repr, str, lambda s: str(s.model_dump())])
def test_secrets_never_show(show: Any) -> None:
    text = show(load())
    for secret in ("a-client-secret", "a-webhook-secret", "4eC39HqLyjWDarjtT1zdp7dc"):
        assert secret not in text


def test_http_is_allowed_on_this_machine_only() -> None:
    assert load(STRIPE_API_BASE="http://127.0.0.1:8367").stripe_api_base == "http://127.0.0.1:8367"
    assert load(STRIPE_API_BASE="http://localhost:8367/").stripe_api_base == "http://localhost:8367"
    with pytest.raises(SettingsError):
        load(STRIPE_API_BASE="http://10.0.0.1:8367")


def test_a_managed_identity_needs_no_client(tmp_path: Path) -> None:
    loaded = load(CLIENT_SECRET=None, CLIENT_ID=None, TENANT_ID=None, MANAGED_IDENTITY="system")
    assert loaded.managed_identity == "system"


def test_settings_in_a_file_which_the_environment_outranks(tmp_path: Path) -> None:
    file = tmp_path / "counterfoil.env"
    file.write_text(
        "\n".join(f"{name}={value}" for name, value in GOOD.items()) + "\nCOUNTERFOIL_PORT=1\nPATH=/x\n"
    )
    environment = {"COUNTERFOIL_ENV_FILE": str(file), "COUNTERFOIL_HOST": "localhost"}
    loaded = settings.load(environment | {"COUNTERFOIL_PORT": "2"})
    assert (loaded.host, loaded.port) == ("localhost", 2)
    assert settings.load(environment).port == 1


def test_a_settings_file_that_is_not_there() -> None:
    with pytest.raises(SettingsError, match="COUNTERFOIL_ENV_FILE: names a file that does not exist"):
        settings.load(GOOD | {"COUNTERFOIL_ENV_FILE": "/nowhere.env"})


def test_the_process_environment_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    assert settings.load().organization_id == load().organization_id
