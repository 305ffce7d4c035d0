"""The pipeline: looks after every commit, and after a restart, which work there is, and has it done."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from ringfence_kernel.service.lanes import Lane, Work, offer_all
from ringfence_kernel.service.signal import Signal
from ringfence_kernel.values.recorded import Recorded

from ringfence_payment_instruction.submissions.application.deadlines import Deadlines
from ringfence_payment_instruction.submissions.application.personal import PersonalData
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.domain.transitions import waits

SWEEP_SECONDS = 5.0


@dataclass(slots=True)
class Pipeline:
    """All lanes together. Work is found in the state, so nothing is lost when a process ends in the middle."""

    submissions: Submissions
    personal: PersonalData
    deadlines: Deadlines
    committed: Signal
    work: Mapping[str, Work]
    wakes_on: tuple[type, ...] = ()
    looks_again_on: tuple[type, ...] = ()
    lanes: Sequence[Lane] = field(init=False)
    _open: set[bytes] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        """Makes a lane of each kind of work.

        Events of `wakes_on` end the pauses of all of them; those of `looks_again_on` may make work of any submission.
        """
        self.lanes = [Lane(name, each, partial(self._note, name)) for name, each in self.work.items()]
        self.submissions.writer.subscribe(self._committed)

    def start(self, streams: Iterable[bytes]) -> None:
        """Finds the work that the state calls for, whoever made it, and forgets what was found in an earlier term."""
        self._open.clear()
        for lane in self.lanes:
            lane.clear()
        self.personal.forget_all()
        for stream in streams:
            self._look_at(stream)

    async def run(self) -> None:
        """Works until cancelled; sweeps now and then, for work that a failed commit brought back."""
        async with asyncio.TaskGroup() as group:
            for lane in self.lanes:
                group.create_task(lane.run())
            group.create_task(self._sweep())

    @property
    def is_idle(self) -> bool:
        """Tells whether no lane has anything to do."""
        return all(lane.is_idle for lane in self.lanes)

    def _committed(self, recorded: list[Recorded]) -> None:
        for stream in dict.fromkeys(each.stream for each in recorded):
            self._look_at(stream)
        if any(isinstance(each.event, self.wakes_on) for each in recorded):
            for lane in self.lanes:
                lane.wake()
        if any(isinstance(each.event, self.looks_again_on) for each in recorded):
            for stream in self.submissions.state.streams():
                self._look_at(stream)
        self.committed.ring()

    def _look_at(self, stream: bytes) -> None:
        if any(lane.has_work(stream) for lane in self.lanes):
            self._open.add(stream)
            offer_all(self.lanes, stream)
        else:
            self._open.discard(stream)
        submission = self.submissions.state.submission(stream)
        if submission is None or submission.is_closed():
            # Nothing on the way needs what was remembered in clear.
            self.personal.forget(stream)
        self.deadlines.look_at(stream)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.personal.expire()
            for stream in list(self._open):
                offer_all(self.lanes, stream)

    async def _note(self, lane: str, stream: bytes, reason: str) -> None:
        if self.submissions.state.submission(stream) is not None:
            await self.submissions.decide(stream, lambda submission: waits(submission, lane, reason))
