"""What an installation is told by its environment: the only reader of it. Refuses to start when something is wrong.

Every setting is a variable `COUNTERFOIL_…`; `COUNTERFOIL_ENV_FILE` names a file of such lines, which the environment
outranks. Messages name the setting and say what to do; they never show a value.
"""

import difflib
import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from uuid import UUID

from dotenv import dotenv_values
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from typing_extensions import override

PREFIX = "COUNTERFOIL_"
ENV_FILE = "COUNTERFOIL_ENV_FILE"


class SettingsError(Exception):
    """One line per setting that is missing or wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def checked_url(value: str) -> str:
    """Without a slash at its end. Raises `ValueError`: secrets go there, so nothing but https leaves this machine."""
    parts = urlsplit(value)
    if parts.scheme == "https" or (parts.scheme == "http" and _loopback(parts.hostname)):
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("must be a plain address without user, password or query")
        if parts.hostname:
            return value.rstrip("/")
    raise ValueError("must be an address that begins with https:// (http:// only on this machine)")


def _origin(value: str) -> str:
    address = checked_url(value)
    if urlsplit(address).path:
        raise ValueError(
            "must be the address of the environment alone, such as https://contoso.crm.dynamics.com"
        )
    return address


def _loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def _existing(value: Path) -> Path:
    if not value.is_file():
        raise ValueError("names a file that does not exist")
    return value


def _stripe_key(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(("sk_test_", "sk_live_", "rk_test_", "rk_live_")):
        raise ValueError(
            "must be a secret or restricted key of Stripe: sk_test_…, sk_live_…, rk_test_… or rk_live_…"
        )
    return value


def _signing_secrets(values: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if not all(value.get_secret_value().startswith("whsec_") for value in values):
        raise ValueError("must be the signing secret of the webhook endpoint in Stripe: whsec_…")
    return values


def _long_enough(values: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if not all(len(value.get_secret_value()) >= 16 for value in values):
        raise ValueError("must have at least 16 characters; make one with: openssl rand -hex 32")
    return values


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Url = Annotated[str, AfterValidator(checked_url)]
ExistingFile = Annotated[Path, AfterValidator(_existing)]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split), Field(min_length=1)]


class Settings(BaseSettings):
    """All settings. Secrets do not show when this is printed."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True, env_ignore_empty=True
    )

    # The CRM
    dataverse_url: Annotated[str, AfterValidator(_origin)]
    """The environment: https://contoso.crm.dynamics.com"""
    organization_id: UUID
    """The environment's organization id; calls of any other are refused."""
    tenant_id: str = ""
    """The directory (tenant) of the application registration."""
    client_id: str = ""
    """The application (client) id."""
    client_secret: SecretStr | None = None
    """A client secret of the application; or"""
    client_certificate: ExistingFile | None = None
    """a PEM file with its private key and certificate; or"""
    managed_identity: str | None = None
    """`system`, or the client id of a user-assigned managed identity."""
    authority: Url = "https://login.microsoftonline.com"
    """Where tokens come from."""
    ca_bundle: ExistingFile | None = None
    """Certificates to trust instead of the public ones, for the CRM and its authority."""
    webhook_secret: Annotated[Secrets, AfterValidator(_long_enough)]
    """What the CRM's webhook sends in `x-counterfoil-secret`; several, comma-separated, while rotating (first: new)."""
    mapping: str = "sales"
    """Which tables hold invoices: the name of a file in `mappings/`."""
    mail_queue_id: UUID | None = None
    """The queue of the CRM that invoices are e-mailed from; without one they come from the service's own user."""
    paper: Annotated[Literal["a4", "letter"], BeforeValidator(lambda v: str(v).lower())] = "a4"
    """What printed invoices are laid out for: `a4` or `letter`."""

    # Stripe
    stripe_api_key: Annotated[SecretStr, AfterValidator(_stripe_key)]
    """Secret or restricted key."""
    stripe_webhook_secret: Annotated[Secrets, AfterValidator(_signing_secrets)]
    """Signing secret of the webhook endpoint; several while rotating."""
    stripe_api_base: Url | None = None
    """Another address than Stripe's own: for tests and the demo."""

    # This service
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8368
    public_url: Url | None = None
    """Where the CRM and Stripe reach this service from outside: https://billing.contoso.com"""
    answer_within_seconds: Annotated[float, Field(gt=0, le=25)] = 20
    """How long a click waits for Stripe before the answer is `no answer yet`."""
    state_dir: Path = Path(".counterfoil")
    """A folder for the to-do list of background work. It may be lost without harm."""
    jobs_database_url: str | None = None
    """A database for background work shared by several machines; default: a SQLite file in the folder above."""
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], BeforeValidator(lambda v: str(v).lower())
    ] = "info"
    clock_file: Path | None = None
    """A file with a number of seconds by which this service's clock is ahead: for tests and the demo only."""

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        given = [
            c for c in (self.client_secret, self.client_certificate, self.managed_identity) if c is not None
        ]
        if len(given) != 1:
            raise ValueError(
                f"{PREFIX}CLIENT_SECRET, {PREFIX}CLIENT_CERTIFICATE or {PREFIX}MANAGED_IDENTITY: set exactly one of them"
            )
        if self.managed_identity is None:
            for name in ("tenant_id", "client_id"):
                if not getattr(self, name):
                    raise ValueError(
                        f"{PREFIX}{name.upper()}: is missing; it goes with the secret or certificate"
                    )
        return self

    @model_validator(mode="after")
    def _no_moved_clock_for_real_money(self) -> Self:
        if self.clock_file is not None and self.live:
            raise ValueError(f"{PREFIX}CLOCK_FILE: is for tests; remove it, or use a test key of Stripe")
        return self

    @property
    def live(self) -> bool:
        """Whether real money moves."""
        return self.stripe_api_key.get_secret_value().startswith(("sk_live_", "rk_live_"))

    @override
    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (
            init_settings,
        )  # `load` says which variables count, so that the demo and tests depend on no shell


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings in `environment` (default: the process's own). Raises `SettingsError`."""
    variables = _variables(os.environ if environment is None else environment)
    problems = _unknown(variables)
    source = EnvSettingsSource(Settings)
    source.env_vars = {name.lower(): value for name, value in variables.items() if value}
    try:
        settings = Settings(**source())
    except ValidationError as e:
        raise SettingsError(problems + [_told(error) for error in e.errors(include_input=False)]) from None
    if problems:
        raise SettingsError(problems)
    return settings


def _variables(environment: Mapping[str, str]) -> dict[str, str]:
    given = {
        name: value for name, value in environment.items() if name.startswith(PREFIX) and name != ENV_FILE
    }
    path = environment.get(ENV_FILE)
    if not path:
        return given
    if not Path(path).is_file():
        raise SettingsError([f"{ENV_FILE}: names a file that does not exist"])
    written = dotenv_values(path, interpolate=False)
    return {name: value or "" for name, value in written.items() if name.startswith(PREFIX)} | given


def _unknown(variables: Mapping[str, str]) -> list[str]:
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    problems = []
    for name in sorted(set(variables) - set(known)):
        near = difflib.get_close_matches(name, known, n=1)
        problems.append(
            f"{name}: is not a setting" + (f"; did you mean {near[0]}?" if near else "; remove it")
        )
    return problems


def _told(error: Mapping[str, Any]) -> str:
    if not error["loc"]:
        return str(error["msg"]).removeprefix("Value error, ")
    name = PREFIX + str(error["loc"][0]).upper()
    if error["type"] == "missing":
        return f"{name}: is missing; set it in the environment or in the file named by {ENV_FILE}"
    text = str(error["msg"]).removeprefix("Value error, ")
    return f"{name}: {text[:1].lower()}{text[1:]}"
