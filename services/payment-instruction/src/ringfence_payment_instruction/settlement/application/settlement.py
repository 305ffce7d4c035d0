"""The custody lane: posts, reserves, confirms and releases money, each instruction under its own transfer ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.settlement.application.ports import Custody
from ringfence_payment_instruction.settlement.domain.errors import (
    BookAccountMissing,
    LedgerContradiction,
    OwnerStandingUnsettled,
    ResultUnknown,
)
from ringfence_payment_instruction.settlement.domain.settling import (
    CUSTODY_STAGES,
    MirrorMissing,
    bar,
    barred,
    corrects,
    may_be_corrected,
    may_be_unreserved,
    plan,
    transferred,
)
from ringfence_payment_instruction.settlement.domain.transfers import CORRECTED, PlannedTransfer
from ringfence_payment_instruction.standing.application.stops import Stops
from ringfence_payment_instruction.standing.domain.errors import PaymentStopped
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.domain.errors import AuthorisationRefused
from ringfence_payment_instruction.submissions.domain.status import Stage
from ringfence_payment_instruction.submissions.domain.submission import Submission

Asked = dict[int, tuple[int, PlannedTransfer]]  # index -> stage and transfer


@dataclass(frozen=True, slots=True)
class SettlementWork:
    """Takes a submission's instructions through custody, under the authorisation that came with it."""

    submissions: Submissions
    custody: Custody
    stops: Stops

    def has_work(self, stream: bytes) -> bool:
        """Tells whether a submission has instructions that custody must act on."""
        submission = self.submissions.state.submission(stream)
        return submission is not None and any(submission.stages.find(stage) >= 0 for stage in CUSTODY_STAGES)

    async def handle(self, stream: bytes) -> None:
        """Asks custody and records its results.

        Raises CustodyUnavailable, AuthorisationRefused, BookAccountMissing, LedgerContradiction, ResultUnknown,
        OwnerStandingUnsettled, PaymentStopped, ScreeningListStale, StandingStale; whatever could be done has been
        recorded by then.
        """
        submission = self.submissions.state.known(stream)
        asked, missing = await self._plan(submission)
        unresolved: frozenset[str] = frozenset()
        if asked:
            results = await self._corrected(submission, await self._ask(submission, asked))

            def command(unit: Unit) -> frozenset[str]:
                events, reasons = transferred(submission, results)
                self.submissions.record(unit, stream, events)
                return reasons

            unresolved = await self.submissions.writer.commit(command, weight=len(results))
        if ResultUnknown.reason in unresolved:
            raise ResultUnknown
        if LedgerContradiction.reason in unresolved:
            raise LedgerContradiction
        if unresolved:
            raise OwnerStandingUnsettled
        if missing:
            raise BookAccountMissing
        rows = list(submission.at_stage(Stage.TRANSFER))
        self.stops.require_known(submission, rows)
        if any(self.stops.cause(submission, index) for index in rows):
            raise PaymentStopped

    async def _ask(self, submission: Submission, asked: Asked) -> dict[int, tuple[int, str]]:
        """Returns custody's results: what rests on the platform's authorisation is refused once that has ended.

        What the bank has decided does not wait for it.
        """
        results: dict[int, tuple[int, str]] = {}
        evidenced = {index: each for index, each in asked.items() if each[1].evidence is not None}
        others = {index: each for index, each in asked.items() if index not in evidenced}
        doubtful = {index: each for index, each in evidenced.items() if may_be_unreserved(submission, index)}
        if doubtful:
            names = await self.custody.book_evidence(submission.tenant, [bar(each) for _, each in doubtful.values()])
            for (index, (stage, _)), name in zip(doubtful.items(), names, strict=True):
                if found := barred(submission, index, name):
                    results[index] = stage, found
                    del evidenced[index]
        if evidenced:
            names = await self.custody.book_evidence(submission.tenant, [each for _, each in evidenced.values()])
            results |= _by_index(evidenced, names)
        if others:
            token = submission.received.authorisation
            try:
                names = await self.custody.create_transfers(
                    submission.tenant, token, [each for _, each in others.values()]
                )
            except AuthorisationRefused:
                if not results:
                    raise
                return results
            results |= _by_index(others, names)
        return results

    async def _corrected(
        self, submission: Submission, said: Mapping[int, tuple[int, str]]
    ) -> dict[int, tuple[int, str]]:
        """Returns custody's results, with those replaced that people have put right by a correction."""
        results = dict(said)
        for index, (stage, name) in said.items():
            if may_be_corrected(stage, name):
                found = await self.custody.corrections(submission.tenant, submission.instruction_id(index))
                if any(corrects(submission, index, each) for each in found):
                    results[index] = stage, CORRECTED
        return results

    async def _plan(self, submission: Submission) -> tuple[Asked, bool]:
        """Returns what to ask for, and whether some cannot be asked for, for want of a bank mirror."""
        asked, missing = await self._plan_with(submission, {})
        for fresh in (False, True):
            if missing:
                accounts = await self.custody.book_accounts(submission.tenant, fresh=fresh)
                asked, missing = await self._plan_with(submission, accounts.mirrors)
        return asked, missing

    async def _plan_with(self, submission: Submission, mirrors: Mapping[int, bytes]) -> tuple[Asked, bool]:
        """Plans in the writer's order: what custody does is for good, so it must rest on what is committed."""

        def command(unit: Unit) -> tuple[Asked, bool]:
            asked: Asked = {}
            missing = False
            for stage in CUSTODY_STAGES:
                for index in submission.at_stage(stage):
                    if stage == Stage.TRANSFER and self.stops.cause(submission, index):
                        continue
                    try:
                        asked[index] = stage, plan(submission, index, mirrors)
                    except MirrorMissing:
                        missing = True
            return asked, missing

        return await self.submissions.writer.commit(command)


def _by_index(asked: Asked, names: Sequence[str]) -> dict[int, tuple[int, str]]:
    return {index: (stage, name) for (index, (stage, _)), name in zip(asked.items(), names, strict=True)}
