"""Takes in what identity's feed says of principals and parties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ringfence_kernel.proposals.application import Proposals, Said
from ringfence_kernel.store.recorder import Within
from ringfence_kernel.writing.endings import Ending
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_payment_instruction.standing.domain.state import STREAM, Standing, StandingFact, State

SAID = {Standing.SUSPENDED: Said.SUSPENDED, Standing.GOOD: Said.ACTIVATED, None: Said.PINNED}
"""What is said of a principal."""


@dataclass(frozen=True, slots=True)
class Noting:
    """Records how principals and parties stand; what somebody proposed who is suspended is void, also for a while."""

    writer: GroupWriter
    state: State
    proposals: Proposals

    async def note(self, facts: Sequence[StandingFact], save_cursor: Within) -> None:
        """Takes in a page of identity's feed and, in the same transaction, the cursor after it.

        Raises Overloaded, StoreUnavailable.
        """

        def command(unit: Unit) -> None:
            for fact in facts:
                if fact.is_of_principal:
                    self.proposals.hear(unit, SAID[fact.standing], Ending(fact.subject, fact.position, fact.at_ns))
            unit.record_all(STREAM, self.state.news(facts))
            unit.commit_also(save_cursor)

        await self.writer.commit(command, weight=1 + len(facts))
