"""The description of one installation: the only input of both bootstraps, a TOML file in production."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ringfence_bootstrap.errors import DescriptionInvalid

SERVICES = ("identity", "custody", "payment-instruction", "audit")
NATS_SERVER, NATS_ADMIN = "nats", "nats-admin"
NATS_ISSUER, NATS_ADMIN_ISSUER, SNAPSHOT = "nats-issuer", "nats-administrator-issuer", "openbao-snapshot"
PLATFORM = (NATS_ISSUER, NATS_ADMIN_ISSUER, SNAPSHOT)
"""Workloads of the platform below that log in too: who signs for NATS and its administrator, who saves Vault itself."""
LOOPBACK = "127.0.0.1"

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DNS_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_MOUNT = re.compile(r"(?!auth/)[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*")


class _Struct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields are typed, and unknown ones refused."""


class AppRole(_Struct, frozen=True, kw_only=True, tag_field="method", tag="approle"):
    """Each start of a process gets a wrapped secret-id that works once."""

    secret_id_seconds: int = 600
    token_period_seconds: int = 3600


class _TokenLogin(_Struct, frozen=True, kw_only=True):
    """Tokens that the platform signs for a workload: bound to service account, namespace and audience.

    `shared` says that the method at `mount` is configured by somebody else; only the roles are ours then.
    """

    audience: str = "vault"
    token_period_seconds: int = 3600
    shared: bool = False


class Jwt(_TokenLogin, frozen=True, kw_only=True, tag_field="method", tag="jwt"):
    """Vault checks signatures itself, by keys from `jwks_url`, from the issuer's discovery, or given as PEM files.

    `issuer` is the `iss` of the tokens, whatever the keys come from. `ca_file` is read for the two URLs.
    """

    mount: str = "jwt"
    issuer: str = ""
    jwks_url: str = ""
    discovery: bool = False
    public_key_files: tuple[str, ...] = ()
    ca_file: str = ""


class Kubernetes(_TokenLogin, frozen=True, kw_only=True, tag_field="method", tag="kubernetes"):
    """Vault asks the API server's TokenReview, as itself where it runs in the cluster.

    Elsewhere it needs the API server's authority and a reviewer's token; `Jwt` needs none, and is preferred.
    """

    mount: str = "kubernetes"
    host: str = "https://kubernetes.default.svc"
    ca_file: str = ""
    vault_in_cluster: bool = True
    reviewer_token_file: str = ""


class Service(_Struct, frozen=True, kw_only=True):
    """What differs from service to service; the account's name is the service's unless given."""

    service_account: str = ""
    processes: int = 3
    names: tuple[str, ...] = ()


class Workload(_Struct, frozen=True, kw_only=True):
    """A workload of the platform: its account lives in this namespace, under the role's name unless given."""

    namespace: str
    service_account: str = ""


class Nats(_Struct, frozen=True, kw_only=True):
    """The cluster of NATS: how many servers keep a stream, and which names their certificates may bear."""

    replicas: int = 3
    names: tuple[str, ...] = ()
    stream_bytes: int = 256 * 1024 * 1024


class Description(_Struct, frozen=True, kw_only=True):
    """One installation. Without a namespace there are only names on the loopback address, as in a sandbox."""

    trust_domain: str
    login: AppRole | Jwt | Kubernetes
    namespace: str = ""
    cluster_domain: str = "cluster.local"
    loopback: bool = False
    services: Mapping[str, Service] = {}
    platform: Mapping[str, Workload] = {}
    nats: Nats = Nats()

    def service(self, name: str) -> Service:
        """Returns what is said of a service, with what stands for what is not said."""
        said = self.services.get(name, Service())
        return msgspec.structs.replace(said, service_account=said.service_account or name)

    def accounts(self) -> dict[str, tuple[str, str]]:
        """Returns (namespace, service account) of every workload that may log in, by its role."""
        of_services = {name: (self.namespace, self.service(name).service_account) for name in SERVICES}
        return of_services | {
            name: (self.platform[name].namespace, self.platform[name].service_account or name)
            for name in PLATFORM
            if name in self.platform
        }

    def service_id(self, service: str) -> str:
        """Returns the SPIFFE id of a service's workload."""
        return f"spiffe://{self.trust_domain}/service/{service}"

    def infrastructure_id(self, name: str) -> str:
        """Returns the SPIFFE id of a server or tool beside the services."""
        return f"spiffe://{self.trust_domain}/infrastructure/{name}"

    def principal_ids(self) -> str:
        """Returns the pattern of all principals' SPIFFE ids."""
        return f"spiffe://{self.trust_domain}/principal/*"

    def service_names(self, name: str) -> list[str]:
        """Returns the DNS names that a service's certificate may bear.

        They are the bare name, which is what clients check, those of its Service and pods, and the further ones given.
        """
        said = self.service(name)
        if not self.namespace:
            return [name, *said.names]
        inside = f"{name}.{self.namespace}.svc"
        heads = ["", *(f"{name}-{number}." for number in range(said.processes))]
        tails = [inside, f"{inside}.{self.cluster_domain}"]
        return [name, *(f"{head}{tail}" for head in heads for tail in tails), *said.names]


