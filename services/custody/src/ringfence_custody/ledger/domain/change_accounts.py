"""Decisions about the state of accounts: what identity says of their owners, orders, and the life cycle."""

from __future__ import annotations

from collections.abc import Sequence

from ringfence_kernel.values.ids import ZERO_ID, show
from ringfence_kernel.writing.journal import Journal

from ringfence_custody.ledger.domain.accounts import Accounts
from ringfence_custody.ledger.domain.book import Book
from ringfence_custody.ledger.domain.errors import AccountTransitionRefused
from ringfence_custody.ledger.domain.events import (
    AccountsFrozen,
    AccountsReleased,
    AccountStatusChanged,
    OwnerStandingChanged,
)
from ringfence_custody.ledger.domain.lifecycle import (
    BY_DECISION,
    FINAL,
    AccountStatus,
    Hold,
    Standing,
    after_standing,
    opens,
)
from ringfence_custody.ledger.domain.packed import number_column, packed_numbers


def decide_standing(book: Book, owner_id: bytes, standing: Standing, now_ns: int) -> OwnerStandingChanged | None:
    """Returns the event that takes in an owner's standing, or None when it is known already."""
    if book.standings.get(owner_id, Standing.UNKNOWN) is standing:
        return None
    accounts = book.accounts
    owned = accounts.of_owner.get(owner_id, [])
    after = [
        after_standing(
            AccountStatus(accounts.status[each]), accounts.holds[each], standing, decided=each in accounts.restricted
        )
        for each in owned
    ]
    return OwnerStandingChanged(
        timestamp_ns=max(now_ns, book.last_timestamp + 1),
        owner_id=owner_id,
        standing=standing,
        account=_indexes(owned),
        status=packed_numbers("B", [status for status, _ in after]),
        holds=packed_numbers("B", [holds for _, holds in after]),
    )


def decide_freeze(
    book: Book, accounts: Sequence[int], order_reference: str, ordered_by: bytes, now_ns: int
) -> AccountsFrozen | None:
    """Returns the event that freezes the accounts that are open and not yet frozen by this order, or None."""
    state = book.accounts
    fresh = [
        account
        for account in dict.fromkeys(accounts)
        if state.status[account] not in FINAL and order_reference not in state.orders.get(account, ())
    ]
    if not fresh:
        return None
    return AccountsFrozen(max(now_ns, book.last_timestamp + 1), order_reference, ordered_by, _indexes(fresh))


def decide_release(
    book: Book, accounts: Sequence[int], order_reference: str, ordered_by: bytes, now_ns: int
) -> AccountsReleased | None:
    """Returns the event that releases the accounts that this order froze, or None."""
    held = [account for account in dict.fromkeys(accounts) if order_reference in book.accounts.orders.get(account, ())]
    if not held:
        return None
    return AccountsReleased(max(now_ns, book.last_timestamp + 1), order_reference, ordered_by, _indexes(held))


def after_release(accounts: Accounts, account: int, order_reference: str) -> AccountStatus | None:
    """Returns what an account would be without an order, None where that does not hold it."""
    orders = accounts.orders.get(account, ())
    if order_reference not in orders:
        return None
    is_held = len(orders) > 1 or accounts.holds[account] & ~Hold.ORDER
    return AccountStatus.FROZEN if is_held else AccountStatus(accounts.status[account])


def decide_statuses(
    book: Book, accounts: Sequence[int], status: AccountStatus, decided_by: bytes, reason: str, now_ns: int
) -> list[AccountStatusChanged]:
    """Returns the events that move accounts along their life cycle by decision, all or none.

    Those that are there by decision already are left alone. Raises AccountTransitionRefused for the first that may not
    move: see `_refusal`.
    """
    state, moving = book.accounts, list[int]()
    for account in dict.fromkeys(accounts):
        if because := _refusal(book, account, status):
            raise AccountTransitionRefused(
                f"an account cannot become {status.name}: {because.replace('_', ' ')}",
                account=show(state.id[account]),
                to=status.name,
                because=because,
                **{"from": state.shown_status(account).name},
            )
        if not _is_there(book, account, status):
            moving.append(account)
    first = max(now_ns, book.last_timestamp + 1)
    return [
        AccountStatusChanged(first + count, account, status, decided_by, reason) for count, account in enumerate(moving)
    ]


def opening(book: Book, events: Sequence[AccountStatusChanged]) -> bool:
    """Tells whether one of the accounts would let money through that it refuses now: two people decide that."""
    state = book.accounts
    return any(opens(AccountStatus(state.status[each.account]), AccountStatus(each.status)) for each in events)


