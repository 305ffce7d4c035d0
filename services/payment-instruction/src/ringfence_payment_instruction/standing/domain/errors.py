"""Why a payment does not go on (docs/errors.md)."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError


class PaymentStopped(DomainError):
    """Somebody behind the payment is suspended, not admitted or blocked, or the account frozen; it waits for that."""

    reason = "PAYMENT_STOPPED"
    code = "FAILED_PRECONDITION"
