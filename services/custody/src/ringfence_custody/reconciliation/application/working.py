"""The lane that reconciles: looks for matches beside the writer, records those that still hold, and finds breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from ringfence_kernel.values.business_days import CalendarYearMissing
from ringfence_kernel.values.columns import pack
from ringfence_kernel.values.ids import ZERO_ID, external_id
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_custody.reconciliation.application.noting import lines_stream
from ringfence_custody.reconciliation.application.ports import Days
from ringfence_custody.reconciliation.application.recording import Pairs, portions, record_matches
from ringfence_custody.reconciliation.application.steps import detect, step
from ringfence_custody.reconciliation.domain.assessing import (
    GRACE_NS,
    MOST_AT_A_TIME,
    Disagreement,
    disagreements,
)
from ringfence_custody.reconciliation.domain.breaks import Break, Kind, Side, Status, break_id, day_line
from ringfence_custody.reconciliation.domain.events import MatchesSuggested
from ringfence_custody.reconciliation.domain.lines import id_bytes
from ringfence_custody.reconciliation.domain.matching import TOLD, Task, match, suggest
from ringfence_custody.reconciliation.domain.mirror import Mirror
from ringfence_custody.reconciliation.domain.rules import RULES, Stage
from ringfence_custody.reconciliation.domain.state import MirrorKey, State

View = tuple[int, int, bool]
"""What a mirror's work depends on: its revision, the day, and whether posts are waited for."""
PAIRS_PER_WEIGHT = 8
MOST_SUGGESTIONS = 1_000
MISSING_AT_ONCE = 31
S = Status
LATE = frozenset({S.CLASSIFIED, S.ASSIGNED, S.CORRECTING})
"""States in which a shortfall that is not funded by the end of its day is notified."""


@dataclass(slots=True)
class Reconciling:
    """Works on each mirror on which something has changed, or on which a time is over."""

    writer: GroupWriter
    state: State
    days: Days
    looked: Callable[[], None] = lambda: None
    """Called when mirrors were looked at, whether or not there was something to record."""
    _seen: dict[MirrorKey, View] = field(default_factory=dict)
    _suggested: dict[MirrorKey, bytes] = field(default_factory=dict)

    async def run_once(self) -> None:
        """Works once on all mirrors that call for it; raises StoreUnavailable.

        A year that a calendar does not list keeps the mirrors waiting that need it, and no others.
        """
        changed = await self.writer.between_groups(self._changed)
        for key, seen in changed:
            with suppress(CalendarYearMissing):
                await self._work(key, seen)
        if changed:
            self.looked()

    def _changed(self) -> list[tuple[MirrorKey, View]]:
        """Returns the mirrors of which a bank has told, and that are not as they were when there was nothing to do."""
        views = ((key, self._view(mirror)) for key, mirror in self.state.mirrors.items() if mirror.is_started)
        return [(key, view) for key, view in views if view != self._seen.get(key)]

    async def _work(self, key: MirrorKey, seen: View) -> None:
        await self.writer.commit(lambda unit: self._note_owed(unit, key))
        matched = await self._match(key)
        await self._suggest(key)
        is_all, by = await self.writer.commit(lambda unit: self._assess(unit, key))
        if is_all:
            self.state.mirrors[key].assessed = by
        if is_all and not matched:
            self._seen[key] = seen

    async def _match(self, key: MirrorKey) -> int:
        task = await self.writer.between_groups(lambda: self._task(key))
        if task is None:
            return 0
        found, matched = await asyncio.to_thread(match, task), 0
        for pairs in portions(task, found):
            matched += await self.writer.commit(partial(self._record, key, pairs), weight=_weight(pairs))
        return matched

    def _task(self, key: MirrorKey) -> Task | None:
        """Returns what is to be matched, None where a bank has booked nothing that is open: news waits."""
        mirror = self.state.mirrors[key]
        rows = mirror.bank.rows
        return mirror.task() if ((rows["state"] != TOLD) & (rows["open"] > 0)).any() else None

    def _record(self, key: MirrorKey, pairs: Pairs, unit: Unit) -> int:
        return record_matches(unit, self.state, self.state.mirrors[key], pairs)

    def _record_suggestions(self, key: MirrorKey, pairs: Pairs, unit: Unit) -> int:
        return record_suggestions(unit, self.state.mirrors[key], pairs)

    def _view(self, mirror: Mirror) -> View:
        return mirror.revision, self.days.today(mirror.ledger), self._posts_wait(mirror, self.writer.clock.now_ns())

    @staticmethod
    def _posts_wait(mirror: Mirror, now_ns: int) -> bool:
        return mirror.statement is not None and now_ns < mirror.statement.noted_ns + GRACE_NS

    async def _suggest(self, key: MirrorKey) -> None:
        """Looks for sums once per statement, among the lines that it should have settled."""
        statement = await self.writer.between_groups(lambda: self.state.mirrors[key].statement)
        if statement is None or self._suggested.get(key) == statement.telling:
            return
        last_day = statement.last_day
        task = await self.writer.between_groups(lambda: self.state.mirrors[key].task(last_day))
        found = await asyncio.to_thread(suggest, task)
        for pairs in portions(task, found):
            await self.writer.commit(partial(self._record_suggestions, key, pairs))
        self._suggested[key] = statement.telling

    def _note_owed(self, unit: Unit, key: MirrorKey) -> None:
        """Records what the platform has come to owe by what the bank took, and what it owes no more."""
        mirror, owed = self.state.mirrors[key], self.state.owed_on(*key)
        for line, each in owed.items():
            if not self._is_known(mirror, Side.OWED, line):
                found = Disagreement(Side.OWED, line, Kind.SHORTFALL, -each.missing_minor, each.day)
                detect(unit, mirror, found, self.days)
        for known in list(self.state.breaks.values()):
            is_owed = (known.book, known.mirror) == key and known.side is Side.OWED
            if is_owed and known.is_open and known.line not in owed:
                step(unit, known, S.RESOLVED)

    def _assess(self, unit: Unit, key: MirrorKey) -> tuple[bool, bytes]:
        """Records new breaks, and what time does to old ones; tells whether that was all, and by which statement."""
        mirror = self.state.mirrors[key]
        others = [each for other, each in self.state.mirrors.items() if other[0] == key[0] and each is not mirror]
        found = disagreements(
            mirror,
            others,
            lambda side, line: self._is_known(mirror, side, line),
            self._posts_wait(mirror, unit.now_ns),
        )
        for disagreement in (*found, *self._missing(mirror)):
            detect(unit, mirror, disagreement, self.days)
        for each in list(self.state.breaks.values()):
            if (each.book, each.mirror) == key:
                self._age(unit, mirror, each)
        return len(found) < MOST_AT_A_TIME, mirror.statement.telling if mirror.statement else ZERO_ID

    def _is_known(self, mirror: Mirror, side: Side, line: bytes) -> bool:
        return break_id(mirror.book, mirror.id, side, line) in self.state.breaks

    def _missing(self, mirror: Mirror) -> list[Disagreement]:
        """Returns the business days that a statement should have told of by now; the day after it is still in time."""
        if mirror.statement is None:
            return []
        found, today = list[Disagreement](), self.days.today(mirror.ledger)
        day = self.days.next_business_day(mirror.ledger, mirror.statement.last_day)
        while len(found) < MISSING_AT_ONCE and self.days.next_business_day(mirror.ledger, day) < today:
            if not self._is_known(mirror, Side.STATEMENT, day_line(day)):
                found.append(Disagreement(Side.STATEMENT, day_line(day), Kind.EVIDENCE, 0, day))
            day = self.days.next_business_day(mirror.ledger, day)
        return found

    def _age(self, unit: Unit, mirror: Mirror, each: Break) -> None:
        """Takes the steps that time takes: once, whenever it is looked."""
        is_late = self.days.today(mirror.ledger) > each.due_day
        statement = mirror.statement
        if each.status is S.WAITING and (is_late or (statement and statement.noted_ns > each.stepped_ns)):
            step(unit, each, S.ESCALATED)
        elif each.kind is Kind.SHORTFALL and each.status in LATE and is_late:
            step(unit, each, S.NOTIFIED)
        elif each.kind is not Kind.SHORTFALL and each.status is S.CLASSIFIED and is_late:
            step(unit, each, S.ESCALATED)


