"""The submissions' streams, life cycle and commit: whoever decides about an instruction has it recorded here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from ringfence_kernel.writing.looking_up import while_current
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_payment_instruction.submissions.application.ports import Archive
from ringfence_payment_instruction.submissions.domain.events import SubmissionRefused
from ringfence_payment_instruction.submissions.domain.past import Asked, Past
from ringfence_payment_instruction.submissions.domain.state import State
from ringfence_payment_instruction.submissions.domain.submission import Submission

MOST_ROWS = 65_536
"""Closed rows that one request may have in memory, some 500 bytes each; a submission has 8,190 at most."""
Decider = Callable[[Submission], Iterable[Any]]
Reply = TypeVar("Reply")


@dataclass(frozen=True, slots=True)
class Submissions:
    """Lets others decide on submissions as they stand, and records what they decide. Nobody else does."""

    writer: GroupWriter
    state: State
    archive: Archive

    async def decide(self, stream: bytes, decider: Decider, weight: int = 1) -> None:
        """Records what is decided on one open submission; returns after the commit.

        One that has left memory is closed: there is nothing to decide by oneself.
        """

        def command(unit: Unit) -> None:
            submission = self.state.submission(stream)
            if submission is not None:
                self.record(unit, stream, decider(submission))

        await self.writer.commit(command, weight=weight)

    async def decide_by_time(
        self, stream: bytes, decider: Callable[[Submission, int], Iterable[Any]], weight: int = 1
    ) -> None:
        """Records what the time of the decision brings to one open submission, in UTC nanoseconds; as `decide`."""

        def command(unit: Unit) -> None:
            submission = self.state.submission(stream)
            if submission is not None:
                self.record(unit, stream, decider(submission, unit.now_ns))

        await self.writer.commit(command, weight=weight)

    async def earlier(self, stream: bytes, past: Past) -> Submission | SubmissionRefused | None:
        """Returns what was handed in under a stream, as far as it is committed and was looked up.

        It saves work on what is sent again; only a decision tells for sure that a submission is new.
        """
        state = self.state
        if stream in state.submissions or stream in state.refused_files:
            return await self.writer.commit(lambda unit: state.submission(stream) or state.refused_files.get(stream))
        return past.submissions.get(stream) or past.refused_files.get(stream)

    async def knowing(
        self,
        asked: Asked,
        command: Callable[[Unit], Reply],
        *,
        past: Past | None = None,
        most_rows: int | None = None,
        weight: int = 1,
    ) -> Reply:
        """Runs a decision that asks about what was handed in at any time, however long ago it has closed.

        `past` is what was looked up for it already. Returns its reply after the commit; raises Overloaded,
        StoreUnavailable, and TooManyRows before it decides where the closed submissions have more rows.
        """
        looks = [past] if past is not None else []

        async def attempt() -> Reply:
            found = looks.pop() if looks else await self.look_up(asked, most_rows)
            return await self.writer.commit(partial(self._recalling, found, command), weight=weight)

        return await while_current(attempt)

    async def look_up(self, asked: Asked, most_rows: int | None = None) -> Past:
        """Returns what `knowing` lends to a decision; raises TooManyRows."""
        named = asked.named_streams()
        held = self._held(named)
        if self.state.has_all(asked):
            return Past(None, held=held)
        past = await asyncio.to_thread(self._read, asked.keys, sorted(named - held), most_rows)
        more = {ref.stream for ref in past.refs.values() if not asked.keys_only} - named
        also_held = self._held(more)
        submissions, refused = dict(past.submissions), dict(past.refused_files)
        if wanted := sorted(more - also_held):
            found = await asyncio.to_thread(self.archive.load, wanted, most_rows)
            submissions |= found[0]
            refused |= found[1]
        return replace(past, submissions=submissions, refused_files=refused, held=held | also_held)

    def _held(self, streams: Iterable[bytes]) -> frozenset[bytes]:
        return frozenset(stream for stream in streams if stream in self.state.submissions)

    def _read(self, keys: Sequence[bytes], streams: Sequence[bytes], most_rows: int | None) -> Past:
        past = self.archive.look_up(keys)
        submissions, refused = self.archive.load(streams, most_rows)
        return replace(past, submissions=submissions, refused_files=refused)

    def _recalling(self, past: Past, command: Callable[[Unit], Reply], unit: Unit) -> Reply:
        with self.state.recalling(past):
            return command(unit)

    def record(self, unit: Unit, stream: bytes, transitions: Iterable[Any]) -> None:
        """Records transitions within a decision that is under way, beside whatever else it records."""
        submission = self.state.submission(stream)
        if submission is not None:
            unit.resume(stream, submission.version)
        unit.record_all(stream, transitions)
