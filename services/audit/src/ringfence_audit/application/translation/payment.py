"""The packed events of payment-instruction: one leaf per instruction, step, directive and bank entry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ringfence_protos.payment_instruction.v1.payment_instruction_pb2 import InstructionStatus

from ringfence_audit.application.translation.rows import Packed, blobs, named, numbers, sealed, texts
from ringfence_audit.domain.leaf import Value

STATUS = {int(value): name.removeprefix("INSTRUCTION_STATUS_") for name, value in InstructionStatus.items()}
_ID = blobs(16)
_OF_SUBMISSION = {"tenant": "tenant_id", "submission_id": "submission_id"}

INSTRUCTIONS = Packed(
    "payment-instruction.instruction.v1",
    "instruction_ids",
    [
        ("instruction_ids", "instruction_id", _ID),
        ("end_to_end_ids", "end_to_end_id", texts),
        ("debtor_accounts", "debtor_account_id", _ID),
        ("debtor_owners", "debtor_owner_id", _ID),
        ("creditor_accounts", "creditor_account_id", _ID),
        ("creditor_owners", "creditor_owner_id", _ID),
        ("amounts_minor", "amount_minor", numbers("Q")),
        ("ledgers", "ledger", numbers("H", zero=False)),
        ("execution_days", "execution_day", numbers("i", zero=False)),
        ("debtor_sealed", "debtor_commitment", sealed),
        ("creditor_sealed", "creditor_commitment", sealed),
    ],
    _OF_SUBMISSION,
)
STEPS = Packed(
    "payment-instruction.step.v1",
    "instruction_ids",
    [
        ("instruction_ids", "instruction_id", _ID),
        ("indexes", "index", numbers("I")),
        ("statuses", "status", named(STATUS)),
    ],
    {**_OF_SUBMISSION, "cause": "cause", "actor": "actor_id", "evidence": "evidence", "reference": "reference"},
)
DIRECTIVES = Packed(
    "payment-instruction.directive.v1",
    "instruction_ids",
    [("instruction_ids", "instruction_id", _ID), ("indexes", "index", numbers("I"))],
    {
        **_OF_SUBMISSION,
        "directive": "directive",
        "reason": "reason",
        "actor": "actor_id",
        "evidence": "evidence",
        "reference": "reference",
        "note": "note",
    },
)
ENTRIES = Packed(
    "payment-instruction.bank_entry.v1",
    "entry_ids",
    [
        ("entry_ids", "entry_id", _ID),
        ("entry_digests", "entry_digest", blobs(32)),
        ("references", "entry_reference", texts),
        ("purposes", "purpose", numbers("B")),
        ("mirror_accounts", "mirror_account_id", _ID),
        ("client_accounts", "client_account_id", _ID),
        ("owners", "owner_id", _ID),
        ("instruction_ids", "instruction_id", _ID),
        ("amounts_minor", "amount_minor", numbers("Q")),
        ("ledgers", "ledger", numbers("H", zero=False)),
        ("value_days", "value_date_days", numbers("i")),
        ("reasons", "reason", texts),
        ("sealed", "commitment", sealed),
    ],
    {
        "tenant": "tenant_id",
        "evidence_id": "evidence_id",
        "digest": "file_sha256",
        "message_id": "message_id",
        "source": "handed_in_by_id",
    },
)
OUTCOMES = Packed(
    "payment-instruction.bank_entry_outcome.v1",
    "entry_ids",
    [
        ("entry_ids", "entry_id", _ID),
        ("indexes", "index", numbers("I")),
        ("outcomes", "outcome", numbers("B")),
        ("reasons", "reason", texts),
    ],
    {"tenant": "tenant_id", "evidence_id": "evidence_id"},
)


def steps(event: Mapping[str, Any]) -> Iterator[dict[str, Value | None]]:
    """Yields the transitions of an InstructionsAdvanced event, each with its own reason and detail."""
    reasons = event.get("reasons") or [""]
    reason_rows = event.get("reason_rows") or bytes(len(event["statuses"]))
    for row, fields in enumerate(_with_details(STEPS, event)):
        yield fields | {"reason": reasons[reason_rows[row]] or None}


def directives(event: Mapping[str, Any]) -> Iterator[dict[str, Value | None]]:
    """Yields the rows of an InstructionsDirected event, each with its own detail."""
    return _with_details(DIRECTIVES, event)


def _with_details(packed: Packed, event: Mapping[str, Any]) -> Iterator[dict[str, Value | None]]:
    details = event.get("details") or {}
    for row, fields in enumerate(packed.rows(event)):
        yield fields | {"detail": details.get(row)}
