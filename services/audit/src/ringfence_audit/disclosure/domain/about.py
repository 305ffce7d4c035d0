"""What a fact is about, as a look-up answers it and a disclosure records it."""

from __future__ import annotations

from collections.abc import Mapping

from ringfence_audit.log.domain.leaf import Value
from ringfence_audit.log.domain.sight import TENANT_NAMES

NEAREST = (
    "instruction_id",
    "entry_id",
    "transfer_id",
    "break_id",
    "day_id",
    "letter_id",
    "account_id",
    "party_id",
    "principal_id",
    "proposal_id",
    "submission_id",
    "evidence_id",
)
"""Fields that say what a fact is about, the nearest first."""
PARTIES = ("party_id", "owner_id", "debtor_owner_id", "creditor_owner_id")
"""Fields that name clients, or the platform as the owner of its own accounts."""


def nearest(fields: Mapping[str, Value]) -> tuple[str, bytes]:
    """Gives the field and the id that a fact is about; empty where it names none that says so."""
    found = ((name, fields.get(name)) for name in NEAREST)
    return next(((name, value) for name, value in found if isinstance(value, bytes) and len(value) == 16), ("", b""))


def parties(fields: Mapping[str, Value]) -> tuple[bytes, ...]:
    """Gives the clients that a fact names, each once."""
    tenant = tenant_of(fields)
    ids = (fields.get(name) for name in PARTIES)
    return tuple(dict.fromkeys(each for each in ids if isinstance(each, bytes) and len(each) == 16 and each != tenant))


def tenant_of(fields: Mapping[str, Value]) -> bytes:
    """Gives the platform that a fact names, empty where there is none."""
    found = (fields.get(name) for name in TENANT_NAMES)
    return next((each for each in found if isinstance(each, bytes) and len(each) == 16), b"")
