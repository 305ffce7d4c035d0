"""Movements of money between accounts, as the log's transfers state them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from ringfence_desk.fact import Fact
from ringfence_desk.kinds import SUBJECT, TRANSFER, in_source, phase_of

MOVING = frozenset({"MOVED", "POSTED"})
"""What a transfer does when money moves; what only reserves or releases moves none."""


@dataclass(frozen=True)
class Move:
    """Money that went from one account to another: minor units of `ledger`; `order` is custody's own.

    `subject_id` is what the transfer rests on: a payment, a bank's entry, an agreement. `fact` states it.
    """

    id: UUID
    from_account: UUID
    to_account: UUID
    minor: int
    ledger: int
    code: int
    subject_id: UUID | None
    order: tuple[int, int, int]
    fact: Fact

    @property
    def time_ns(self) -> int:
        """When it was booked, UTC nanoseconds."""
        return self.fact.time_ns or 0


def moves_in(facts: Iterable[Fact]) -> list[Move]:
    """Gives the movements that facts state, each once, in custody's order."""
    found = {fact.index: move for fact in facts if (move := move_in(fact))}
    return sorted(found.values(), key=lambda move: move.order)


def move_in(fact: Fact) -> Move | None:
    """Gives the movement that a fact states, None where it moves no money."""
    if fact.kind != TRANSFER or phase_of(fact) not in MOVING:
        return None
    identifier, debit, credit = (fact.id(name) for name in ("transfer_id", "debit_account_id", "credit_account_id"))
    minor, ledger = fact.integer("amount_minor"), fact.integer("ledger")
    if identifier is None or debit is None or credit is None or debit == credit or not minor or ledger is None:
        return None
    code, subject = fact.integer("code") or 0, fact.id(SUBJECT)
    return Move(identifier, debit, credit, minor, ledger, code, subject, in_source(fact), fact)