def load(file: Path) -> Description:
    """Reads a description from a TOML file; raises DescriptionInvalid, naming file and field."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise DescriptionInvalid(f"{file} cannot be read: {error.strerror}") from None
    try:
        described = msgspec.toml.decode(content, type=Description)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DescriptionInvalid(f"{file}: {error}") from None
    for problem in _problems(described):
        raise DescriptionInvalid(f"{file}: {problem}")
    return described


def _problems(described: Description) -> list[str]:
    """Returns what the types do not say."""
    found = [f"services.{name} is none of {', '.join(SERVICES)}" for name in described.services if name not in SERVICES]
    names = {"trust_domain": described.trust_domain, "cluster_domain": described.cluster_domain}
    if described.namespace or not isinstance(described.login, AppRole):
        names["namespace"] = described.namespace
    for service in SERVICES:
        said = described.service(service)
        names[f"services.{service}.service_account"] = said.service_account
        names |= {f"services.{service}.names ({each})": each for each in said.names}
        found += _too_few(f"services.{service}.processes", said.processes)
    found += _platform_problems(described)
    for role, (namespace, account) in described.accounts().items():
        if role in PLATFORM:
            names |= {f"platform.{role}.namespace": namespace, f"platform.{role}.service_account": account}
    names |= {f"nats.names ({each})": each for each in described.nats.names}
    found += [f"{field} is not a DNS name in lower case" for field, name in names.items() if not _is_name(name)]
    found += _too_few("nats.replicas", described.nats.replicas) + _too_few(
        "nats.stream_bytes", described.nats.stream_bytes
    )
    return found + _login_problems(described.login)


def _platform_problems(described: Description) -> list[str]:
    found = [f"platform.{name} is none of {', '.join(PLATFORM)}" for name in described.platform if name not in PLATFORM]
    if described.platform and isinstance(described.login, AppRole):
        found.append("platform is for workloads that have tokens: with login.method jwt or kubernetes")
    return found


def _login_problems(login: AppRole | Jwt | Kubernetes) -> list[str]:
    found = _too_few("login.token_period_seconds", login.token_period_seconds)
    if isinstance(login, AppRole):
        return found + _too_few("login.secret_id_seconds", login.secret_id_seconds)
    if not _MOUNT.fullmatch(login.mount):
        found.append("login.mount is not the path of an auth method, without auth/ and outer slashes")
    if not login.audience:
        found.append("login.audience is empty: any token of the service account would do")
    if login.shared:
        return found
    if isinstance(login, Kubernetes):
        if not login.host.startswith("https://"):
            found.append("login.host is not an https:// address")
        for field, file in (("ca_file", login.ca_file), ("reviewer_token_file", login.reviewer_token_file)):
            if login.vault_in_cluster is bool(file):
                found.append(f"login.{field} is for a Vault outside the cluster, and needed there")
        return found
    sources = [bool(login.jwks_url), login.discovery, bool(login.public_key_files)]
    if sources.count(True) != 1:
        found.append("login has not exactly one of jwks_url, discovery and public_key_files")
    if not login.issuer:
        found.append("login.issuer is empty: tokens of any issuer with these keys would do")
    if login.jwks_url and not login.jwks_url.startswith("https://"):
        found.append("login.jwks_url is not an https:// address")
    return found


def _too_few(field: str, value: int) -> list[str]:
    return [] if value >= 1 else [f"{field} is not one or more"]


def _is_name(text: str) -> bool:
    return len(text) <= 253 and bool(_DNS_NAME.fullmatch(text))
