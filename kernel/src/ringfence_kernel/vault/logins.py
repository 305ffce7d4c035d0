"""How a process tells Vault who it is: AppRole with a wrapped secret-id, or a token that its platform signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import hvac
from hvac import exceptions

from ringfence_kernel.vault.errors import VaultLoginRefused

Connect = Callable[[str], hvac.Client]
"""Gives a client of one server under a token, empty for none."""

_WRAPPED_FOR_LOGIN = "auth/approle/role/"
_REFUSALS = (exceptions.InvalidRequest, exceptions.Forbidden, exceptions.Unauthorized)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppRole:
    """A role of the AppRole method, and the file with a wrapping token around a secret-id of it."""

    role_id: str
    wrapped_secret_id_file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadIdentity:
    """A role of a JWT or Kubernetes method at `mount`, and the file where the platform keeps a fresh token."""

    mount: str
    role: str
    token_file: Path


class Login(Protocol):
    """One way to log in, with what it has to remember from one login to the next; runs in a thread."""

    def log_in(self, connect: Connect) -> dict[str, Any]:
        """Returns Vault's `auth` of a new login; raises VaultLoginRefused, or what hvac raises of an outage."""


def login_with(identity: AppRole | WorkloadIdentity) -> Login:
    """Returns the way to log in with an identity."""
    return _AppRoleLogin(identity) if isinstance(identity, AppRole) else _WorkloadLogin(identity)


class _AppRoleLogin:
    """A secret-id is kept in memory only. Where it works only once, a new login needs a new wrapping token."""

    def __init__(self, identity: AppRole) -> None:
        self._identity = identity
        self._secret_id = ""  # nosec B105 # no password
        self._used_wrapping = ""

    def log_in(self, connect: Connect) -> dict[str, Any]:
        file = self._identity.wrapped_secret_id_file
        wrapping = self._wrapping()
        if wrapping and wrapping != self._used_wrapping:
            self._secret_id = self._unwrap(connect(wrapping), wrapping)
            self._used_wrapping = wrapping
        if not self._secret_id:
            raise VaultLoginRefused(f"{file} holds no wrapping token")
        try:
            answer = connect("").auth.approle.login(self._identity.role_id, self._secret_id, use_token=False)
        except _REFUSALS:
            self._secret_id = ""  # nosec B105 # no password
            raise VaultLoginRefused("the secret-id is used up, has expired, or belongs to another role") from None
        auth: dict[str, Any] = answer["auth"]
        return auth

    def _wrapping(self) -> str:
        """Returns what the file holds; it is needed only as long as there is no secret-id."""
        try:
            return _content(self._identity.wrapped_secret_id_file)
        except VaultLoginRefused:
            if not self._secret_id:
                raise
            return ""

    def _unwrap(self, client: hvac.Client, wrapping: str) -> str:
        try:
            origin = client.adapter.post("/v1/sys/wrapping/lookup", json={"token": wrapping})["data"]["creation_path"]
            if not origin.startswith(_WRAPPED_FOR_LOGIN):
                raise VaultLoginRefused("the wrapping token does not hold a secret-id")
            secret_id: str = client.sys.unwrap()["data"]["secret_id"]
        except (exceptions.InvalidRequest, exceptions.Forbidden):
            raise VaultLoginRefused(
                "the wrapping token was used before or has expired: if nobody here used it, somebody else has"
            ) from None
        return secret_id


class _WorkloadLogin:
    """The file is read at every login: whoever projects the token replaces it before it expires."""

    def __init__(self, identity: WorkloadIdentity) -> None:
        self._identity = identity

    def log_in(self, connect: Connect) -> dict[str, Any]:
        identity = self._identity
        token = _content(identity.token_file)
        if not token:
            raise VaultLoginRefused(f"{identity.token_file} holds no token")
        try:
            answer = connect("").adapter.post(
                f"/v1/auth/{identity.mount}/login", json={"role": identity.role, "jwt": token}
            )
        except (*_REFUSALS, exceptions.InvalidPath) as refusal:
            where = f"role {identity.role} of auth/{identity.mount}"
            said = "; ".join(map(str, refusal.errors or ()))
            text = f"{where} does not take the token in {identity.token_file}: {said}"
            raise VaultLoginRefused(text, may_pass=True) from None
        auth: dict[str, Any] = answer["auth"]
        return auth


def _content(file: Path) -> str:
    """Returns a file's text; raises VaultLoginRefused with the reason for which it cannot be read."""
    try:
        return file.read_text(encoding="ascii").strip()
    except OSError as error:
        raise VaultLoginRefused(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise VaultLoginRefused(f"{file} cannot be read: it is not ASCII") from None
