"""What is decided about limits, and by them: whether a payment waits for a second person, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from ringfence_payment_instruction.limits.domain.bounds import InstallationLimits, PlatformLimits
from ringfence_payment_instruction.limits.domain.errors import LimitsVersionTaken
from ringfence_payment_instruction.limits.domain.events import LimitsSet
from ringfence_payment_instruction.limits.domain.state import State, event_of
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.orders import OF_OPERATORS
from ringfence_payment_instruction.submissions.domain.status import Status
from ringfence_payment_instruction.submissions.domain.submission import Submission, slot
from ringfence_payment_instruction.submissions.domain.tallies import Tallies, debtor_key, platform_key
from ringfence_payment_instruction.submissions.domain.transitions import Step

# As screening asks for it: the rows of a submission that pass at a time -> the step after SCREENED, None to go on.
Review = Callable[[Submission, Sequence[int], int], Mapping[int, Step | None]]


def set_limits(state: State, tenant: bytes, limits: PlatformLimits, set_by: bytes) -> LimitsSet | None:
    """Returns the event that puts limits in force, None where they are already; raises LimitsVersionTaken."""
    now = state.of(tenant)
    if now == limits:
        return None
    if limits.version != now.version + 1:
        raise LimitsVersionTaken(version=str(now.version))
    return event_of(tenant, limits, set_by)


@dataclass(frozen=True, slots=True)
class Findings:
    """What was looked up about rows: who has been paid just so lately, and what debtors' accounts have available.

    `available_minor` has the accounts that were asked for and are there; `asked` all that were asked for.
    """

    duplicates: Collection[int]
    available_minor: Mapping[bytes, int]
    asked: Collection[bytes]


@dataclass(frozen=True, slots=True)
class Holding:
    """Decides on rows that passed screening: whether they go on, wait for a second person, or are refused."""

    limits: State
    installation: InstallationLimits
    tallies: Tallies

    def steps(
        self, submission: Submission, rows: Sequence[int], now_ns: int, findings: Findings
    ) -> dict[int, Step | None]:
        """Returns for each row the step after SCREENED, None to go on.

        A row is left out where it would be held and its account's funds were not asked for: nobody is asked to approve
        what cannot be paid.
        """
        decided: dict[int, Step | None] = {}
        for index, reason in self.reasons(submission, rows, findings.duplicates, now_ns).items():
            account = slot(submission.debtor_accounts, index)
            if not reason:
                decided[index] = None
            elif account in findings.asked:
                funds = findings.available_minor.get(account, 0)
                short = funds < submission.amounts_minor[index]
                decided[index] = (
                    Step(index, Status.REJECTED, reasons.INSUFFICIENT_FUNDS)
                    if short
                    else Step(index, Status.HELD, reason)
                )
        return decided

    def reasons(
        self, submission: Submission, rows: Sequence[int], duplicates: Collection[int], now_ns: int
    ) -> dict[int, str]:
        """Returns why each row is held, empty where it goes on; those before it in the same rows count."""
        own = self.limits.of(submission.tenant)
        passing: defaultdict[bytes, int] = defaultdict(int)
        found: dict[int, str] = {}
        for index in rows:
            ledger, amount = submission.ledgers[index], submission.amounts_minor[index]
            bounds = self.installation.bounds(own, ledger)
            keys = (
                (platform_key(submission.tenant, ledger), bounds.day_minor),
                (
                    debtor_key(submission.tenant, slot(submission.debtor_accounts, index), ledger),
                    bounds.debtor_day_minor,
                ),
            )
            if submission.purpose(index) in OF_OPERATORS:
                found[index] = reasons.SECOND_OPERATOR_REQUIRED
            elif index in duplicates:
                found[index] = reasons.POSSIBLE_DUPLICATE
            elif amount > bounds.payment_minor or any(
                self.tallies.sliding_minor(now_ns, key) + passing[key] + amount > bound for key, bound in keys
            ):
                found[index] = reasons.SECOND_APPROVER_REQUIRED
            else:
                found[index] = ""
                for key, _ in keys:
                    passing[key] += amount
        return found
