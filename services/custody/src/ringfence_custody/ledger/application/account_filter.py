"""Which accounts of a book are listed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from ringfence_custody.ledger.domain.accounts import Accounts

EXAMINED = 10_000
"""So many accounts are looked at for one page, however few of them are meant: the ledger waits meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFilter:
    """What accounts must have; values that are 0 or empty ask for nothing, an owner of zeros for none."""

    owner_id: bytes = b""
    account_class: int = 0
    ledger: int = 0
    code: int = 0
    status: int = 0
    user_data_128: bytes = b""
    user_data_64: int = 0
    user_data_32: int = 0

    def page(self, accounts: Accounts, after: int, limit: int) -> tuple[list[int], int]:
        """Returns accounts in order of creation after a dense index, and the index to go on after, 0 at the end.

        A page may be shorter than `limit`, even empty, and not the last.
        """
        candidates = self._candidates(accounts, after)
        names = ("account_class", "ledger", "code", "user_data_128", "user_data_64", "user_data_32")
        wanted = [(getattr(accounts, name), value) for name in names if (value := getattr(self, name))]
        page: list[int] = []
        for account in candidates[:EXAMINED]:
            if any(column[account] != value for column, value in wanted):
                continue
            if self.status and accounts.shown_status(account) != self.status:
                continue
            if len(page) == limit:
                return page, page[-1]
            page.append(account)
        return page, candidates[EXAMINED - 1] if len(candidates) > EXAMINED else 0

    def _candidates(self, accounts: Accounts, after: int) -> Sequence[int]:
        if not self.owner_id:
            return range(after + 1, len(accounts))
        owned = accounts.of_owner.get(self.owner_id, [])
        return owned[bisect_right(owned, after) :]
