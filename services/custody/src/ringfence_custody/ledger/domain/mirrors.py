"""What a letter about a bank's account does to its mirror: no countersigned letter, no active mirror."""

from __future__ import annotations

from ringfence_kernel.values.ids import ZERO_ID

from ringfence_custody.ledger.domain.book import Book
from ringfence_custody.ledger.domain.events import AccountStatusChanged
from ringfence_custody.ledger.domain.lifecycle import AccountStatus, Standing
from ringfence_custody.ledger.domain.purposes import AccountClass

S = AccountStatus
WITH_LETTER = frozenset({S.PENDING_KYC, S.ACTIVE, S.RESTRICTED, S.DORMANT, S.CLOSING})


def mirror_of(book: Book, account_id: bytes) -> int:
    """Returns the index of a bank mirror of the book, 0 where there is none of this id."""
    account = book.accounts.index.get(account_id, 0)
    return account if book.accounts.account_class[account] == AccountClass.BANK_MIRROR else 0


def decide_letter(
    book: Book, account: int, *, stands: bool, decided_by: bytes, reason: str, now_ns: int
) -> AccountStatusChanged | None:
    """Returns the event of a mirror whose letter stands from now on, or does not; None where nothing changes.

    With a letter it is as it would be without the need of one: an operator's restriction is still there.
    """
    state = S(book.accounts.status[account])
    if stands:
        after = _with_letter(book, account) if state is S.PENDING_LETTER else state
    else:
        after = S.PENDING_LETTER if state in WITH_LETTER else state
    if after is state:
        return None
    return AccountStatusChanged(max(now_ns, book.last_timestamp + 1), account, after, decided_by, reason)


def _with_letter(book: Book, account: int) -> AccountStatus:
    owner = book.accounts.owner_id[account]
    if account in book.accounts.restricted:
        return S.RESTRICTED
    return S.ACTIVE if owner == ZERO_ID or book.standings.get(owner) is Standing.ADMITTED else S.PENDING_KYC
