"""The custody lane: posts, reserves, confirms and releases money, each instruction under its own transfer ids."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.writer import Unit

from ringfence_payment_instruction.application.desk import Desk, record_all
from ringfence_payment_instruction.application.ports import Custody
from ringfence_payment_instruction.domain.errors import BookAccountMissing, LedgerContradiction
from ringfence_payment_instruction.domain.progress import transferred
from ringfence_payment_instruction.domain.status import Stage
from ringfence_payment_instruction.domain.submission import Submission
from ringfence_payment_instruction.domain.transfers import CUSTODY_STAGES, MirrorMissing, PlannedTransfer, plan


@dataclass(frozen=True, slots=True)
class SettlementWork:
    """Takes a submission's instructions through custody, under the authorisation that came with it."""

    desk: Desk
    custody: Custody

    def has_work(self, stream: bytes) -> bool:
        """Tells whether a submission has instructions that custody must act on."""
        submission = self.desk.state.submissions.get(stream)
        return submission is not None and any(submission.stages.find(stage) >= 0 for stage in CUSTODY_STAGES)

    async def handle(self, stream: bytes) -> None:
        """Asks custody and records its results.

        Raises CustodyUnavailable, AuthorisationRefused, BookAccountMissing, LedgerContradiction; whatever could be
        done has been recorded by then.
        """
        submission = self.desk.state.submissions[stream]
        planned, missing = await self._plan(submission)
        contradictions = 0
        if planned:
            token = submission.received.authorisation
            asked = {index: submission.stages[index] for index in planned}
            names = await self.custody.create_transfers(submission.tenant, token, list(planned.values()))
            results = {index: (asked[index], name) for index, name in zip(planned, names, strict=True)}

            def command(unit: Unit) -> int:
                events, unresolved = transferred(submission, results)
                record_all(unit, stream, events)
                return unresolved

            contradictions = await self.desk.commit(command, weight=len(results))
        if contradictions:
            raise LedgerContradiction
        if missing:
            raise BookAccountMissing

    async def _plan(self, submission: Submission) -> tuple[dict[int, PlannedTransfer], bool]:
        """Returns the transfers to ask for, and whether some cannot be planned for want of a bank mirror."""
        planned, missing = await self._plan_with(submission, fresh=False)
        return await self._plan_with(submission, fresh=True) if missing else (planned, False)

    async def _plan_with(self, submission: Submission, *, fresh: bool) -> tuple[dict[int, PlannedTransfer], bool]:
        rows = [index for stage in CUSTODY_STAGES for index in submission.at_stage(stage)]
        leaves = any(
            submission.stages[index] == Stage.TRANSFER and not submission.stays_in_book(index) for index in rows
        )
        mirrors = {}
        if leaves:
            token = submission.received.authorisation
            mirrors = dict((await self.custody.book_accounts(submission.tenant, token, fresh=fresh)).mirrors)
        planned, missing = {}, False
        for index in rows:
            try:
                planned[index] = plan(submission, index, mirrors)
            except MirrorMissing:
                missing = True
        return planned, missing
