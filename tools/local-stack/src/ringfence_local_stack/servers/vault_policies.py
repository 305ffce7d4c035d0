"""Who may do what in the stack's OpenBao: least privilege, one policy per service and one for the operator."""

import json
from collections.abc import Mapping

SERVICES = ("identity", "custody", "payment-instruction", "audit")
ADMIN = "admin"

Rules = Mapping[str, tuple[str, ...]]

_OWN_TOKEN: Rules = {
    "auth/token/lookup-self": ("read",),
    "auth/token/renew-self": ("update",),
    "auth/token/revoke-self": ("update",),
}
_IDENTITY: Rules = {
    "transit/keys/identity-token": ("read",),
    "transit/sign/identity-token": ("update",),
    "transit/encrypt/identity-wrap": ("update",),
    "transit/decrypt/identity-wrap": ("update",),
    "transit/hmac/identity-blind-index": ("update",),
    "pki-client/sign/principal": ("update",),
    "pki-client/revoke": ("update",),
}
_AUDIT: Rules = {
    "transit/keys/audit-checkpoint": ("read",),
    "transit/sign/audit-checkpoint": ("update",),
}
_PAYMENT_INSTRUCTION: Rules = {
    "transit/encrypt/payment-rail": ("update",),
    "transit/decrypt/payment-rail": ("update",),
}
_OF_SERVICE: Mapping[str, Rules] = {
    "identity": _IDENTITY,
    "payment-instruction": _PAYMENT_INSTRUCTION,
    "audit": _AUDIT,
}
_OPERATOR: Rules = {
    "sys/seal": ("update", "sudo"),
    "sys/mounts": ("read",),
    "sys/policies/acl/*": ("read", "list"),
    "transit/keys/+": ("read",),
    # Not the key of the log, which its readers pin, nor that of the blind indexes, whose first version always serves.
    "transit/keys/identity-token/rotate": ("update",),
    "transit/keys/identity-wrap/rotate": ("update",),
    "transit/keys/payment-rail/rotate": ("update",),
    "pki-workload/sign/*": ("update",),
    "pki-client/sign/*": ("update",),
    "pki-client/revoke": ("update",),
    "auth/approle/role/+/role-id": ("read",),
    "auth/approle/role/+/secret-id": ("update",),
}


def policies() -> dict[str, str]:
    """Policy documents by name: one per service, and `admin` for the operator of the sandbox."""
    documents = {ADMIN: _document(_OPERATOR)}
    for service in SERVICES:
        own = {f"pki-workload/sign/{service}": ("update",)}
        documents[service] = _document({**own, **_OF_SERVICE.get(service, {})})
    return documents


def _document(rules: Rules) -> str:
    paths = {path: {"capabilities": list(capabilities)} for path, capabilities in {**_OWN_TOKEN, **rules}.items()}
    return json.dumps({"path": paths})
