"""Refusals of the console's listener, in the order in which they are checked."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError


class ConsoleNotOpen(DomainError):
    """Pages are for who may read the log, under a certificate that stands pinned with identity."""

    reason = "CONSOLE_NOT_OPEN"
    code = "PERMISSION_DENIED"


class AskedByAnotherSite(DomainError):
    """Another site has led the browser here: a view is logged as its reader's, so nobody else may bring one about."""

    reason = "ASKED_BY_ANOTHER_SITE"
    code = "PERMISSION_DENIED"
