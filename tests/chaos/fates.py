"""What the acknowledged answers say about each transfer, before anybody looks into the books."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from ringfence.ledger import NewTransfer, TransferFlag

from .findings import Finding, Kind
from .journal import Answered, Row

IN_LEDGER = frozenset({"created", "exists"})
OTHER_CONTENT = "exists_with_different_"


@dataclass
class Fate:
    """What was acknowledged of one id: `times` where it stands in the ledger, `refusals` where it does not."""

    stored: NewTransfer
    stands: bool = False
    created: int = 0
    times: set[int] = field(default_factory=set)
    refusals: set[str] = field(default_factory=set)


def fates_of(journal: Sequence[Answered]) -> dict[UUID, Fate]:
    """Returns the fate of every id that was asked for."""
    fates: dict[UUID, Fate] = {}
    for answered in journal:
        for row, status, time_ns, chain_stands in _judged(answered):
            fate = fates.setdefault(row.stored.id, Fate(row.stored))
            if status in IN_LEDGER:
                fate.stands = True
                fate.created += status == "created"
                fate.times.add(time_ns)
            elif chain_stands or status.startswith(OTHER_CONTENT):
                fate.stands = True
            else:
                fate.refusals.add(status)
    return fates


def wrong_answers(journal: Sequence[Answered]) -> Iterator[Finding]:
    """Yields the answers that no run without losses could give."""
    for answered in journal:
        for row, result in zip(answered.rows, answered.results, strict=True):
            right = row.answers | row.again if answered.sent_again else row.answers
            if result.status not in right:
                expected = " or ".join(sorted(right))
                yield Finding(Kind.UNEXPECTED, f"transfer {row.asked.id} was answered {result.status}, not {expected}")


def contradictions(fates: dict[UUID, Fate]) -> Iterator[Finding]:
    """Yields the ids of which two answers cannot both be true."""
    for identifier, fate in fates.items():
        if fate.stands and fate.refusals:
            yield Finding(Kind.CONTRADICTED, f"transfer {identifier} stands and was refused: {fate.refusals}")
        if fate.created > 1:
            yield Finding(Kind.CONTRADICTED, f"transfer {identifier} was acknowledged as created {fate.created} times")
        if len(fate.times) > 1:
            yield Finding(Kind.CONTRADICTED, f"transfer {identifier} was acknowledged with several times: {fate.times}")


def _judged(answered: Answered) -> Iterator[tuple[Row, str, int, bool]]:
    """Yields each row with its answer, and whether its chain stands: then only its first row `exists`."""
    chain_stands = in_chain = False
    for row, result in zip(answered.rows, answered.results, strict=True):
        if not in_chain:
            chain_stands = False
        in_chain = bool(row.asked.flags & TransferFlag.LINKED)
        chain_stands = chain_stands or (in_chain and result.status == "exists")
        yield row, result.status, result.timestamp_ns, chain_stands
