"""The custody lane: posts, reserves, confirms and releases money, each instruction under its own transfer ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ringfence_kernel.values.errors import DomainError
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
from ringfence_payment_instruction.settlement.domain.transfers import CORRECTED, PlannedTransfer, TransferKind
from ringfence_payment_instruction.standing.application.stops import Stops
from ringfence_payment_instruction.standing.domain.errors import PaymentStopped
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.domain.status import Stage
from ringfence_payment_instruction.submissions.domain.submission import Submission

Asked = dict[int, tuple[int, PlannedTransfer]]  # index -> stage and transfer
Results = Mapping[int, tuple[int, str]]  # index -> stage asked for and custody's result


@dataclass(frozen=True, slots=True)
class Planned:
    """What to ask custody for, whether some cannot be for want of a bank mirror, and what of identity was known then.

    `identity_position` is how far its feed had been taken in at least: custody, where it knows more, asks again.
    """

    asked: Asked
    is_mirror_missing: bool
    identity_position: int


@dataclass(frozen=True, slots=True)
class SettlementWork:
    """Takes a submission's instructions through custody, under the authorisation that came with it.

    `identity_position` tells how far this service has followed identity, at least.
    """

    submissions: Submissions
    custody: Custody
    stops: Stops
    identity_position: Callable[[], int]

    def has_work(self, stream: bytes) -> bool:
        """Tells whether a submission has instructions that custody must act on."""
        submission = self.submissions.state.submission(stream)
        return submission is not None and any(submission.stages.find(stage) >= 0 for stage in CUSTODY_STAGES)

    async def handle(self, stream: bytes) -> None:
        """Asks custody and records its results: of what the bank has decided before anything else is asked.

        Raises CustodyUnavailable, AuthorisationRefused, BookAccountMissing, LedgerContradiction, ResultUnknown,
        OwnerStandingUnsettled, PaymentStopped, ScreeningListStale, StandingStale; whatever could be done has been
        recorded by then.
        """
        submission = self.submissions.state.known(stream)
        planned = await self._plan(submission)
        evidenced = {index: each for index, each in planned.asked.items() if each[1].evidence is not None}
        ended = await self._bar(submission, evidenced)
        unresolved = await self._record(submission, ended)
        left = {index: each for index, each in evidenced.items() if index not in ended}
        unresolved |= await self._record(submission, await self._book(submission, left))
        try:
            unresolved |= await self._record(submission, await self._create(submission, planned), mirrors_of(planned))
        except DomainError:
            if not unresolved:
                raise
        if ResultUnknown.reason in unresolved:
            raise ResultUnknown
        if LedgerContradiction.reason in unresolved:
            raise LedgerContradiction
        if unresolved:
            raise OwnerStandingUnsettled
        if planned.is_mirror_missing:
            raise BookAccountMissing
        rows = list(submission.at_stage(Stage.TRANSFER))
        self.stops.require_known(submission, rows)
        if any(map(self.stops.now(submission), rows)):
            raise PaymentStopped

    async def _record(
        self, submission: Submission, said: Results, mirrors: Mapping[int, bytes] | None = None
    ) -> frozenset[str]:
        """Records custody's results, and by which mirrors money leaves; returns why rows stay where they are."""
        if not said:
            return frozenset()
        results = await self._corrected(submission, said)

        def command(unit: Unit) -> frozenset[str]:
            events, reasons = transferred(submission, results, mirrors)
            self.submissions.record(unit, submission.stream, events)
            return reasons

        return await self.submissions.writer.commit(command, weight=len(results))

    async def _bar(self, submission: Submission, evidenced: Asked) -> Results:
        """Returns the results of releases for which custody may never have made a transfer, and now will not.

        Those for which it did are left to be voided.
        """
        doubtful = {index: each for index, each in evidenced.items() if may_be_unreserved(submission, index)}
        if not doubtful:
            return {}
        names = await self.custody.book_evidence(submission.tenant, [bar(each) for _, each in doubtful.values()])
        found = {
            index: (doubtful[index][0], barred(submission, index, name))
            for index, name in zip(doubtful, names, strict=True)
        }
        return {index: each for index, each in found.items() if each[1]}

    async def _book(self, submission: Submission, evidenced: Asked) -> Results:
        """Returns the results of what the bank has decided: it waits for nobody's leave."""
        if not evidenced:
            return {}
        names = await self.custody.book_evidence(submission.tenant, [each for _, each in evidenced.values()])
        return _by_index(evidenced, names)

    async def _create(self, submission: Submission, planned: Planned) -> Results:
        """Returns the results of what rests on the platform's authorisation, which is refused once that has ended."""
        others = {index: each for index, each in planned.asked.items() if each[1].evidence is None}
        if not others:
            return {}
        names = await self.custody.create_transfers(
            submission.tenant,
            submission.received.authorisation,
            [each for _, each in others.values()],
            planned.identity_position,
        )
        return _by_index(others, names)

    async def _corrected(self, submission: Submission, said: Results) -> Results:
        """Returns custody's results, with those replaced that people have put right by a correction."""
        results = dict(said)
        for index, (stage, name) in said.items():
            if may_be_corrected(stage, name):
                found = await self.custody.corrections(submission.tenant, submission.instruction_id(index))
                if any(corrects(submission, index, each) for each in found):
                    results[index] = stage, CORRECTED
        return results

    async def _plan(self, submission: Submission) -> Planned:
        """Returns what to ask for, with the bank mirrors that it needs."""
        planned = await self._plan_with(submission, {})
        for fresh in (False, True):
            if planned.is_mirror_missing:
                accounts = await self.custody.book_accounts(submission.tenant, fresh=fresh)
                planned = await self._plan_with(submission, accounts.mirrors)
        return planned

    async def _plan_with(self, submission: Submission, mirrors: Mapping[int, bytes]) -> Planned:
        """Plans in the writer's order: what custody does is for good, so it must rest on what is committed."""

        def command(unit: Unit) -> Planned:
            asked: Asked = {}
            is_missing = False
            cause = self.stops.now(submission)
            for stage in CUSTODY_STAGES:
                for index in submission.at_stage(stage):
                    if stage == Stage.TRANSFER and cause(index):
                        continue
                    try:
                        asked[index] = stage, plan(submission, index, mirrors)
                    except MirrorMissing:
                        is_missing = True
            return Planned(asked, is_missing, self.identity_position())

        return await self.submissions.writer.commit(command)


def mirrors_of(planned: Planned) -> dict[int, bytes]:
    """Returns the bank mirrors towards which money is asked to be reserved."""
    asked = planned.asked.items()
    return {index: each.credit_account for index, (_, each) in asked if each.kind is TransferKind.PENDING}


def _by_index(asked: Asked, names: Sequence[str]) -> Results:
    return {index: (stage, name) for (index, (stage, _)), name in zip(asked.items(), names, strict=True)}
