"""Everything that Ringfence needs in Vault, in the order in which it can be made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ringfence_bootstrap.description import Description
from ringfence_bootstrap.vault.certificates import certificate_roles
from ringfence_bootstrap.vault.items import (
    Item,
    authority,
    policy,
    register,
    registers_engine,
    secrets_engine,
    transit_key,
)
from ringfence_bootstrap.vault.logins import logins
from ringfence_bootstrap.vault.policies import policies

TRANSIT_KEYS: Mapping[str, Mapping[str, Any]] = {
    "identity-token": {"type": "ed25519"},
    "audit-checkpoint": {"type": "ed25519"},
    "identity-wrap": {"type": "aes256-gcm96"},
    "payment-rail": {"type": "aes256-gcm96"},
    "identity-blind-index": {"type": "hmac", "key_size": 32},
}
REGISTERS = ("audit-log",)
"""Small values that a service replaces by check-and-set."""
AUTHORITIES: Mapping[str, str] = {
    "pki-workload": "Ringfence workloads",
    "pki-client": "Ringfence client principals",
}
_TEN_YEARS = 10 * 365 * 86_400


def desired(described: Description) -> Iterator[Item]:
    """Engines first, then what they hold, policies, and last who gets them."""
    yield secrets_engine("transit", "transit")
    for name, fields in TRANSIT_KEYS.items():
        yield transit_key(name, **fields)
    yield registers_engine("registers")
    for name in REGISTERS:
        yield register("registers", name)
    for mount, common_name in AUTHORITIES.items():
        yield secrets_engine(mount, "pki", _TEN_YEARS)
        yield authority(mount, common_name, _TEN_YEARS)
    yield from certificate_roles(described)
    for name, rules in policies(described).items():
        yield policy(name, rules)
    yield from logins(described)
