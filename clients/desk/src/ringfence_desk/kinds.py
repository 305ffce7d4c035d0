"""Kinds of facts that are told apart, and what stands in them."""

from __future__ import annotations

from uuid import UUID

from ringfence_desk.fact import Fact

ACCOUNT = "custody.account.v1"
TRANSFER = "custody.transfer.v1"
EVIDENCE = "custody.transfer_evidence.v1"
INSTRUCTION = "payment-instruction.instruction.v1"
STEP = "payment-instruction.step.v1"
DIRECTIVE = "payment-instruction.directive.v1"
ENTRY = "payment-instruction.bank_entry.v1"
OUTCOME = "payment-instruction.bank_entry_outcome.v1"
SUBJECT = "user_data_128"
"""What a transfer rests on: a payment, a bank's entry, an agreement."""

_PENDING, _POST, _VOID = 2, 4, 8


def phase_of(fact: Fact) -> str:
    """Gives what a transfer does: it reserves, books or releases what was reserved, or moves money at once."""
    flags = fact.integer("flags") or 0
    return "RESERVED" if flags & _PENDING else "POSTED" if flags & _POST else "RELEASED" if flags & _VOID else "MOVED"


def platform_of(fact: Fact) -> UUID | None:
    """Gives the platform that a fact concerns, whose book has the same id; None where it concerns all or none."""
    return fact.id("tenant_id") or fact.id("book_id")


def in_source(fact: Fact) -> tuple[int, int, int]:
    """Gives where a fact stands in its source's feed; what the log says by itself has its own order."""
    position = fact.integer("position")
    return (fact.index, 0, 0) if position is None else (position, fact.integer("ordinal") or 0, fact.index)
