"""What is decided about fee agreements, and about fees under them."""

from __future__ import annotations

from dataclasses import replace

from ringfence_payment_instruction.flows.domain.errors import FeeAgreementConflict, FeeAgreementUnknown
from ringfence_payment_instruction.flows.domain.events import FeeAgreed, FeeAgreementEnded
from ringfence_payment_instruction.flows.domain.state import State
from ringfence_payment_instruction.submissions.domain import reasons

MILLION = 1_000_000


def agree(state: State, new: FeeAgreed, was_ended: bool) -> list[FeeAgreed]:
    """Returns the event that records an agreement, none where it is; raises FeeAgreementConflict.

    `was_ended` says so of an agreement that has left memory.
    A client's own signature under it would be checked here; today the platform answers for the document it names.
    """
    known = state.agreement(new.tenant, new.agreement)
    if known is not None and replace(known, agreed_by=new.agreed_by) == new:
        return []
    if known is not None or was_ended or state.is_ended(new.tenant, new.agreement):
        raise FeeAgreementConflict
    return [new]


def end(state: State, tenant: bytes, agreement: bytes, ended_by: bytes, was_ended: bool) -> list[FeeAgreementEnded]:
    """Returns the event that ends an agreement, none where it has ended; raises FeeAgreementUnknown."""
    if was_ended or state.is_ended(tenant, agreement):
        return []
    if state.agreement(tenant, agreement) is None:
        raise FeeAgreementUnknown
    return [FeeAgreementEnded(tenant, agreement, ended_by)]


def objection(
    agreement: FeeAgreed | None, client: bytes, ledger: int, amount_minor: int, base_minor: int | None, day: int
) -> str:
    """Returns why a fee is outside its agreement, empty where it is within.

    `client` is whose account is debited; `base_minor` is the amount of the client's payment that the fee is for, minor
    units, None without one.
    """
    if agreement is None or agreement.client != client or agreement.ledger != ledger:
        return reasons.FEE_NOT_AGREED
    if not agreement.from_day <= day <= agreement.until_day:
        return reasons.FEE_NOT_AGREED
    if agreement.rate_ppm:
        if base_minor is None:
            return reasons.FEE_NOT_AGREED
        if amount_minor > base_minor * agreement.rate_ppm // MILLION:
            return reasons.FEE_EXCEEDS_AGREEMENT
    return reasons.FEE_EXCEEDS_AGREEMENT if amount_minor > agreement.maximum_minor else ""
