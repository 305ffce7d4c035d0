"""Refusals about closings (docs/errors.md)."""

from __future__ import annotations

from ringfence_kernel.values.errors import NotFound


class BooksUnknown(NotFound):
    """The platform has no account of this currency, so there are no books to close."""

    reason = "BOOKS_UNKNOWN"
