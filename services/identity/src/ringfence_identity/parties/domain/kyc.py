"""The KYC lifecycle of a party: which state may follow which, and on whose word."""

from enum import StrEnum


class PartyKind(StrEnum):
    """What a party is."""

    PERSON = "PERSON"
    COMPANY = "COMPANY"


class KycState(StrEnum):
    """How far the identity of a party has been established."""

    NOT_STARTED = "NOT_STARTED"
    SUBMITTED = "SUBMITTED"
    CHECKING = "CHECKING"
    VERIFIED = "VERIFIED"
    REVIEW = "REVIEW"
    REJECTED = "REJECTED"
    REFRESH_DUE = "REFRESH_DUE"
    EDD = "EDD"
    EXPIRED = "EXPIRED"
    BLOCKED = "BLOCKED"


_S = KycState

TRANSITIONS: dict[KycState, frozenset[KycState]] = {
    _S.NOT_STARTED: frozenset({_S.SUBMITTED, _S.BLOCKED}),
    _S.SUBMITTED: frozenset({_S.CHECKING, _S.BLOCKED}),
    _S.CHECKING: frozenset({_S.VERIFIED, _S.REVIEW, _S.REJECTED, _S.BLOCKED}),
    _S.REVIEW: frozenset({_S.VERIFIED, _S.REJECTED, _S.BLOCKED}),
    _S.REJECTED: frozenset({_S.SUBMITTED, _S.BLOCKED}),
    _S.VERIFIED: frozenset({_S.REFRESH_DUE, _S.EDD, _S.BLOCKED}),
    _S.REFRESH_DUE: frozenset({_S.CHECKING, _S.EXPIRED, _S.BLOCKED}),
    _S.EDD: frozenset({_S.CHECKING, _S.BLOCKED}),
    _S.EXPIRED: frozenset({_S.SUBMITTED, _S.BLOCKED}),
    _S.BLOCKED: frozenset({_S.REVIEW}),
}
"""Every allowed step; what is not listed is refused."""


def is_listed(before: KycState, after: KycState) -> bool:
    """Whether the step stands in the table."""
    return after in TRANSITIONS[before]


def needs_two_people(before: KycState, after: KycState) -> bool:
    """Whether the step must be proposed by one operator and confirmed by another: only the way out of BLOCKED."""
    return before is _S.BLOCKED and after is _S.REVIEW
