"""Takes in what payment-instruction says of banks' movements and statements, with the place in its feed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from ringfence_kernel.store.recorder import Within
from ringfence_kernel.values.columns import split_ids, unpack
from ringfence_kernel.values.ids import ID_BYTES, external_id
from ringfence_kernel.writing.looking_up import while_current
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_custody.reconciliation.application.ports import Days, MatchedAmounts, Matches
from ringfence_custody.reconciliation.application.steps import detect, step
from ringfence_custody.reconciliation.domain.assessing import Disagreement
from ringfence_custody.reconciliation.domain.breaks import SETTLED, Kind, Side, Status, break_id, day_line
from ringfence_custody.reconciliation.domain.events import BankLinesNoted, StatementNoted
from ringfence_custody.reconciliation.domain.lines import words_of
from ringfence_custody.reconciliation.domain.mirror import INCOMING
from ringfence_custody.reconciliation.domain.state import State

Columns = dict[str, bytes]
_WIDTHS = {
    "movement_ids": ID_BYTES,
    "states": 1,
    "days": 4,
    "amounts_minor": 8,
    "marks": 1,
    "keys": ID_BYTES,
    "references": ID_BYTES,
    "part_counts": 4,
}


@dataclass(frozen=True, slots=True)
class ExceptionFact:
    """A statement posts nothing until people have worked it off; `last_day` is 0 where it is not known."""

    book: bytes
    mirror: bytes
    telling: bytes
    last_day: int


@dataclass(frozen=True, slots=True)
class WorkedOffFact:
    """They have."""

    book: bytes
    mirror: bytes
    telling: bytes


Fact = BankLinesNoted | StatementNoted | ExceptionFact | WorkedOffFact


def lines_stream(book: bytes, mirror: bytes) -> bytes:
    """Returns the stream of what is said of a mirror."""
    return external_id("reconciliation", book, mirror.hex())


@dataclass(frozen=True, slots=True)
class Noting:
    """Takes in facts; what has left memory is looked up before, so that news of it is not taken for something new."""

    writer: GroupWriter
    state: State
    matches: Matches
    days: Days

    async def note(self, facts: Sequence[Fact], save_cursor: Within) -> None:
        """Takes in a page of payment-instruction's feed and, in the same transaction, the cursor after it."""

        async def attempt() -> None:
            looked_up = [await self._look_up(fact) for fact in facts]

            def decide(unit: Unit) -> None:
                for fact, known in zip(facts, looked_up, strict=True):
                    if (fact.book, fact.mirror) in self.state.mirrors:
                        self._take(unit, fact, known)
                unit.commit_also(save_cursor)

            await self.writer.commit(decide, weight=1 + sum(map(_weight, facts)))

        await while_current(attempt)

    async def _look_up(self, fact: Fact) -> MatchedAmounts | None:
        if not isinstance(fact, BankLinesNoted):
            return None
        movements = split_ids(fact.movement_ids)
        return await asyncio.to_thread(self.matches.amounts, fact.book, fact.mirror, movements)

    def _take(self, unit: Unit, fact: Fact, known: MatchedAmounts | None) -> None:
        stream = lines_stream(fact.book, fact.mirror)
        if isinstance(fact, BankLinesNoted):
            if known is not None:
                self.state.require_as_of(known.position)
            for event in self._fresh(fact, known):
                unit.record(stream, event)
        elif isinstance(fact, StatementNoted):
            unit.record(stream, fact)
            self._resolve_days(unit, fact)
        elif isinstance(fact, ExceptionFact):
            self._except(unit, fact)
        else:
            self._settle(unit, break_id(fact.book, fact.mirror, Side.STATEMENT, fact.telling), fact.telling)

    def _fresh(self, event: BankLinesNoted, known: MatchedAmounts | None) -> Iterator[BankLinesNoted]:
        """Yields what is new: of a movement that was matched only by how much its amount has changed since.

        A movement stands once in each event.
        """
        mirror = self.state.mirror(event.book, event.mirror)
        ids = split_ids(event.movement_ids)
        is_open = mirror.bank.find(words_of(ids)) >= 0
        amounts, marks = list(unpack("Q", event.amounts_minor)), bytearray(event.marks)
        rounds: list[dict[bytes, int]] = []
        for row, movement in enumerate(ids):
            matched = known.amounts.get(movement) if known is not None and not is_open[row] else None
            if matched is not None:
                signed = (amounts[row] if marks[row] & INCOMING else -amounts[row]) - matched
                if signed == 0:
                    continue
                amounts[row] = abs(signed)
                marks[row] = (marks[row] & ~INCOMING) | (INCOMING if signed > 0 else 0)
            for once in rounds:
                if movement not in once:
                    once[movement] = row
                    break
            else:
                rounds.append({movement: row})
        packed = replace(event, amounts_minor=np.array(amounts, ">u8").tobytes(), marks=bytes(marks))
        for once in rounds:
            yield packed if len(once) == len(ids) else _rows_of(packed, list(once.values()))

    def _resolve_days(self, unit: Unit, fact: StatementNoted) -> None:
        for each in list(self.state.breaks.values()):
            of_mirror = (each.book, each.mirror) == (fact.book, fact.mirror) and each.side is Side.STATEMENT
            if of_mirror and each.line == day_line(each.day) and fact.first_day <= each.day <= fact.last_day:
                self._settle(unit, each.id, fact.telling)

    def _except(self, unit: Unit, fact: ExceptionFact) -> None:
        mirror = self.state.mirror(fact.book, fact.mirror)
        if break_id(fact.book, fact.mirror, Side.STATEMENT, fact.telling) not in self.state.breaks:
            day = fact.last_day or self.days.today(mirror.ledger)
            detect(unit, mirror, Disagreement(Side.STATEMENT, fact.telling, Kind.EVIDENCE, 0, day), self.days)

    def _settle(self, unit: Unit, identifier: bytes, reference: bytes) -> None:
        found = self.state.breaks.get(identifier)
        if found is not None and found.status not in SETTLED:
            step(unit, found, Status.RESOLVED, reference=reference)


def _weight(fact: Fact) -> int:
    return len(fact.movement_ids) // ID_BYTES if isinstance(fact, BankLinesNoted) else 1


def _rows_of(event: BankLinesNoted, rows: list[int]) -> BankLinesNoted:
    """Returns some rows of an event, with their parts."""
    columns: Columns = {
        name: b"".join(getattr(event, name)[row * width : (row + 1) * width] for row in rows)
        for name, width in _WIDTHS.items()
    }
    counts, starts = unpack("I", event.part_counts), [0]
    for count in counts:
        starts.append(starts[-1] + count)
    for name, width in (("part_amounts_minor", 8), ("part_references", ID_BYTES)):
        column = getattr(event, name)
        columns[name] = b"".join(column[starts[row] * width : starts[row + 1] * width] for row in rows)
    return replace(event, **columns)
