"""Kinds of principals, the one role each kind has, and the scopes each role carries.

A principal has exactly one kind and a kind exactly one role. Separation of duties follows from it: whoever submits a
payment cannot approve it, and whoever grants a role cannot use it.
"""

from enum import StrEnum


class Kind(StrEnum):
    """What a principal is. Workloads are not principals: they are known by their SPIFFE id alone."""

    PLATFORM = "PLATFORM"
    PLATFORM_APPROVER = "PLATFORM_APPROVER"
    OPERATOR = "OPERATOR"
    REGULATOR = "REGULATOR"
    BANK_FEED = "BANK_FEED"
    IMPORTER = "IMPORTER"
    AUDITOR = "AUDITOR"
    MIRROR = "MIRROR"


ROLE_OF_KIND: dict[Kind, str] = {
    Kind.PLATFORM: "platform",
    Kind.PLATFORM_APPROVER: "platform-approver",
    Kind.OPERATOR: "operator",
    Kind.REGULATOR: "regulator",
    Kind.BANK_FEED: "bank-feed",
    Kind.IMPORTER: "importer",
    Kind.AUDITOR: "auditor",
    Kind.MIRROR: "mirror",
}
"""The value stands in a token's `roles` claim."""

MEMBER_KINDS = frozenset({Kind.PLATFORM_APPROVER, Kind.IMPORTER})
"""Kinds that belong to a platform registered before them."""

GRANT_DAYS: dict[Kind, int] = {
    Kind.OPERATOR: 180,
    Kind.PLATFORM_APPROVER: 365,
    Kind.REGULATOR: 365,
    Kind.AUDITOR: 365,
}
"""Kinds that are people, and how many days their role lasts at most before two people renew it."""

READING_KINDS = frozenset({Kind.REGULATOR, Kind.AUDITOR})
"""Kinds that read the log by a grant."""

_OWN_KEY = "identity.key.rotate"
_PROPOSALS = "proposals.decide"
_READS = "audit.reads"
_REVOKE = "identity.authorisations.revoke"

SCOPES_OF_KIND: dict[Kind, frozenset[str]] = {
    Kind.PLATFORM: frozenset(
        {
            _OWN_KEY,
            _REVOKE,
            "identity.parties.write",
            "identity.parties.read",
            "custody.accounts.write",
            "custody.book.read",
            "payments.submit",
            "payments.read",
            _READS,
        }
    ),
    Kind.PLATFORM_APPROVER: frozenset(
        {_OWN_KEY, _PROPOSALS, _REVOKE, "payments.approve", "payments.read", "custody.book.read"}
    ),
    Kind.OPERATOR: frozenset(
        {
            _OWN_KEY,
            _PROPOSALS,
            _REVOKE,
            "identity.admin",
            "identity.kyc",
            "identity.parties.write",
            "identity.parties.read",
            "custody.admin",
            "custody.freeze",
            "custody.reconcile",
            "payments.admin",
            "payments.approve",
            "payments.read",
            "custody.book.read",
            "operations.read",
        }
    ),
    Kind.REGULATOR: frozenset({_OWN_KEY, "audit.read", _READS, "audit.disclose"}),
    Kind.AUDITOR: frozenset({_OWN_KEY, "audit.read", _READS, "audit.disclose"}),
    # It copies the log by its certificate alone, and asks nothing of the service.
    Kind.MIRROR: frozenset({_OWN_KEY}),
    Kind.BANK_FEED: frozenset({_OWN_KEY, "payments.evidence"}),
    Kind.IMPORTER: frozenset({_OWN_KEY, "custody.transfers.create", "custody.accounts.write", "custody.book.read"}),
}
