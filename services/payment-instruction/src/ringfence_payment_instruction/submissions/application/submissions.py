"""The state and its one writer, with the few ways in which handlers use them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_payment_instruction.submissions.domain.state import State
from ringfence_payment_instruction.submissions.domain.submission import Submission

Reply = TypeVar("Reply")


@dataclass(frozen=True, slots=True)
class Desk:
    """Decides and records; a reply is given after the commit, and so is a read."""

    writer: GroupWriter
    state: State

    async def commit(self, decide: Callable[[Unit], Reply], weight: int = 1) -> Reply:
        """Runs a pure decision in the writer's order and returns its reply after the commit."""
        reply: Reply = await self.writer.commit(decide, weight=weight)
        return reply

    async def record(self, stream: bytes, decide: Callable[[Submission], Iterable[Any]], weight: int = 1) -> None:
        """Records what is decided on one submission."""

        def command(unit: Unit) -> None:
            record_all(unit, stream, decide(self.state.submissions[stream]))

        await self.commit(command, weight)


def record_all(unit: Unit, stream: bytes, events: Iterable[Any]) -> None:
    """Records events of one stream in order."""
    for event in events:
        unit.record(stream, event)
