"""The states of an instruction, the transitions between them, and what each state calls for next."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from ringfence_payment_instruction.submissions.domain.errors import TransitionUnlisted


class Status(IntEnum):
    """State of an instruction; the numbers are published in events and in the protos."""

    DRAFT = 0
    RECEIVED = 1
    VALIDATED = 2
    AUTHENTICATED = 3
    SCREENED = 4
    HELD = 5
    RESERVED = 6
    SENT = 7
    SETTLED = 8
    RECONCILED = 9
    REJECTED = 10
    CANCELLED = 11
    EXPIRED = 12
    FAILED = 13
    UNKNOWN = 14
    RECALL = 15
    RETURNED = 16
    REFUSED = 17


class Directive(IntEnum):
    """What has been decided to happen next to an instruction, on somebody's authority, before it has happened.

    A directive is recorded before the outside world is touched, so that a restart continues and never changes course.
    """

    NONE = 0
    SCHEDULE = 1
    APPROVE = 2
    SEND = 3
    CANCEL = 4
    REJECT = 5
    EXPIRE = 6
    SETTLE = 7
    FAIL = 8
    RESUME = 9
    COUNTERSIGN = 10


KEEPING = frozenset({Directive.RESUME, Directive.CANCEL, Directive.REJECT, Directive.EXPIRE})
"""What may have been decided of a payment that is held with its reservation."""


OUTDATED = 1
"""The position as of which a submission was screened that has to be screened again: before every list."""
SCREENING = "screening"
"""The cause of what is screened first; the word in stored events."""


class Stage(IntEnum):
    """The work that an instruction waits for; IDLE waits for people, time or the bank."""

    IDLE = 0
    SCREEN = 1
    TRANSFER = 2
    SEND = 3
    DISPATCH = 4
    RELEASE = 5
    CONFIRM = 6
    RETURN = 7
    STOPPED = 8


LANES: Mapping[int, str] = {
    Stage.SCREEN: "screening",
    Stage.TRANSFER: "settlement",
    Stage.CONFIRM: "settlement",
    Stage.RELEASE: "settlement",
    Stage.RETURN: "settlement",
    Stage.SEND: "dispatch",
    Stage.DISPATCH: "dispatch",
    Stage.STOPPED: "standing",
}
"""Whose work it is that instructions of a stage wait for."""


# ISO 20022 external payment transaction status (ExternalPaymentTransactionStatus1Code).
ISO_STATUS = {
    Status.DRAFT: "RCVD",
    Status.RECEIVED: "RCVD",
    Status.VALIDATED: "ACTC",
    Status.AUTHENTICATED: "ACCP",
    Status.SCREENED: "ACCP",
    Status.HELD: "PDNG",
    Status.RESERVED: "ACFC",
    Status.SENT: "ACSP",
    Status.UNKNOWN: "ACSP",
    Status.SETTLED: "ACSC",
    Status.RECONCILED: "ACSC",
    Status.RECALL: "ACSC",
    Status.REFUSED: "ACSC",
    Status.REJECTED: "RJCT",
    Status.FAILED: "RJCT",
    Status.EXPIRED: "RJCT",
    Status.RETURNED: "RJCT",
    Status.CANCELLED: "CANC",
}

BEFORE_SENT = (
    Status.RECEIVED,
    Status.VALIDATED,
    Status.AUTHENTICATED,
    Status.SCREENED,
    Status.HELD,
    Status.RESERVED,
)

# The life cycle of an instruction.
TRANSITIONS = frozenset(
    [
        (Status.DRAFT, Status.RECEIVED),
        (Status.RECEIVED, Status.VALIDATED),
        (Status.VALIDATED, Status.AUTHENTICATED),
        (Status.AUTHENTICATED, Status.SCREENED),
        (Status.SCREENED, Status.HELD),
        (Status.SCREENED, Status.RESERVED),
        (Status.HELD, Status.RESERVED),
        (Status.RESERVED, Status.HELD),
        (Status.RESERVED, Status.SENT),
        (Status.RESERVED, Status.SETTLED),
        (Status.SENT, Status.SETTLED),
        (Status.SENT, Status.FAILED),
        (Status.SENT, Status.UNKNOWN),
        (Status.UNKNOWN, Status.SETTLED),
        (Status.UNKNOWN, Status.FAILED),
        (Status.SETTLED, Status.RECONCILED),
        (Status.SETTLED, Status.RECALL),
        (Status.SETTLED, Status.RETURNED),
        (Status.RECONCILED, Status.RETURNED),
        (Status.RECONCILED, Status.RECALL),
        (Status.RECALL, Status.RETURNED),
        (Status.RECALL, Status.REFUSED),
        *((status, end) for status in BEFORE_SENT for end in (Status.REJECTED, Status.CANCELLED, Status.EXPIRED)),
    ]
)

# A decision on a held instruction that does not end its wait.
UNDECIDED = frozenset({Directive.NONE, Directive.COUNTERSIGN})

FINAL = frozenset({Status.RECONCILED, Status.REJECTED, Status.CANCELLED, Status.EXPIRED, Status.FAILED})
CAME_TO_NOTHING = frozenset({Status.REJECTED, Status.CANCELLED, Status.EXPIRED, Status.FAILED, Status.RETURNED})
HAPPENS = frozenset({Status.RESERVED, Status.SENT, Status.SETTLED, Status.RECONCILED})
"""The debtor's money is set aside for it, or has moved."""
FINAL_OR_SETTLED = FINAL | {Status.SETTLED, Status.RETURNED, Status.REFUSED}

