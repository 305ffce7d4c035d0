"""What bank and books disagree about, and its life: every step that is not listed is refused.

A match of its line settles a break; all else is people's. Of closed ones nothing is kept in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

from ringfence_kernel.values.ids import ZERO_ID, external_id

from ringfence_custody.reconciliation.domain.errors import BreakTransitionRefused
from ringfence_custody.reconciliation.domain.events import BreakDetected, BreakReopened, BreakStepped


class Side(IntEnum):
    """Where the line stands."""

    BANK = 1
    BOOKS = 2
    STATEMENT = 3
    """No line: a day without its statement, or a statement that is an exception."""
    OWED = 4
    """A transfer by which the platform came to owe money: matched or not, it is to be funded."""


class Kind(StrEnum):
    """What is wrong."""

    TIMING = "TIMING"
    """A payment that the bank has yet to book."""
    OURS = "OURS"
    BANK = "BANK"
    UNIDENTIFIED = "UNIDENTIFIED"
    """Money that came in and that the books lack."""
    SHORTFALL = "SHORTFALL"
    """Clients' money that is not at the bank."""
    EXCESS = "EXCESS"
    """Money at the bank beyond what the books hold for it."""
    EVIDENCE = "EVIDENCE"
    """A statement is missing or an exception: nothing can be said of the day."""


class Status(StrEnum):
    """How far it has come."""

    DETECTED = "DETECTED"
    CLASSIFIED = "CLASSIFIED"
    WAITING = "WAITING"
    MATCHED = "MATCHED"
    ESCALATED = "ESCALATED"
    ASSIGNED = "ASSIGNED"
    CORRECTING = "CORRECTING"
    FUNDED = "FUNDED"
    NOTIFIED = "NOTIFIED"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"
    REOPENED = "REOPENED"


S = Status
STEPS: dict[Status, frozenset[Status]] = {
    S.DETECTED: frozenset({S.CLASSIFIED}),
    S.CLASSIFIED: frozenset({S.WAITING, S.ESCALATED, S.ASSIGNED, S.FUNDED, S.NOTIFIED, S.RESOLVED}),
    S.WAITING: frozenset({S.MATCHED, S.ESCALATED}),
    S.ESCALATED: frozenset({S.ASSIGNED, S.RESOLVED}),
    S.ASSIGNED: frozenset({S.ASSIGNED, S.CORRECTING, S.FUNDED, S.NOTIFIED, S.RESOLVED}),
    S.CORRECTING: frozenset({S.CORRECTING, S.ASSIGNED, S.NOTIFIED, S.RESOLVED}),
    S.FUNDED: frozenset({S.RESOLVED}),
    S.NOTIFIED: frozenset({S.ASSIGNED, S.FUNDED, S.RESOLVED}),
    S.MATCHED: frozenset({S.REOPENED}),
    S.RESOLVED: frozenset({S.CLOSED, S.REOPENED}),
    S.CLOSED: frozenset({S.REOPENED}),
    S.REOPENED: frozenset({S.ASSIGNED, S.RESOLVED}),
}
ONLY_OF: dict[Status, frozenset[Kind]] = {
    S.WAITING: frozenset({Kind.TIMING}),
    S.FUNDED: frozenset({Kind.SHORTFALL}),
    S.NOTIFIED: frozenset({Kind.SHORTFALL}),
    S.CORRECTING: frozenset(Kind) - {Kind.EVIDENCE},
}
SETTLED = frozenset({S.MATCHED, S.RESOLVED, S.CLOSED})
"""Nothing is open about it any more."""
GONE = frozenset({S.MATCHED, S.CLOSED})
"""It has left memory; reading and reopening it goes by its table."""


@dataclass(frozen=True, slots=True)
class Break:
    """One disagreement; days since 1970-01-01, times UTC nanoseconds.

    `day` is that of its line, `due_day` that by whose end it is to be settled. `reference` is a match, a transfer, or a
    statement that its last step rests on.
    """

    id: bytes
    book: bytes
    mirror: bytes
    side: Side
    line: bytes
    kind: Kind
    ledger: int
    amount_minor: int
    incoming: bool
    day: int
    detected_day: int
    due_day: int
    status: Status = Status.DETECTED
    assignee: bytes = ZERO_ID
    reference: bytes = ZERO_ID
    note: str = ""
    stepped_ns: int = 0

    @property
    def is_open(self) -> bool:
        """Tells whether it stands between a day and its signature."""
        return self.status not in SETTLED

    def require_step(self, status: Status) -> None:
        """Raises BreakTransitionRefused for a step that it may not go."""
        because = ""
        if status not in STEPS[self.status]:
            because = "no such step"
        elif self.kind not in ONLY_OF.get(status, frozenset(Kind)):
            because = f"not of kind {self.kind}"
        if because:
            raise BreakTransitionRefused(**{"from": self.status.value, "to": status.value, "because": because})


def break_id(book: bytes, mirror: bytes, side: Side, line: bytes) -> bytes:
    """Returns the id of the break of a line, the same however often it is found."""
    return external_id("reconciliation-break", book, f"{mirror.hex()}/{side.name}/{line.hex()}")


def day_line(day: int) -> bytes:
    """Returns what stands for the line of a day without its statement."""
    return day.to_bytes(16, "big", signed=True)


def begun(identifier: bytes, event: BreakDetected | BreakReopened, status: Status, note: str, now_ns: int) -> Break:
    """Returns a break as it begins, for the first time or again."""
    return Break(
        identifier,
        event.book,
        event.mirror,
        Side(event.side),
        event.line,
        Kind(event.kind),
        event.ledger,
        event.amount_minor,
        event.incoming,
        event.day,
        event.detected_day,
        event.due_day,
        status,
        note=note,
        stepped_ns=now_ns,
    )


def gone_on(before: Break, event: BreakStepped, now_ns: int) -> Break:
    """Returns a break after a step."""
    return replace(
        before,
        status=Status(event.status),
        assignee=event.assignee,
        reference=event.reference,
        note=event.note,
        stepped_ns=now_ns,
    )
