"""The packed events of payment-instruction: one leaf per instruction, step, directive, hit and bank entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ringfence_kernel.values.descriptions import EventDescription

from ringfence_audit.log.domain.leaf import commitment
from ringfence_audit.translation.domain.rows import Columns, Packed, Table, free_texts

_OF_SUBMISSION = {"tenant": "tenant_id", "submission_id": "submission_id"}

INSTRUCTIONS = Packed(
    "payment-instruction.instruction.v1",
    {
        "instruction_ids": "instruction_id",
        "end_to_end_ids": "end_to_end_id",
        "debtor_accounts": "debtor_account_id",
        "debtor_owners": "debtor_owner_id",
        "creditor_accounts": "creditor_account_id",
        "creditor_owners": "creditor_owner_id",
        "amounts_minor": "amount_minor",
        "ledgers": "ledger",
        "execution_days": "execution_day",
        "purposes": "purpose",
        "mandates": "mandate_id",
        "uetrs": "uetr",
        "instruction_identifications": "instruction_identification",
        "debtor_sealed": "debtor_commitment",
        "creditor_sealed": "creditor_commitment",
    },
    _OF_SUBMISSION,
    blank=frozenset({"ledgers", "execution_days", "purposes"}),
)
STEPS = Packed(
    "payment-instruction.step.v1",
    {
        "instruction_ids": "instruction_id",
        "indexes": "index",
        "statuses": "status",
        "mirror_accounts": "mirror_account_id",
    },
    {
        **_OF_SUBMISSION,
        "cause": "cause",
        "actor": "actor_id",
        "evidence": "evidence",
        "reference": "reference",
        "note": "note",
    },
    named=frozenset({"statuses"}),
)
DIRECTIVES = Packed(
    "payment-instruction.directive.v1",
    {
        "instruction_ids": "instruction_id",
        "indexes": "index",
    },
    {
        **_OF_SUBMISSION,
        "directive": "directive",
        "reason": "reason",
        "actor": "actor_id",
        "actor_hand": "actor_hand",
        "evidence": "evidence",
        "reference": "reference",
        "note": "note",
    },
)
RESCREENINGS = Packed(
    "payment-instruction.rescreening.v1",
    {
        "instruction_ids": "instruction_id",
        "indexes": "index",
    },
    {**_OF_SUBMISSION, "evidence": "evidence"},
)
RELEASES = Packed(
    "payment-instruction.hit_release.v1",
    {
        "instruction_ids": "instruction_id",
        "indexes": "index",
    },
    {**_OF_SUBMISSION, "actor": "actor_id", "note": "note"},
)
ENTRIES = Packed(
    "payment-instruction.bank_entry.v1",
    {
        "entry_ids": "entry_id",
        "entry_digests": "entry_digest",
        "references": "entry_reference",
        "purposes": "purpose",
        "mirror_accounts": "mirror_account_id",
        "client_accounts": "client_account_id",
        "owners": "owner_id",
        "instruction_ids": "instruction_id",
        "amounts_minor": "amount_minor",
        "ledgers": "ledger",
        "value_days": "value_date_days",
        "reasons": "reason",
        "sealed": "commitment",
        "origins": "origin_entry_id",
        "named_ids": "named_id",
    },
    {
        "tenant": "tenant_id",
        "evidence_id": "evidence_id",
        "digest": "file_sha256",
        "message_id": "message_id",
        "source": "handed_in_by_id",
    },
    blank=frozenset({"ledgers"}),
)
OUTCOMES = Packed(
    "payment-instruction.bank_entry_outcome.v1",
    {
        "entry_ids": "entry_id",
        "indexes": "index",
        "outcomes": "outcome",
        "reasons": "reason",
    },
    {"tenant": "tenant_id", "evidence_id": "evidence_id"},
)


def instructions(description: EventDescription, event: Mapping[str, Any]) -> Table:
    """Splits an InstructionsReceived event into its rows, each with a commitment to whom it names beside its payee."""
    table = INSTRUCTIONS.table(description, event)
    if not event.get("parties_rows"):
        return table
    rows = Columns.of(description, event)["parties_rows"]
    named = [commitment(event["parties_sealed"][row - 1]) if row else None for row in rows]
    return replace(table, columns={**table.columns, "parties_commitment": named})


def steps(description: EventDescription, event: Mapping[str, Any]) -> Table:
    """Splits an InstructionsAdvanced event into transitions, each with its own reason and detail."""
    table = _with_details(STEPS, description, event)
    reasons = event.get("reasons") or [""]
    reason_rows = event.get("reason_rows") or bytes(table.rows)
    return replace(table, columns={**table.columns, "reason": [reasons[row] or None for row in reason_rows]})


def directives(description: EventDescription, event: Mapping[str, Any]) -> Table:
    """Splits an InstructionsDirected event into its rows, each with its own detail."""
    return _with_details(DIRECTIVES, description, event)


def rescreenings(description: EventDescription, event: Mapping[str, Any]) -> Table:
    """Splits an InstructionsRescreened event into its rows, each with the list's entry that it hits."""
    return _with_map(RESCREENINGS, description, event, "hits", "hit")


def _with_details(packed: Packed, description: EventDescription, event: Mapping[str, Any]) -> Table:
    return _with_map(packed, description, event, "details", "detail")


def _with_map(packed: Packed, description: EventDescription, event: Mapping[str, Any], name: str, leaf: str) -> Table:
    table, by_row = packed.table(description, event), event.get(name) or {}
    columns = {**table.columns, leaf: [by_row.get(row) for row in range(table.rows)]}
    return replace(table, columns=columns, free=table.free | free_texts(description, {name: leaf}))
