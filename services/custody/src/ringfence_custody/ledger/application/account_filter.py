"""Which accounts of a book are listed."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from ringfence_custody.ledger.domain.accounts import Accounts

EXAMINED = 10_000
"""So many accounts are looked at for one page, however few of them are meant: the ledger waits meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFilter:
    """What accounts must have; values that are 0 or empty ask for nothing, an owner of zeros for none.

    They were opened at or after `from_ns` and before `until_ns`, UTC nanoseconds; 0 has no bound.
    """

    owner_id: bytes = b""
    account_class: int = 0
    ledger: int = 0
    code: int = 0
    status: int = 0
    user_data_128: bytes = b""
    user_data_64: int = 0
    user_data_32: int = 0
    from_ns: int = 0
    until_ns: int = 0
    newest_first: bool = False

    def page(self, accounts: Accounts, after: int, limit: int) -> tuple[list[int], int]:
        """Returns accounts after a dense index, 0 at the beginning, and the index to go on after, 0 at the end.

        A page may be shorter than `limit`, even empty, and not the last.
        """
        names = ("account_class", "ledger", "code", "user_data_128", "user_data_64", "user_data_32")
        wanted = [(getattr(accounts, name), value) for name in names if (value := getattr(self, name))]
        candidates, looked_at = self._candidates(accounts, after)
        page: list[int] = []
        for number in looked_at[:EXAMINED]:
            account = candidates[number]
            if any(column[account] != value for column, value in wanted):
                continue
            if self.status and accounts.shown_status(account) != self.status:
                continue
            if len(page) == limit:
                return page, page[-1]
            page.append(account)
        return page, candidates[looked_at[EXAMINED - 1]] if len(looked_at) > EXAMINED else 0

    def _candidates(self, accounts: Accounts, after: int) -> tuple[Sequence[int], range]:
        """Returns accounts in order of creation, which is that of time, and which of them by number are looked at."""
        owned = accounts.of_owner.get(self.owner_id, []) if self.owner_id else range(1, len(accounts))
        opened = accounts.timestamp.__getitem__
        first = bisect_left(owned, self.from_ns, key=opened) if self.from_ns else 0
        end = bisect_left(owned, self.until_ns, key=opened) if self.until_ns else len(owned)
        if not self.newest_first:
            return owned, range(max(first, bisect_right(owned, after)), end)
        last = min(end, bisect_left(owned, after)) if after else end
        return owned, range(last - 1, first - 1, -1)
