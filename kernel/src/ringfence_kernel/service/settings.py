"""Settings of a service that serves: frozen, typed, read once from the environment at start-up."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from ringfence_kernel.rpc.quotas import CALLS_AT_ONCE, CALLS_PER_SECOND, REQUEST_BYTES_PER_SECOND, CallRates
from ringfence_kernel.store.settings import DATABASE, conninfo_of
from ringfence_kernel.values.settings import (
    SHORTEST_PAUSE_SECONDS,
    FileVariable,
    InvalidSetting,
    MissingSetting,
    Number,
    Seconds,
    Secret,
    Variable,
    host_and_port,
    positive,
)
from ringfence_kernel.vault import AppRole, WorkloadIdentity

_AT_ONCE = "RINGFENCE_TENANT_CALLS_AT_ONCE"
_AUTH, _MOUNT = "RINGFENCE_VAULT_AUTH", "RINGFENCE_VAULT_AUTH_MOUNT"
_ROLE_ID, _SECRET_ID = "RINGFENCE_VAULT_ROLE_ID", "RINGFENCE_VAULT_WRAPPED_SECRET_ID_FILE"
_ROLE, _TOKEN = "RINGFENCE_VAULT_ROLE", "RINGFENCE_VAULT_TOKEN_FILE"
_LISTEN, _HEALTH, _METRICS = "RINGFENCE_LISTEN", "RINGFENCE_HEALTH_LISTEN", "RINGFENCE_METRICS_LISTEN"
_CALLS, _BYTES = "RINGFENCE_TENANT_CALLS_PER_SECOND", "RINGFENCE_TENANT_REQUEST_BYTES_PER_SECOND"
_EVENTS = "RINGFENCE_TENANT_EVENTS_PER_HOUR"
_MOUNT_PATH = re.compile(r"(?!auth/)[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*")
VaultAuth = Literal["approle", "jwt", "kubernetes"]
ValueT = TypeVar("ValueT")

SANDBOX_TRUST_DOMAIN = "ringfence.local"
"""Whose certificates a sandbox makes for itself: what only tests may do is refused under any other."""
SILENCE = "RINGFENCE_IDENTITY_SILENCE_SECONDS"
SILENCE_SECONDS = 60.0
"""For how long a service that asks who may act relies on what it heard last of identity."""
LEAST_SILENCE_SECONDS = 5.0
"""Less would stop payments while nothing is wrong: an idle identity is heard every 1.5 s, and two seconds later where
one of its processes is silent."""


def _given(variable: str, value: ValueT | None) -> ValueT:
    if value is None:
        raise MissingSetting(variable)
    return value


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What every service reads to serve; a service adds its own fields in a subclass."""

    service: Annotated[str, Variable("RINGFENCE_SERVICE")]
    listen: Annotated[str, Variable(_LISTEN)]
    health_listen: Annotated[str | None, Variable(_HEALTH)] = None
    database_url: Annotated[str, Variable(DATABASE)]
    database_password: Annotated[Secret | None, FileVariable("RINGFENCE_DATABASE_PASSWORD_FILE")] = None
    vault_addresses: Annotated[tuple[str, ...], Variable("VAULT_ADDR")]
    vault_ca_file: Annotated[Path | None, Variable("VAULT_CACERT")] = None
    vault_auth: Annotated[VaultAuth, Variable(_AUTH)] = "approle"
    vault_role_id: Annotated[str | None, Variable(_ROLE_ID)] = None
    vault_wrapped_secret_id_file: Annotated[Path | None, Variable(_SECRET_ID)] = None
    vault_role: Annotated[str | None, Variable(_ROLE)] = None
    vault_token_file: Annotated[Path | None, Variable(_TOKEN)] = None
    vault_auth_mount: Annotated[str | None, Variable(_MOUNT)] = None
    nats_urls: Annotated[tuple[str, ...], Variable("RINGFENCE_NATS_URL")]
    nats_ca_file: Annotated[Path | None, Variable("RINGFENCE_NATS_CACERT")] = None
    nats_user: Annotated[str | None, Variable("RINGFENCE_NATS_USER")] = None
    nats_password: Annotated[Secret | None, FileVariable("RINGFENCE_NATS_PASSWORD_FILE")] = None
    workload_ca_file: Annotated[Path, Variable("RINGFENCE_WORKLOAD_CA_FILE")]
    client_ca_file: Annotated[Path, Variable("RINGFENCE_CLIENT_CA_FILE")]
    trust_domain: Annotated[str, Variable("RINGFENCE_TRUST_DOMAIN")]
    certificate_names: Annotated[tuple[str, ...], Variable("RINGFENCE_CERTIFICATE_NAMES")] = ("localhost", "127.0.0.1")
    identity_address: Annotated[str | None, Variable("RINGFENCE_IDENTITY_ADDRESS")] = None
    custody_address: Annotated[str | None, Variable("RINGFENCE_CUSTODY_ADDRESS")] = None
    payment_instruction_address: Annotated[str | None, Variable("RINGFENCE_PAYMENT_INSTRUCTION_ADDRESS")] = None
    audit_address: Annotated[str | None, Variable("RINGFENCE_AUDIT_ADDRESS")] = None
    token_issuer: Annotated[str, Variable("RINGFENCE_TOKEN_ISSUER")] = "ringfence-identity"
    token_audience: Annotated[str, Variable("RINGFENCE_TOKEN_AUDIENCE")] = "ringfence"
    telemetry_endpoint: Annotated[str | None, Variable("OTEL_EXPORTER_OTLP_ENDPOINT")] = None
    metrics_listen: Annotated[str | None, Variable(_METRICS)] = None
    log_level: Annotated[str, Variable("RINGFENCE_LOG_LEVEL")] = "INFO"
    maximum_concurrent_calls: Annotated[int, Variable("RINGFENCE_MAXIMUM_CONCURRENT_CALLS")] = 512
    maximum_request_bytes: Annotated[int, Variable("RINGFENCE_MAXIMUM_REQUEST_BYTES")] = 4 * 1024 * 1024
    tenant_calls_at_once: Annotated[int, Variable(_AT_ONCE)] = CALLS_AT_ONCE
    tenant_calls_per_second: Annotated[float, Number(_CALLS)] = CALLS_PER_SECOND
    tenant_request_bytes_per_second: Annotated[float, Number(_BYTES)] = REQUEST_BYTES_PER_SECOND
    tenant_events_per_hour: Annotated[float, Number(_EVENTS)] = 200_000.0
    leave_seconds: Annotated[float, Seconds("RINGFENCE_LEAVE_SECONDS")] = 5.0
    drain_seconds: Annotated[float, Seconds("RINGFENCE_DRAIN_SECONDS")] = 10.0
    snapshot_directory: Annotated[Path | None, Variable("RINGFENCE_SNAPSHOT_DIRECTORY")] = None
    snapshot_seconds: Annotated[float, Seconds("RINGFENCE_SNAPSHOT_SECONDS", SHORTEST_PAUSE_SECONDS)] = 300.0

    def __post_init__(self) -> None:
        """Stops what cannot log in to Vault, or cannot listen, before anything is started."""
        self.vault_identity()
        self.metrics_address()
        for variable, address in ((_LISTEN, self.listen), (_HEALTH, self.health_listen)):
            if address is not None:
                host_and_port(variable, address)

    def vault_identity(self) -> AppRole | WorkloadIdentity:
        """Returns what this process logs in to Vault with; raises MissingSetting, or InvalidSetting for another way's.

        A setting of the way that was not chosen is a mistake that would otherwise show only at a login.
        """
        by_role_id = {_ROLE_ID: self.vault_role_id, _SECRET_ID: self.vault_wrapped_secret_id_file}
        by_token = {_ROLE: self.vault_role, _TOKEN: self.vault_token_file, _MOUNT: self.vault_auth_mount}
        for variable, value in (by_token if self.vault_auth == "approle" else by_role_id).items():
            if value is not None:
                raise InvalidSetting(variable, f"for {_AUTH}={self.vault_auth}")
        if self.vault_auth == "approle":
            return AppRole(
                role_id=_given(_ROLE_ID, self.vault_role_id),
                wrapped_secret_id_file=_given(_SECRET_ID, self.vault_wrapped_secret_id_file),
            )
        mount = self.vault_auth_mount or self.vault_auth
        if not _MOUNT_PATH.fullmatch(mount):
            raise InvalidSetting(_MOUNT, "the path of an auth method, without auth/ and outer slashes")
        return WorkloadIdentity(
            mount=mount, role=_given(_ROLE, self.vault_role), token_file=_given(_TOKEN, self.vault_token_file)
        )

    def database_conninfo(self) -> str:
        """Returns the libpq connection string of the append-only role, password included; raises InvalidSetting."""
        return conninfo_of(DATABASE, self.database_url, self.database_password)

    def addresses_of(self, service: str) -> tuple[str, ...]:
        """Returns `host:port` of a peer service's processes by its name; raises MissingSetting."""
        word = service.replace("-", "_")
        text: str = getattr(self, f"{word}_address") or ""
        addresses = tuple(part.strip() for part in text.split(",") if part.strip())
        if not addresses:
            raise MissingSetting(f"RINGFENCE_{word.upper()}_ADDRESS")
        return addresses

    def metrics_address(self) -> tuple[str, int] | None:
        """Returns host and port for whoever scrapes metrics, None where nobody does; raises InvalidSetting."""
        if self.metrics_listen is None:
            return None
        return host_and_port(_METRICS, self.metrics_listen)

    def tenant_rates(self) -> CallRates:
        """Returns what one tenant may ask for beside others; raises InvalidSetting."""
        return CallRates(
            calls_per_second=self.tenant_calls_per_second,
            request_bytes_per_second=self.tenant_request_bytes_per_second,
            calls_at_once=positive(_AT_ONCE, self.tenant_calls_at_once),
        )