# Where a released reservation leads.
RELEASED = {
    Directive.CANCEL: Status.CANCELLED,
    Directive.REJECT: Status.REJECTED,
    Directive.EXPIRE: Status.EXPIRED,
}

_STAGES = {
    (Status.AUTHENTICATED, Directive.NONE): Stage.SCREEN,
    (Status.SCREENED, Directive.NONE): Stage.TRANSFER,
    (Status.HELD, Directive.APPROVE): Stage.TRANSFER,
    (Status.SCREENED, Directive.REJECT): Stage.RELEASE,
    (Status.SCREENED, Directive.EXPIRE): Stage.RELEASE,
    (Status.RESERVED, Directive.NONE): Stage.SEND,
    (Status.RESERVED, Directive.SEND): Stage.DISPATCH,
    (Status.RESERVED, Directive.CANCEL): Stage.RELEASE,
    (Status.RESERVED, Directive.REJECT): Stage.RELEASE,
    (Status.RESERVED, Directive.EXPIRE): Stage.RELEASE,
    (Status.HELD, Directive.RESUME): Stage.STOPPED,
    (Status.HELD, Directive.CANCEL): Stage.RELEASE,
    (Status.HELD, Directive.REJECT): Stage.RELEASE,
    (Status.HELD, Directive.EXPIRE): Stage.RELEASE,
    (Status.SENT, Directive.SETTLE): Stage.CONFIRM,
    (Status.UNKNOWN, Directive.SETTLE): Stage.CONFIRM,
    (Status.SENT, Directive.FAIL): Stage.RETURN,
    (Status.UNKNOWN, Directive.FAIL): Stage.RETURN,
}
_COLUMNS = 32
_ALLOWED = bytes((before, after) in TRANSITIONS for before in range(len(Status)) for after in range(_COLUMNS))
STAGE_TABLE = bytes(_STAGES.get((status, directive), Stage.IDLE) for status in Status for directive in Directive)


def stage_of(status: int, directive: int) -> int:
    """Returns the Stage that a state and directive call for."""
    return STAGE_TABLE[status * len(Directive) + directive]


def require_listed(before: int, after: int) -> None:
    """Raises TransitionUnlisted unless the table lists the transition."""
    if not _ALLOWED[before * _COLUMNS + after]:
        raise TransitionUnlisted(Status(before).name, Status(after).name)
