"""The packed events of payment-instruction: one leaf per instruction, step, directive and bank entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ringfence_protos.payment_instruction.v1.payment_instruction_pb2 import InstructionStatus

from ringfence_audit.translation.domain.rows import Packed, Table, digests, ids, named, numbers, sealed, texts

STATUS = {int(value): name.removeprefix("INSTRUCTION_STATUS_") for name, value in InstructionStatus.items()}
_OF_SUBMISSION = {"tenant": "tenant_id", "submission_id": "submission_id"}

INSTRUCTIONS = Packed(
    "payment-instruction.instruction.v1",
    "instruction_ids",
    [
        ("instruction_ids", "instruction_id", ids),
        ("end_to_end_ids", "end_to_end_id", texts),
        ("debtor_accounts", "debtor_account_id", ids),
        ("debtor_owners", "debtor_owner_id", ids),
        ("creditor_accounts", "creditor_account_id", ids),
        ("creditor_owners", "creditor_owner_id", ids),
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
        ("instruction_ids", "instruction_id", ids),
        ("indexes", "index", numbers("I")),
        ("statuses", "status", named(STATUS)),
    ],
    {**_OF_SUBMISSION, "cause": "cause", "actor": "actor_id", "evidence": "evidence", "reference": "reference"},
)
DIRECTIVES = Packed(
    "payment-instruction.directive.v1",
    "instruction_ids",
    [("instruction_ids", "instruction_id", ids), ("indexes", "index", numbers("I"))],
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
        ("entry_ids", "entry_id", ids),
        ("entry_digests", "entry_digest", digests),
        ("references", "entry_reference", texts),
        ("purposes", "purpose", numbers("B")),
        ("mirror_accounts", "mirror_account_id", ids),
        ("client_accounts", "client_account_id", ids),
        ("owners", "owner_id", ids),
        ("instruction_ids", "instruction_id", ids),
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
        ("entry_ids", "entry_id", ids),
        ("indexes", "index", numbers("I")),
        ("outcomes", "outcome", numbers("B")),
        ("reasons", "reason", texts),
    ],
    {"tenant": "tenant_id", "evidence_id": "evidence_id"},
)


def steps(event: Mapping[str, Any]) -> Table:
    """Splits an InstructionsAdvanced event into transitions, each with its own reason and detail."""
    table = _with_details(STEPS, event)
    reasons = event.get("reasons") or [""]
    reason_rows = event.get("reason_rows") or bytes(table.rows)
    return replace(table, columns={**table.columns, "reason": [reasons[row] or None for row in reason_rows]})


def directives(event: Mapping[str, Any]) -> Table:
    """Splits an InstructionsDirected event into its rows, each with its own detail."""
    return _with_details(DIRECTIVES, event)


def _with_details(packed: Packed, event: Mapping[str, Any]) -> Table:
    table, details = packed.table(event), event.get("details") or {}
    return replace(table, columns={**table.columns, "detail": [details.get(row) for row in range(table.rows)]})
