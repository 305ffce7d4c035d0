"""Who may do what in Vault, by exact path: a policy per service and workload of the platform, one for the operator."""

from __future__ import annotations

from collections.abc import Mapping

from ringfence_bootstrap.description import (
    NATS_ADMIN,
    NATS_ADMIN_ISSUER,
    NATS_ISSUER,
    NATS_SERVER,
    PLATFORM,
    SERVICES,
    SNAPSHOT,
    AppRole,
    Description,
)

OPERATOR = "operator"

Rules = Mapping[str, tuple[str, ...]]

_OWN_TOKEN: Rules = {
    "auth/token/lookup-self": ("read",),
    "auth/token/renew-self": ("update",),
    "auth/token/revoke-self": ("update",),
}
_OF_SERVICE: Mapping[str, Rules] = {
    "identity": {
        "transit/keys/identity-token": ("read",),
        "transit/sign/identity-token": ("update",),
        "transit/encrypt/identity-wrap": ("update",),
        "transit/decrypt/identity-wrap": ("update",),
        "transit/hmac/identity-blind-index": ("update",),
        "pki-client/sign/principal": ("update",),
        "pki-client/revoke": ("update",),
    },
    "custody": {},
    "payment-instruction": {
        "transit/encrypt/payment-rail": ("update",),
        "transit/decrypt/payment-rail": ("update",),
    },
    "audit": {
        "transit/keys/audit-checkpoint": ("read",),
        "transit/sign/audit-checkpoint": ("update",),
        # What it has signed is held here: replaced by check-and-set, and never taken away.
        "registers/data/audit-log": ("read", "update"),
    },
}
_OF_PLATFORM: Mapping[str, Rules] = {
    NATS_ISSUER: {f"pki-workload/sign/{NATS_SERVER}": ("update",)},
    NATS_ADMIN_ISSUER: {f"pki-workload/sign/{NATS_ADMIN}": ("update",)},
    SNAPSHOT: {"sys/storage/raft/snapshot": ("read",), "auth/token/revoke-self": ("update",)},
}
_OPERATOR: Rules = {
    "sys/seal": ("update", "sudo"),
    "sys/mounts": ("read",),
    "sys/policies/acl/*": ("read", "list"),
    "transit/keys/+": ("read",),
    # Not that of the blind indexes, whose first version always serves. A new version of the log's key signs nothing
    # until the log has announced it (`ringfence-audit rotate-key`).
    "transit/keys/audit-checkpoint/rotate": ("update",),
    "transit/keys/identity-token/rotate": ("update",),
    "transit/keys/identity-wrap/rotate": ("update",),
    "transit/keys/payment-rail/rotate": ("update",),
    # By name: who may sign for any workload is every service in one person.
    f"pki-workload/sign/{NATS_SERVER}": ("update",),
    f"pki-workload/sign/{NATS_ADMIN}": ("update",),
    "pki-client/sign/principal": ("update",),
    "pki-client/revoke": ("update",),
}
OURS = (*SERVICES, *PLATFORM, OPERATOR)
"""All policies that give something of Ringfence away, whether this installation has each of them or not."""
_OF_APP_ROLES: Rules = {
    "auth/approle/role/+/role-id": ("read",),
    "auth/approle/role/+/secret-id": ("update",),
}


def policies(described: Description) -> dict[str, Rules]:
    """Returns capabilities by path, by name of the policy: one per role that is described, and `operator`."""
    of_service: dict[str, Rules] = {
        service: {**_OWN_TOKEN, f"pki-workload/sign/{service}": ("update",), **_OF_SERVICE[service]}
        for service in SERVICES
    }
    more = _OF_APP_ROLES if isinstance(described.login, AppRole) else {}
    of_platform = {name: _OF_PLATFORM[name] for name in PLATFORM if name in described.platform}
    return of_service | of_platform | {OPERATOR: {**_OWN_TOKEN, **_OPERATOR, **more}}
