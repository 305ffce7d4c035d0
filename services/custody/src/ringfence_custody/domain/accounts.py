"""The accounts of a book as parallel lists: plain, small, and quick to index."""

from __future__ import annotations

from collections import defaultdict

from ringfence_kernel.ids import ZERO_ID

from ringfence_custody.domain.lifecycle import CREDITS_PASS, DEBITS_PASS, AccountStatus
from ringfence_custody.domain.rules import CREDIT_SHIFT, AccountClass, account_key
from ringfence_custody.domain.statuses import CLOSED, COVERED

BLOCKED = -1


class Accounts:
    """State of all accounts by dense index; index 0 is nobody, so that an unknown id has an index too.

    `debit_key` and `credit_key` tell ledger and class where money may pass without a second thought, and are BLOCKED
    where it may not or where more is to be checked; their sum is a lane of the rule pack. `covered` accounts take part
    in the cover of overdrafts: clients that may be overdrawn, and guarantees.
    """

    __slots__ = (
        "account_class",
        "code",
        "covered",
        "credit_key",
        "credits_pending",
        "credits_posted",
        "debit_key",
        "debits_pending",
        "debits_posted",
        "flags",
        "holds",
        "id",
        "index",
        "ledger",
        "of_owner",
        "orders",
        "owner_id",
        "status",
        "timestamp",
        "user_data_32",
        "user_data_64",
        "user_data_128",
    )

    def __init__(self) -> None:
        """Starts with nobody."""
        self.index: dict[bytes, int] = {}
        self.of_owner: defaultdict[bytes, list[int]] = defaultdict(list)
        self.orders: dict[int, tuple[str, ...]] = {}
        self.id: list[bytes] = [ZERO_ID]
        self.owner_id: list[bytes] = [ZERO_ID]
        self.user_data_128: list[bytes] = [ZERO_ID]
        self.user_data_64: list[int] = [0]
        self.user_data_32: list[int] = [0]
        self.account_class: list[int] = [0]
        self.ledger: list[int] = [0]
        self.code: list[int] = [0]
        self.flags: list[int] = [0]
        self.status: list[int] = [0]
        self.holds: list[int] = [0]
        self.timestamp: list[int] = [0]
        self.debits_pending: list[int] = [0]
        self.debits_posted: list[int] = [0]
        self.credits_pending: list[int] = [0]
        self.credits_posted: list[int] = [0]
        self.covered: list[bool] = [False]
        self.debit_key: list[int] = [BLOCKED]
        self.credit_key: list[int] = [BLOCKED]

    def __len__(self) -> int:
        """Returns the number of accounts, nobody included: the index of the next one."""
        return len(self.id)

    def balance_lists(self) -> tuple[list[int], ...]:
        """Returns the four lists of balances."""
        return self.debits_pending, self.debits_posted, self.credits_pending, self.credits_posted

    def add_keys(self, account: int) -> None:
        """Makes room for the keys of the account that was added last, and works them out."""
        self.debit_key.append(BLOCKED)
        self.credit_key.append(BLOCKED)
        self.covered.append(False)
        self.set_keys(account)

    def cut(self, count: int) -> None:
        """Forgets all accounts from index `count` on; they have no transfers."""
        for account in range(len(self) - 1, count - 1, -1):
            del self.index[self.id[account]]
            self.of_owner[self.owner_id[account]].pop()
        for name in self.__slots__:
            if isinstance(column := getattr(self, name), list):
                del column[count:]

    def set_keys(self, account: int) -> None:
        """Works out the account's keys after its flags, state or holds changed."""
        flags, status, account_class = self.flags[account], self.status[account], self.account_class[account]
        covered = bool(flags & COVERED) or account_class == AccountClass.GUARANTEE
        key = account_key(self.ledger[account], account_class)
        plain = not (covered or self.holds[account] or flags & CLOSED)
        self.covered[account] = covered
        self.debit_key[account] = key if plain and status in DEBITS_PASS else BLOCKED
        self.credit_key[account] = key << CREDIT_SHIFT if plain and status in CREDITS_PASS else BLOCKED

    def shown_status(self, account: int) -> AccountStatus:
        """Returns the status as seen from outside: FROZEN while there is a hold."""
        return AccountStatus.FROZEN if self.holds[account] else AccountStatus(self.status[account])

    def balances(self, account: int) -> tuple[int, int, int, int]:
        """Returns debits pending and posted, credits pending and posted, in minor units."""
        return (
            self.debits_pending[account],
            self.debits_posted[account],
            self.credits_pending[account],
            self.credits_posted[account],
        )

    def posted_balance(self, account: int) -> int:
        """Returns credits minus debits, posted, in minor units."""
        return self.credits_posted[account] - self.debits_posted[account]
