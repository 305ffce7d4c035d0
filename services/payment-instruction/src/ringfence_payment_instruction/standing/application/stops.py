"""Whether payments may go on: asked before custody moves money for them, and before the bank is told to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.refusals import PrincipalSuspended
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.standing.application.ports import Accounts
from ringfence_payment_instruction.standing.domain.errors import PaymentStopped
from ringfence_payment_instruction.standing.domain.state import State
from ringfence_payment_instruction.standing.domain.stopping import UNKNOWN, CauseOf, cause, causes, resumed
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.status import Stage
from ringfence_payment_instruction.submissions.domain.submission import Submission, slot


@dataclass(frozen=True, slots=True)
class Stops:
    """Knows what stops a payment: lists, how those behind it stand, and orders on the account that is debited.

    `is_current` tells whether a submission was screened by the lists, and the listed clients, of this moment;
    `require_fresh` raises where those lists are too old to be relied on, `require_heard` where identity was last heard
    too long ago.
    """

    state: State
    accounts: Accounts
    is_current: Callable[[Submission], bool]
    require_fresh: Callable[[], object]
    require_heard: Callable[[], object]

    def now(self, submission: Submission) -> Callable[[int], str]:
        """Returns what tells why an instruction may not go on, by lists and who stands behind it; empty where it may.

        What is not known of all of a submission is asked once.
        """
        unknown = self._unknown(submission)

        def found(index: int) -> str:
            if index in submission.hits:
                return reasons.SANCTIONS_HIT
            return cause(self.state, submission, index) or unknown

        return found

    def require_known(self, submission: Submission, rows: Iterable[int]) -> None:
        """Raises where one of these waits for what is not known now.

        StandingStale until identity is heard, ScreeningListStale, or PaymentStopped until it was looked at. What else
        stops them is not asked.
        """
        if UNKNOWN.intersection(map(self.now(submission), rows)):
            self.require_heard()
            self.require_fresh()
            raise PaymentStopped

    def _unknown(self, submission: Submission) -> str:
        for require, reason in (
            (self.require_heard, reasons.STANDING_STALE),
            (self.require_fresh, reasons.SCREENING_LIST_STALE),
        ):
            try:
                require()
            except DomainError:
                return reason
        return "" if self.is_current(submission) else reasons.SCREENING_AGAIN

    async def cause_of(self, submission: Submission, rows: Sequence[int]) -> CauseOf:
        """Returns what tells why a payment may not go on: accounts as they are now, people as they will be then.

        Custody is asked only about rows that nobody stops. Raises CustodyUnavailable, AuthorisationRefused.
        """
        cause_now = self.now(submission)
        debtors = {slot(submission.debtor_accounts, index) for index in rows if not cause_now(index)}
        token = submission.received.authorisation
        frozen = await self.accounts.frozen(submission.tenant, token, sorted(debtors)) if debtors else frozenset()

        def cause_of(then: Submission) -> Callable[[int], str]:
            cause_then = self.now(then)

            def found(index: int) -> str:
                is_frozen = slot(then.debtor_accounts, index) in frozen
                return cause_then(index) or (reasons.DEBTOR_ACCOUNT_FROZEN if is_frozen else "")

            return found

        return cause_of

    def require_active(self, caller: Caller) -> None:
        """Raises PrincipalSuspended where somebody is suspended who has not come through the edge of this service."""
        if self.state.is_suspended(caller.subject):
            raise PrincipalSuspended


@dataclass(frozen=True, slots=True)
class ResumingWork:
    """Lets payments go on once what stopped them is lifted."""

    submissions: Submissions
    stops: Stops

    def has_work(self, stream: bytes) -> bool:
        """Tells whether a submission has payments that were stopped."""
        submission = self.submissions.state.submission(stream)
        return submission is not None and submission.stages.find(Stage.STOPPED) >= 0

    async def handle(self, stream: bytes) -> None:
        """Looks again; raises PaymentStopped where some are stopped still, and as custody does."""
        submission = self.submissions.state.known(stream)
        rows = list(submission.at_stage(Stage.STOPPED))
        cause_of = await self.stops.cause_of(submission, rows)

        def command(unit: Unit) -> bool:
            now = self.submissions.state.submission(stream)
            if now is None:
                return False
            why = causes(now, rows, cause_of)
            self.submissions.record(unit, stream, resumed(now, rows, why))
            return bool(why)

        if await self.submissions.writer.commit(command, weight=len(rows)):
            raise PaymentStopped
