"""Refusals of proposals and of decisions on them, in order of precedence."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError, NotFound


class ProposalNotFound(NotFound):
    """There is no such proposal, or none that the caller may see."""

    reason = "PROPOSAL_NOT_FOUND"


class ProposalVoid(DomainError):
    """The proposal was confirmed, refused or withdrawn, has lapsed, or what it would change has changed meanwhile."""

    reason = "PROPOSAL_VOID"
    code = "FAILED_PRECONDITION"


class SecondPersonRequired(DomainError):
    """Only another person may do it: not the proposer's, in principal, person, key or certificate, nor the subject."""

    reason = "SECOND_PERSON_REQUIRED"
    code = "PERMISSION_DENIED"


class ProposalTooLarge(DomainError):
    """What would happen is too long to be read by the second person as a whole; a smaller batch would be taken."""

    reason = "PROPOSAL_TOO_LARGE"
    code = "INVALID_ARGUMENT"


class TooManyProposals(DomainError):
    """As many proposals of the same person wait as may; they are decided or withdrawn first."""

    reason = "TOO_MANY_PROPOSALS"
    code = "RESOURCE_EXHAUSTED"
