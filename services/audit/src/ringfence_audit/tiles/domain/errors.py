"""Refusals of whoever reads tiles, in the order in which they are checked."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError


class EntriesNotOpen(DomainError):
    """Entries are for regulators, auditors and mirrors alone, under a certificate that stands pinned with identity.

    And for who is granted the whole log: a bundle has facts of all platforms.
    """

    reason = "ENTRIES_NOT_OPEN"
    code = "PERMISSION_DENIED"
