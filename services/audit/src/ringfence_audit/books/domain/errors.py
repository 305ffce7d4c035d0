"""Refusals of the books (docs/errors.md)."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError, NotFound


class BooksUnknown(NotFound):
    """The platform has no account of this currency, so there are no books to close."""

    reason = "BOOKS_UNKNOWN"


class BooksBehind(DomainError):
    """The tables of the books have not caught up with the log; an answer now could lack transfers."""

    reason = "BOOKS_BEHIND"
    code = "UNAVAILABLE"


class CustodyAway(DomainError):
    """Custody cannot be asked to close books now; what it has closed is there."""

    reason = "CUSTODY_AWAY"
    code = "UNAVAILABLE"