def record_suggestions(unit: Unit, mirror: Mirror, pairs: Pairs, scores: Sequence[int] = ()) -> int:
    """Records those that are not known; returns how many. Scores are percent, one per pair, else those of the rule."""
    groups: dict[int, list[tuple[bytes, bytes]]] = {}
    for row, group in enumerate(pairs.groups.tolist()):
        pair = id_bytes(pairs.movements[row : row + 1]), id_bytes(pairs.transfers[row : row + 1])
        groups.setdefault(group, []).append(pair)
    rows: list[tuple[bytes, bytes, bytes, int, int]] = []
    stages = dict(zip(pairs.groups.tolist(), pairs.stages.tolist(), strict=True))
    stream = lines_stream(mirror.book, mirror.id)
    room = MOST_SUGGESTIONS - len(mirror.suggestions)
    for number, (group, its) in enumerate(groups.items()):
        name = external_id("suggestion", stream, "".join(one.hex() + other.hex() for one, other in its))
        if name in mirror.suggestions or room <= 0 or any(pair in mirror.vetoes for pair in its):
            continue
        room -= 1
        rule = RULES[Stage(stages[group])]
        confidence = scores[number] if scores else rule.confidence
        rows += [(name, one, other, stages[group], confidence) for one, other in its]
    if rows:
        names, movements, transfers, kinds, confidences = zip(*rows, strict=True)
        versions = pack("I", [RULES[Stage(each)].version for each in kinds])
        unit.record(
            stream,
            MatchesSuggested(
                mirror.book,
                mirror.id,
                b"".join(names),
                b"".join(movements),
                b"".join(transfers),
                bytes(kinds),
                versions,
                bytes(confidences),
            ),
        )
    return len({each[0] for each in rows})


def _weight(pairs: Pairs) -> int:
    return 1 + len(pairs) // PAIRS_PER_WEIGHT