def _is_there(book: Book, account: int, status: AccountStatus) -> bool:
    """Tells whether a decision has brought the account there; a restriction by KYC alone is none."""
    accounts = book.accounts
    return accounts.status[account] == status and (
        status is not AccountStatus.RESTRICTED or account in accounts.restricted
    )


def _refusal(book: Book, account: int, status: AccountStatus) -> str:
    """Returns why a decision may not bring an account to a state, empty when it may or the account is there."""
    accounts = book.accounts
    if _is_there(book, account, status):
        return ""
    if accounts.holds[account]:
        return "held"
    if accounts.status[account] not in BY_DECISION[status]:
        return "no_such_transition"
    if status is AccountStatus.ACTIVE and not _is_admitted(book, account):
        return "owner_not_admitted"
    debits_pending, _, credits_pending, _ = accounts.balances(account)
    if status is AccountStatus.CLOSED and (accounts.posted_balance(account) or debits_pending or credits_pending):
        return "not_empty"
    return ""


def _is_admitted(book: Book, account: int) -> bool:
    """Tells whether the owner's KYC stands; nobody's account has no KYC to wait for."""
    owner = book.accounts.owner_id[account]
    return owner == ZERO_ID or book.standings.get(owner) is Standing.ADMITTED


def _indexes(accounts: Sequence[int]) -> bytes:
    """Returns dense indexes packed, never collapsed: their number is told by the length."""
    return b"".join(account.to_bytes(4, "little") for account in accounts)


def indexes_in(packed: bytes) -> list[int]:
    """Returns the dense indexes of a packed list."""
    return [int.from_bytes(packed[at : at + 4], "little") for at in range(0, len(packed), 4)]


def apply_standing(book: Book, event: OwnerStandingChanged, journal: Journal) -> None:
    """Takes in an owner's standing and what it did to the owner's accounts."""
    accounts = indexes_in(event.account)
    journal.put(book.standings, event.owner_id, Standing(event.standing))
    statuses = number_column("B", event.status, len(accounts))
    holds = number_column("B", event.holds, len(accounts))
    state = book.accounts
    for account, status, hold in zip(accounts, statuses, holds, strict=True):
        if (status, hold) != (state.status[account], state.holds[account]):
            _set_state(book, account, status, hold, journal)
    _observe(book, event.timestamp_ns, journal)


def apply_freeze(book: Book, event: AccountsFrozen, journal: Journal) -> None:
    """Freezes accounts."""
    state = book.accounts
    for account in indexes_in(event.account):
        journal.put(state.orders, account, (*state.orders.get(account, ()), event.order_reference))
        _set_state(book, account, state.status[account], state.holds[account] | Hold.ORDER, journal)
    _observe(book, event.timestamp_ns, journal)


def apply_release(book: Book, event: AccountsReleased, journal: Journal) -> None:
    """Releases accounts from one order; those that another order froze stay frozen."""
    state = book.accounts
    for account in indexes_in(event.account):
        left = tuple(order for order in state.orders[account] if order != event.order_reference)
        holds = state.holds[account]
        if left:
            journal.put(state.orders, account, left)
        else:
            journal.remove(state.orders, account)
            holds &= ~Hold.ORDER
        _set_state(book, account, state.status[account], holds, journal)
    _observe(book, event.timestamp_ns, journal)


def apply_status(book: Book, event: AccountStatusChanged, journal: Journal) -> None:
    """Moves an account along its life cycle."""
    restricted = book.accounts.restricted
    if event.status == AccountStatus.RESTRICTED:
        journal.put(restricted, event.account, None)
    elif event.status != AccountStatus.PENDING_LETTER and event.account in restricted:
        journal.remove(restricted, event.account)
    _set_state(book, event.account, event.status, book.accounts.holds[event.account], journal)
    _observe(book, event.timestamp_ns, journal)


def _set_state(book: Book, account: int, status: int, holds: int, journal: Journal) -> None:
    accounts = book.accounts
    journal.call(accounts.set_keys, account)
    journal.put(accounts.status, account, status)
    journal.put(accounts.holds, account, holds)
    journal.put(accounts.changes, account, accounts.changes[account] + 1)
    accounts.set_keys(account)


def _observe(book: Book, timestamp_ns: int, journal: Journal) -> None:
    journal.call(setattr, book, "last_timestamp", book.last_timestamp)
    book.last_timestamp = max(book.last_timestamp, timestamp_ns)
