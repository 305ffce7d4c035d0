"""Looking up what decides whether payments that passed screening wait for a second person."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from ringfence_kernel.values.clock import Clock
from ringfence_kernel.values.errors import DomainError

from ringfence_payment_instruction.limits.application.ports import MOST_EACH, Funds, Question, RecentPayments
from ringfence_payment_instruction.limits.domain.deciding import Findings, Holding, Review
from ringfence_payment_instruction.submissions.application.submissions import MOST_ROWS, Submissions
from ringfence_payment_instruction.submissions.domain.past import Asked, InstructionRef, TooManyRows
from ringfence_payment_instruction.submissions.domain.status import CAME_TO_NOTHING
from ringfence_payment_instruction.submissions.domain.submission import Submission, slot
from ringfence_payment_instruction.submissions.domain.tallies import day_of


class Looked(NamedTuple):
    """How rows that pass are decided on, and why some of them cannot be yet."""

    review: Review
    missing: DomainError | None = None


@dataclass(frozen=True, slots=True)
class Reviewing:
    """Reviews payments by limits, by what was ordered lately, and by funds; `duplicate_days` of 0 looks at no past."""

    submissions: Submissions
    holding: Holding
    recent: RecentPayments
    funds: Funds
    clock: Clock
    duplicate_days: int

    async def look_up(self, submission: Submission, rows: Sequence[int]) -> Looked:
        """Returns what decides on rows. Funds are asked for where a row seems to be held; errors wait in the answer."""
        duplicates = await self._duplicates(submission, rows)
        held = self.holding.reasons(submission, rows, duplicates, self.clock.now_ns())
        accounts = {slot(submission.debtor_accounts, index) for index, reason in held.items() if reason}
        missing = None
        findings = Findings(duplicates, {}, frozenset())
        if accounts:
            try:
                token = submission.received.authorisation
                available = await self.funds.available_minor(submission.tenant, token, accounts)
                findings = Findings(duplicates, available, accounts)
            except DomainError as error:
                missing = error
        return Looked(partial(self.holding.steps, findings=findings), missing)

    async def _duplicates(self, submission: Submission, rows: Sequence[int]) -> Collection[int]:
        """Returns the rows that pay what was ordered lately under another submission, and has not come to nothing.

        What was ordered before a row was committed before it, and stands in the table: no decision is ahead of it.
        """
        prints = {index: print_ for index in rows if (print_ := submission.fingerprint(index))}
        if not (prints and self.duplicate_days):
            return frozenset()
        from_day = day_of(submission.received_ns) - self.duplicate_days
        question = Question(list(prints.values()), submission.position, from_day)
        found = await asyncio.to_thread(self.recent.look_up, question)
        if not found:
            return frozenset()
        alive = await self._alive({ref for refs in found.values() for ref in refs})
        paid = {each for each, refs in found.items() if len(refs) == MOST_EACH or any(ref in alive for ref in refs)}
        return {index for index, print_ in prints.items() if print_ in paid}

    async def _alive(self, refs: Collection[InstructionRef]) -> Collection[InstructionRef]:
        """Returns the payments that have not come to nothing; all of them where they are too many to look at."""
        asked = Asked(streams=sorted({ref.stream for ref in refs}))
        try:
            return await self.submissions.knowing(
                asked, lambda unit: set(filter(self._is_alive, refs)), most_rows=MOST_ROWS
            )
        except TooManyRows:
            return refs

    def _is_alive(self, ref: InstructionRef) -> bool:
        submission = self.submissions.state.known(ref.stream)
        return submission.statuses[ref.index] not in CAME_TO_NOTHING
