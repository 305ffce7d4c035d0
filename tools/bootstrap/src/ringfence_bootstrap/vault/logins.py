"""The auth method and its roles: which workload gets which policy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ringfence_bootstrap.description import PLATFORM, AppRole, Description, Jwt, Kubernetes
from ringfence_bootstrap.errors import DescriptionInvalid
from ringfence_bootstrap.vault.items import Item, auth_method

_CLOCK_SECONDS = 10
"""How far the clocks of Vault and of who signs tokens may differ."""
_ERRAND_SECONDS = 900
"""How long a workload of the platform keeps the token of one signature or snapshot."""


def method_path(described: Description) -> str:
    """Returns where the auth method is mounted, below `auth/`."""
    return "approle" if isinstance(described.login, AppRole) else described.login.mount


def roles_path(described: Description) -> str:
    """Returns where the roles of the auth method are listed."""
    return f"auth/{method_path(described)}/role"


def logins(described: Description) -> Iterator[Item]:
    """The method with its configuration, unless it is somebody else's, and a role per service and further workload."""
    login, path = described.login, method_path(described)
    kind = {AppRole: "approle", Jwt: "jwt", Kubernetes: "kubernetes"}[type(login)]
    if isinstance(login, AppRole) or not login.shared:
        yield auth_method(path, kind)
    if not isinstance(login, AppRole) and not login.shared:
        yield _configuration(login)
    for role in described.accounts():
        ends = {"token_ttl": _ERRAND_SECONDS, "token_max_ttl": _ERRAND_SECONDS}
        lasts = ends if role in PLATFORM else {"token_period": login.token_period_seconds}
        fields = _token(role) | lasts | _bound(described, role)
        below = f"sys/auth/{path}" if isinstance(login, AppRole) or not login.shared else ""
        yield Item(path=f"{roles_path(described)}/{role}", below=below, fields=fields)


def _token(role: str) -> dict[str, Any]:
    return {
        "token_policies": [role],
        "token_no_default_policy": True,
        "token_period": 0,
        "token_ttl": 0,
        "token_max_ttl": 0,
        "token_explicit_max_ttl": 0,
        "token_num_uses": 0,
        "token_type": "default",
        "token_bound_cidrs": [],
    }


def _bound(described: Description, role: str) -> dict[str, Any]:
    """Returns the fields by which a role knows its workload."""
    login, (namespace, account) = described.login, described.accounts()[role]
    if isinstance(login, AppRole):
        return {"bind_secret_id": True, "secret_id_num_uses": 1, "secret_id_ttl": login.secret_id_seconds}
    if isinstance(login, Kubernetes):
        return {
            "audience": login.audience,
            "bound_service_account_names": [account],
            "bound_service_account_namespaces": [namespace],
            "bound_service_account_namespace_selector": "",
            "alias_name_source": "serviceaccount_uid",
        }
    return {
        "role_type": "jwt",
        "user_claim": "sub",
        "user_claim_json_pointer": False,
        "bound_audiences": [login.audience],
        "bound_subject": f"system:serviceaccount:{namespace}:{account}",
        "bound_claims_type": "string",
        "bound_claims": {"/kubernetes.io/namespace": namespace},
        "clock_skew_leeway": _CLOCK_SECONDS,
        "expiration_leeway": _CLOCK_SECONDS,
        "not_before_leeway": _CLOCK_SECONDS,
    }


def _configuration(login: Jwt | Kubernetes) -> Item:
    """Returns by what the method believes a token."""
    reviewer = _text(login.reviewer_token_file, "login.reviewer_token_file") if isinstance(login, Kubernetes) else ""
    return Item(
        path=f"auth/{login.mount}/config",
        below=f"sys/auth/{login.mount}",
        fields=_of_kubernetes(login) if isinstance(login, Kubernetes) else _of_jwt(login),
        secret={"token_reviewer_jwt": reviewer} if reviewer else {},
    )


def _of_kubernetes(login: Kubernetes) -> dict[str, Any]:
    return {
        "kubernetes_host": login.host,
        "kubernetes_ca_cert": _text(login.ca_file, "login.ca_file"),
        "disable_local_ca_jwt": not login.vault_in_cluster,
        "token_reviewer_jwt_set": not login.vault_in_cluster,
        "pem_keys": [],
    }


def _of_jwt(login: Jwt) -> dict[str, Any]:
    authority = _text(login.ca_file, "login.ca_file")
    return {
        "bound_issuer": login.issuer,
        "jwks_url": login.jwks_url,
        "jwks_ca_pem": authority if login.jwks_url else "",
        "oidc_discovery_url": login.issuer if login.discovery else "",
        "oidc_discovery_ca_pem": authority if login.discovery else "",
        "jwt_validation_pubkeys": [_text(file, "login.public_key_files") for file in login.public_key_files],
        "jwt_supported_algs": [],
        "default_role": "",
    }


def _text(file: str, field: str) -> str:
    """Returns a file's text, none where none is named."""
    if not file:
        return ""
    try:
        return Path(file).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise DescriptionInvalid(f"{field}: {file} is not a readable text file") from None
