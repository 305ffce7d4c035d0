"""What the passing of time brings: approvals expire, execution dates come, a bank stays silent too long."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.days import LocalDays
from ringfence_payment_instruction.submissions.domain.status import UNDECIDED, Directive, Stage, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission
from ringfence_payment_instruction.submissions.domain.transitions import Step, directed, moved


@dataclass(frozen=True, slots=True)
class Patience:
    """How long instructions wait, in nanoseconds, and by which days their execution dates come."""

    for_approval_ns: int
    for_bank_ns: int
    days: LocalDays = field(default_factory=LocalDays)


def overdue(submission: Submission, now_ns: int, patience: Patience) -> list[Any]:
    """Decides what the passing of time has brought: approvals expired, execution dates reached, bank silent."""
    expired, silent, due, released = [], [], [], []
    for index, due_ns in deadlines(submission, patience):
        if due_ns > now_ns:
            continue
        status = submission.statuses[index]
        if submission.may_be_reserved(index):
            released.append(index)
        elif status == Status.HELD:
            expired.append(Step(index, Status.EXPIRED, reasons.APPROVAL_EXPIRED))
        elif status == Status.SENT:
            silent.append(Step(index, Status.UNKNOWN, reasons.BANK_REPLY_MISSING))
        elif submission.received.authorisation_expires_ns <= now_ns:
            expired.append(Step(index, Status.EXPIRED, reasons.AUTHORISATION_EXPIRED))
        else:
            due.append(index)
    events = moved(submission, "expiry", [*expired, *silent])
    events += directed(submission, Directive.EXPIRE, released, reason=reasons.AUTHORISATION_EXPIRED)
    return events + directed(submission, Directive.NONE, due)


def deadlines(submission: Submission, patience: Patience) -> list[tuple[int, int]]:
    """Returns the rows that wait for time, each with the UTC nanoseconds when it is up."""
    # Without an authorisation custody moves nothing: what has not come to it by then never will.
    last_ns = submission.received.authorisation_expires_ns
    found: list[tuple[int, int]] = []
    found += [(index, last_ns) for index in submission.at_stage(Stage.TRANSFER)]
    for index in submission.with_status(Status.HELD):
        if submission.directives[index] in UNDECIDED:
            found.append((index, min(submission.changed_ns[index] + patience.for_approval_ns, last_ns)))
        if submission.directives[index] == Directive.RESUME:
            found.append((index, last_ns))
    for index in submission.with_status(Status.RESERVED):
        if submission.directives[index] == Directive.NONE:
            found.append((index, last_ns))
    for index in submission.with_status(Status.SENT):
        if submission.directives[index] == Directive.NONE:
            found.append((index, submission.changed_ns[index] + patience.for_bank_ns))
    for index in submission.with_status(Status.AUTHENTICATED):
        if submission.directives[index] == Directive.SCHEDULE:
            day, ledger = submission.execution_days[index], submission.ledgers[index]
            found.append((index, min(patience.days.start_ns(submission.tenant, ledger, day), last_ns)))
        else:
            found.append((index, last_ns))
    return found
