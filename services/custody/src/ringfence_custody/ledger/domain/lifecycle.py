"""States of an account (docs/ledger.md) and what they let through.

An account has a lifecycle state and, beside it, holds: orders that froze it, and a block of its owner. While there is a
hold its status is FROZEN, whatever happens underneath; when the last hold goes, the lifecycle state shows again.
"""

from __future__ import annotations

from enum import IntEnum


class AccountStatus(IntEnum):
    """What an account's state is called outside."""

    PENDING_KYC = 1
    ACTIVE = 2
    RESTRICTED = 3
    DORMANT = 4
    FROZEN = 5
    CLOSING = 6
    CLOSED = 7
    REJECTED = 8
    PENDING_LETTER = 9


class Hold:
    """Bits of an account's holds."""

    ORDER = 1
    OWNER_BLOCKED = 2


class Standing(IntEnum):
    """What is known of an owner from identity's feed, as far as it matters to accounts."""

    UNKNOWN = 0
    ADMITTED = 1
    LAPSED = 2
    REFUSED = 3
    BLOCKED = 4


S = AccountStatus

BY_DECISION: dict[AccountStatus, frozenset[AccountStatus]] = {
    S.ACTIVE: frozenset({S.RESTRICTED, S.DORMANT}),
    # A restriction by decision joins one that the owner's standing has brought, and outlasts it.
    S.RESTRICTED: frozenset({S.ACTIVE, S.RESTRICTED}),
    S.DORMANT: frozenset({S.ACTIVE}),
    S.CLOSING: frozenset({S.ACTIVE, S.RESTRICTED, S.DORMANT}),
    S.CLOSED: frozenset({S.CLOSING, S.PENDING_LETTER}),
}
"""The states that an operator may bring about, each with those it may follow; others come from KYC, or a letter."""
DEBITS_PASS = frozenset({S.ACTIVE, S.CLOSING})
CREDITS_PASS = frozenset({S.ACTIVE, S.RESTRICTED, S.DORMANT})
FINAL = frozenset({S.CLOSED, S.REJECTED})


def waits_for_kyc(state: AccountStatus, *, decided: bool) -> bool:
    """Tells whether it is for its owner's KYC alone that a state lets less through than an active one does."""
    return state is S.PENDING_KYC or (state is S.RESTRICTED and not decided)


def first_state(has_owner: bool, standing: Standing, *, needs_letter: bool = False) -> tuple[AccountStatus, int]:
    """Returns the lifecycle state and holds of a new account.

    Without an owner there is nobody to verify. What `needs_letter` is not active before the bank has countersigned one.
    """
    holds = Hold.OWNER_BLOCKED if has_owner and standing is Standing.BLOCKED else 0
    if needs_letter:
        return S.PENDING_LETTER, holds
    return (S.ACTIVE if not has_owner or standing is Standing.ADMITTED else S.PENDING_KYC), holds


def opens(before: AccountStatus, after: AccountStatus) -> bool:
    """Tells whether an account lets money through, out or in, that it refused before."""
    return any(after in passes and before not in passes for passes in (DEBITS_PASS, CREDITS_PASS))


def after_standing(
    state: AccountStatus, holds: int, standing: Standing, *, decided: bool = False
) -> tuple[AccountStatus, int]:
    """Returns lifecycle state and holds after the owner's standing became `standing`.

    ADMITTED lifts a block and wakes what waited for KYC or its renewal, but not what an operator has `decided` to
    restrict; LAPSED and REFUSED restrict what was active; REFUSED ends what never was; BLOCKED holds everything that
    is open.
    """
    if state in FINAL or standing is Standing.UNKNOWN:
        return state, holds
    if standing is Standing.BLOCKED:
        return state, holds | Hold.OWNER_BLOCKED
    if standing is Standing.ADMITTED:
        waited = state is S.PENDING_KYC or (state is S.RESTRICTED and not decided)
        return S.ACTIVE if waited else state, holds & ~Hold.OWNER_BLOCKED
    if state is S.ACTIVE:
        return S.RESTRICTED, holds
    if state is S.PENDING_KYC and standing is Standing.REFUSED:
        return S.REJECTED, holds
    return state, holds
