"""The submissions' streams, life cycle and commit: whoever decides about an instruction has it recorded here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_payment_instruction.submissions.domain.state import State
from ringfence_payment_instruction.submissions.domain.submission import Submission

Decider = Callable[[Submission], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class Submissions:
    """Lets others decide on submissions as they stand, and records what they decide. Nobody else does."""

    writer: GroupWriter
    state: State

    async def decide(self, stream: bytes, decider: Decider, weight: int = 1) -> None:
        """Records what is decided on one submission; returns after the commit."""
        await self.writer.commit(
            lambda unit: self.record(unit, stream, decider(self.state.known(stream))), weight=weight
        )

    def record(self, unit: Unit, stream: bytes, transitions: Iterable[Any]) -> None:
        """Records transitions within a decision that is under way, beside whatever else it records."""
        unit.record_all(stream, transitions)
