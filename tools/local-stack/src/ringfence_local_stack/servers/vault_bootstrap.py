"""What the stack puts into a fresh OpenBao: transit keys, two certificate authorities, policies and AppRoles."""

from collections.abc import Mapping
from typing import Any

from ringfence_local_stack.processes.ports import LOOPBACK
from ringfence_local_stack.servers.certificates import infrastructure_id, principal_id, service_id
from ringfence_local_stack.servers.nats import NATS_ADMIN, NATS_SERVER
from ringfence_local_stack.servers.vault_api import VaultApi
from ringfence_local_stack.servers.vault_policies import ADMIN, SERVICES, policies

# Keys never leave OpenBao: transit makes them non-exportable unless told otherwise.
TRANSIT_KEYS: Mapping[str, Mapping[str, Any]] = {
    "identity-token": {"type": "ed25519"},
    "audit-checkpoint": {"type": "ed25519"},
    "identity-wrap": {"type": "aes256-gcm96"},
    "payment-rail": {"type": "aes256-gcm96"},
    "identity-blind-index": {"type": "hmac", "key_size": 32},
}
_TEN_YEARS = "87600h"
_WORKLOAD_TTL, _LONG_TTL = "24h", "720h"
_SECRET_ID_TTL, _TOKEN_PERIOD = "10m", "1h"


def bootstrap(root: VaultApi) -> str:
    """Fills a fresh server under its root token; returns the operator's token, which outlives the root's."""
    _make_transit_keys(root)
    _make_authority(root, "pki-workload", "Ringfence workloads")
    _make_authority(root, "pki-client", "Ringfence client principals")
    _make_certificate_roles(root)
    for name, document in policies().items():
        root.write(f"sys/policies/acl/{name}", policy=document)
    _make_app_roles(root)
    operator = root.write(
        "auth/token/create-orphan", policies=[ADMIN], no_default_policy=True, ttl=_TEN_YEARS, display_name=ADMIN
    )
    return str(operator["auth"]["client_token"])


def _make_transit_keys(root: VaultApi) -> None:
    root.write("sys/mounts/transit", type="transit")
    for name, fields in TRANSIT_KEYS.items():
        root.write(f"transit/keys/{name}", **fields)


def _make_authority(root: VaultApi, mount: str, common_name: str) -> None:
    root.write(f"sys/mounts/{mount}", type="pki", config={"max_lease_ttl": _TEN_YEARS})
    root.write(
        f"{mount}/root/generate/internal",
        common_name=common_name,
        key_type="ec",
        key_bits=256,
        ttl=_TEN_YEARS,
        max_path_length=0,
    )


def _make_certificate_roles(root: VaultApi) -> None:
    """One role per workload, so that a service can have no certificate but its own; one for all principals."""
    for service in SERVICES:
        _make_role(root, "pki-workload", service, service_id(service), server=True, client=True)
    _make_role(root, "pki-workload", NATS_SERVER, infrastructure_id(NATS_SERVER), server=True, ttl=_LONG_TTL)
    _make_role(root, "pki-workload", NATS_ADMIN, infrastructure_id(NATS_ADMIN), client=True, ttl=_LONG_TTL)
    _make_role(root, "pki-client", "principal", principal_id("*"), client=True, ttl=_LONG_TTL)


def _make_role(
    root: VaultApi,
    mount: str,
    name: str,
    uri: str,
    *,
    server: bool = False,
    client: bool = False,
    ttl: str = _WORKLOAD_TTL,
) -> None:
    root.write(
        f"{mount}/roles/{name}",
        allowed_uri_sans=[uri],
        allow_any_name=False,
        # The bare service name is what clients check: only the holder of the role can serve under it.
        allowed_domains=[name] if server else [],
        allow_bare_domains=server,
        allow_localhost=server,
        allow_ip_sans=server,
        allowed_ip_sans_cidr=[f"{LOOPBACK}/32"] if server else [],
        enforce_hostnames=True,
        require_cn=False,
        key_type="ec",
        key_bits=256,
        key_usage=["DigitalSignature"],
        server_flag=server,
        client_flag=client,
        code_signing_flag=False,
        email_protection_flag=False,
        ttl=ttl,
        max_ttl=ttl,
    )


def _make_app_roles(root: VaultApi) -> None:
    root.write("sys/auth/approle", type="approle")
    for service in SERVICES:
        root.write(
            f"auth/approle/role/{service}",
            token_policies=[service],
            token_no_default_policy=True,
            token_period=_TOKEN_PERIOD,
            secret_id_num_uses=1,
            secret_id_ttl=_SECRET_ID_TTL,
        )
