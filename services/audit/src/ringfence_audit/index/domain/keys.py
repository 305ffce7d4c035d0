"""What a leaf can be found by: keys of 16 bytes, which are ids that it names, or say its kind, amount or files."""

from __future__ import annotations

from ringfence_kernel.values.ids import ZERO_ID, external_id

from ringfence_audit.log.domain.leaf import Value, decode
from ringfence_audit.log.domain.sight import TENANT_NAMES

SEARCHABLE_OPAQUE = "user_data_128"
ACCOUNT_KIND, ACCOUNT_NAME, OWNER_NAME = "custody.account.v1", "account_id", "owner_id"
OWNER_OF_ANOTHER = "_owner_id"
"""What the names of fields end in that say whose an account is: the facts about that account are found by the account,
and its owner's accounts by `owner_id`."""
BY_KIND = frozenset(
    f"custody.{name}.v1"
    for name in (
        "letter_sent",
        "letter_countersigned",
        "letter_reviewed",
        "letter_review_fell_due",
        "letter_ended",
        "mirror_exempted",
        "appointment_made",
        "appointment_ended",
        "break_detected",
        "break_reopened",
        "break_stepped",
        "books_closed",
    )
) | {"audit.books.v1"}
"""Kinds whose facts about a platform are wanted all together, and are few beside its transfers."""


AMOUNT_NAME, CURRENCY_NAME = "amount_minor", "ledger"
AMOUNT_TAG = b"amt1"
"""What the key of an amount begins with; currency and amount follow, as they stand in the leaf."""
FILE_NAMES = ("digest", "document_sha256", "evidence_sha256", "file_sha256")
"""Fields that have the SHA-256 of a file or document, by whose first half leaves are found."""
FILE_BYTES = 32


def keys_of(leaf: bytes) -> list[bytes]:
    """Gives the keys of a leaf, sorted, each once; raises ValueError where it is none."""
    kind, fields = decode(leaf)
    named = {value for name, value in fields.items() if is_key(name) and isinstance(value, bytes) and len(value) == 16}
    return sorted((named | kind_keys(kind, fields) | value_keys(fields)) - {ZERO_ID})


def tenants_of(leaf: bytes) -> set[bytes]:
    """Gives the platforms that a leaf names; raises ValueError where it is none."""
    fields = decode(leaf)[1]
    values = (fields.get(name) for name in TENANT_NAMES)
    return {value for value in values if isinstance(value, bytes) and len(value) == 16}


def account_of(leaf: bytes) -> tuple[bytes, bytes] | None:
    """Gives (owner, account) where a leaf says whose an account is; raises ValueError where it is none."""
    kind, fields = decode(leaf)
    owner, account = fields.get(OWNER_NAME), fields.get(ACCOUNT_NAME)
    if kind != ACCOUNT_KIND or not isinstance(owner, bytes) or not isinstance(account, bytes):
        return None
    return (owner, account) if len(owner) == len(account) == 16 else None


def is_key(name: str) -> bool:
    """Tells whether leaves are found by the ids in a field of this name."""
    if name.endswith("_id"):
        return name not in TENANT_NAMES and not name.endswith(OWNER_OF_ANOTHER)
    return name == SEARCHABLE_OPAQUE


def leaf_ids(fields: dict[str, Value]) -> set[bytes]:
    """Gives all ids that a leaf names, those of platforms and of others' owners too, and its opaque reference."""
    return {
        value
        for name, value in fields.items()
        if isinstance(value, bytes) and len(value) == 16 and (name.endswith("_id") or name == SEARCHABLE_OPAQUE)
    }


def kind_key(kind: str, tenant: bytes) -> bytes:
    """Gives what the facts of a kind about a platform are found by; those about all platforms have the zero id."""
    return external_id("leaf-kind", tenant, kind)


def kind_keys(kind: str, fields: dict[str, Value]) -> set[bytes]:
    """Gives the key of a leaf's kind and platform, for kinds that are found so."""
    tenant = fields.get("tenant_id") or fields.get("book_id") or ZERO_ID
    return {kind_key(kind, tenant)} if kind in BY_KIND and isinstance(tenant, bytes) else set()


def amount_key(ledger: int, amount_minor: int) -> bytes:
    """Gives what facts of an amount are found by: a currency (ISO 4217 numeric, below 2^32), minor units below 2^63."""
    return AMOUNT_TAG + ledger.to_bytes(4, "big") + amount_minor.to_bytes(8, "big")


def value_keys(fields: dict[str, Value]) -> set[bytes]:
    """Gives the keys of a leaf's amount and of the files that it names."""
    found = {
        value[:16] for name in FILE_NAMES if isinstance(value := fields.get(name), bytes) and len(value) == FILE_BYTES
    }
    amount, ledger = fields.get(AMOUNT_NAME), fields.get(CURRENCY_NAME)
    if isinstance(amount, int) and isinstance(ledger, int) and amount > 0 and 0 < ledger < 1 << 32:
        found.add(amount_key(ledger, amount))
    return found
