"""The roles of both certificate authorities: who may be named in which certificate, for how long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ringfence_bootstrap.description import LOOPBACK, NATS_ADMIN, NATS_SERVER, SERVICES, Description
from ringfence_bootstrap.vault.items import Item

_DAY, _MONTH = 86_400, 30 * 86_400


def certificate_roles(described: Description) -> Iterator[Item]:
    """One role per workload, so that a service can have no certificate but its own; one for all principals."""
    for service in SERVICES:
        names = described.service_names(service)
        yield _workload(described, service, described.service_id(service), names, _DAY)
    of_server = described.infrastructure_id(NATS_SERVER)
    yield _workload(described, NATS_SERVER, of_server, [NATS_SERVER, *described.nats.names], _MONTH)
    yield _client("pki-workload", NATS_ADMIN, described.infrastructure_id(NATS_ADMIN))
    yield _client("pki-client", "principal", described.principal_ids())


def _workload(described: Description, name: str, uri: str, names: list[str], seconds: int) -> Item:
    """A server that is a client of others too."""
    return _role(
        "pki-workload",
        name,
        uri,
        seconds,
        # Only the holder of the role can serve under these names.
        allowed_domains=names,
        allow_bare_domains=True,
        allow_localhost=described.loopback,
        allow_ip_sans=described.loopback,
        allowed_ip_sans_cidr=[f"{LOOPBACK}/32"] if described.loopback else [],
        server_flag=True,
    )


def _client(mount: str, name: str, uri: str) -> Item:
    return _role(mount, name, uri, _MONTH)


def _role(mount: str, name: str, uri: str, seconds: int, **differing: Any) -> Item:
    """Every field that widens what is signed is said, so that a change by hand is seen."""
    fields = {
        "allowed_uri_sans": [uri],
        "allowed_uri_sans_template": False,
        "allow_any_name": False,
        "allowed_domains": [],
        "allowed_domains_template": False,
        "allow_bare_domains": False,
        "allow_subdomains": False,
        "allow_glob_domains": False,
        "allow_wildcard_certificates": False,
        "allow_token_displayname": False,
        "allow_localhost": False,
        "allow_ip_sans": False,
        "allowed_ip_sans_cidr": [],
        "allowed_other_sans": [],
        "allowed_serial_numbers": [],
        "allowed_user_ids": [],
        "enforce_hostnames": True,
        "cn_validations": ["email", "hostname"],
        "require_cn": False,
        "use_csr_common_name": True,
        "use_csr_sans": True,
        "key_type": "ec",
        "key_bits": 256,
        "key_usage": ["DigitalSignature"],
        "ext_key_usage": [],
        "ext_key_usage_oids": [],
        "server_flag": False,
        "client_flag": True,
        "code_signing_flag": False,
        "email_protection_flag": False,
        "basic_constraints_valid_for_non_ca": False,
        "policy_identifiers": [],
        "issuer_ref": "default",
        "not_after": "",
        "not_before_duration": 30,
        "no_store": False,
        "generate_lease": False,
        "ttl": seconds,
        "max_ttl": seconds,
    }
    return Item(path=f"{mount}/roles/{name}", below=f"sys/mounts/{mount}", fields=fields | differing)
