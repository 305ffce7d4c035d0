"""Refusals of the registers."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError


class MirrorNotFound(DomainError):
    """The book has no bank mirror of this id."""

    reason = "MIRROR_NOT_FOUND"
    code = "NOT_FOUND"


class BankNotRegistered(DomainError):
    """No bank of this BIC is registered."""

    reason = "BANK_NOT_REGISTERED"
    code = "NOT_FOUND"


class LetterNotFound(DomainError):
    """There is no such letter."""

    reason = "LETTER_NOT_FOUND"
    code = "NOT_FOUND"


class AppointmentNotFound(DomainError):
    """There is no such appointment."""

    reason = "APPOINTMENT_NOT_FOUND"
    code = "NOT_FOUND"


class RegisterIdTaken(DomainError):
    """The id of a letter or appointment was used before with other content."""

    reason = "REGISTER_ID_TAKEN"
    code = "ALREADY_EXISTS"


class TemplateVersionTaken(DomainError):
    """The version of the letters' fixed text names another text already."""

    reason = "TEMPLATE_VERSION_TAKEN"
    code = "ALREADY_EXISTS"


class DayRefused(DomainError):
    """A day lies where it cannot: the metadata names `field`, and `because`: `in_future`,
    `not_in_future` or `too_early`.
    """

    reason = "DAY_REFUSED"
    code = "INVALID_ARGUMENT"


class BankReviewDue(DomainError):
    """No letter is sent to a bank, nor a mirror there exempted, while the review of its due diligence is due."""

    reason = "BANK_REVIEW_DUE"
    code = "FAILED_PRECONDITION"


class LetterStateRefused(DomainError):
    """A letter cannot do that step now; the metadata names `letter`, its `state`, and `to`."""

    reason = "LETTER_STATE_REFUSED"
    code = "FAILED_PRECONDITION"


class LetterOutstanding(DomainError):
    """Another letter of the mirror is with a bank, and is countersigned or ended first; the metadata names `letter`."""

    reason = "LETTER_OUTSTANDING"
    code = "FAILED_PRECONDITION"


class AppointmentOver(DomainError):
    """The appointment ends already, no later than asked."""

    reason = "APPOINTMENT_OVER"
    code = "FAILED_PRECONDITION"
