"""Why a payment does not go on, or somebody may not act (docs/errors.md)."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError


class PrincipalSuspended(DomainError):
    """Whoever calls, or its platform, is suspended, whatever its token still says."""

    reason = "PRINCIPAL_SUSPENDED"
    code = "PERMISSION_DENIED"


class PaymentStopped(DomainError):
    """Somebody behind the payment is suspended, not admitted or blocked, or the account frozen; it waits for that."""

    reason = "PAYMENT_STOPPED"
    code = "FAILED_PRECONDITION"
