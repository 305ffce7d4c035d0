"""Why flows beside payments are refused (docs/errors.md)."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError, NotFound


class FeeAgreementUnknown(NotFound):
    """The tenant has no fee agreement of this id."""

    reason = "FEE_AGREEMENT_UNKNOWN"


class FeeAgreementConflict(DomainError):
    """The id stands for another agreement, or for one that has ended."""

    reason = "FEE_AGREEMENT_EXISTS_WITH_DIFFERENT_CONTENT"
    code = "ALREADY_EXISTS"


class SuspenseBlocked(DomainError):
    """The money is of somebody on a sanctions list: nobody allocates or returns it, unless two people release it."""

    reason = "SUSPENSE_BLOCKED"
    code = "FAILED_PRECONDITION"


class PayerUnknown(DomainError):
    """The bank did not name the payer's account, or it was erased: the money cannot be returned to it."""

    reason = "PAYER_UNKNOWN"
    code = "FAILED_PRECONDITION"


class SuspenseAttempts(DomainError):
    """What was done about the entry has come to nothing too often; somebody must look before it goes on."""

    reason = "SUSPENSE_ATTEMPTS_EXCEEDED"
    code = "FAILED_PRECONDITION"
