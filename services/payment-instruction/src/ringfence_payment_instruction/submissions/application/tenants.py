"""Whose instructions a caller may submit, read and decide on."""

from __future__ import annotations

from ringfence_kernel.access.caller import Caller

from ringfence_payment_instruction.submissions.domain.errors import TenantForbidden


def tenant_of(caller: Caller) -> bytes:
    """Returns the tenant that the caller submits for; raises TenantForbidden for a caller without one."""
    if caller.tenant is None:
        raise TenantForbidden("only a platform submits instructions")
    return caller.tenant


def tenant_for(caller: Caller, wanted: bytes | None) -> bytes:
    """Returns the tenant that a caller asks about: its own, or for the custodian's people the one they name.

    Raises TenantForbidden, whether or not that tenant exists.
    """
    if caller.tenant is None:
        if wanted is None:
            raise TenantForbidden("name the tenant")
        return wanted
    if wanted not in (None, caller.tenant):
        raise TenantForbidden("the caller acts for another tenant")
    return caller.tenant
