"""The accounts of a book as parallel columns: plain, small, and quick to index.

Balances and keys are machine integers, so that a whole batch can be looked at in one go; the rest are lists.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.values.money import MAX_AMOUNT_MINOR as MAX

from ringfence_custody.ledger.domain.lifecycle import CREDITS_PASS, DEBITS_PASS, AccountStatus
from ringfence_custody.ledger.domain.purposes import CLASS_MASK, CREDIT_SHIFT, OWED_TO_US, AccountClass, account_key
from ringfence_custody.ledger.domain.result_codes import CLOSED, COVERED

BLOCKED = -1

Numbers: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]


class Accounts:
    """State of all accounts by dense index; index 0 is nobody, so that an unknown id has an index too.

    `debit_key` and `credit_key` tell ledger and class where money may pass without a second thought, and are BLOCKED
    where it may not or where more is to be checked; their sum is a lane of the rule pack. `covered` accounts take part
    in the cover of overdrafts: clients that may be overdrawn, and guarantees.
    """

    __slots__ = (
        "_scratch",
        "account_class",
        "changes",
        "code",
        "covered",
        "credit_key",
        "credits_pending",
        "credits_posted",
        "cuts",
        "debit_key",
        "debits_pending",
        "debits_posted",
        "flags",
        "holds",
        "id",
        "index",
        "ledger",
        "ledger_class",
        "of_owner",
        "orders",
        "owner_id",
        "restricted",
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
        # Accounts that an operator restricted: their owner's KYC cannot lift that.
        self.restricted: dict[int, None] = {}
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
        # How often accounts were forgotten: where that is the same, those that there were are there still.
        self.cuts = 0
        # How often status or holds were changed, or a decision on them was taken.
        self.changes = array("I", [0])
        self.debits_pending = array("q", [0])
        self.debits_posted = array("q", [0])
        self.credits_pending = array("q", [0])
        self.credits_posted = array("q", [0])
        self.covered: list[bool] = [False]
        self.debit_key = array("q", [BLOCKED])
        self.credit_key = array("q", [BLOCKED])
        # Both as one number, to add balances up by.
        self.ledger_class = array("H", [0])
        self._scratch: tuple[Numbers, Numbers, Flags] | None = None

    def __len__(self) -> int:
        """Returns the number of accounts, nobody included: the index of the next one."""
        return len(self.id)

    def balance_columns(self) -> tuple[array[int], ...]:
        """Returns the four columns of balances."""
        return self.debits_pending, self.debits_posted, self.credits_pending, self.credits_posted

    def add_keys(self, account: int) -> None:
        """Makes room for the keys of the account that was added last, and works them out."""
        self.debit_key.append(BLOCKED)
        self.credit_key.append(BLOCKED)
        self.covered.append(False)
        self.ledger_class.append(account_key(self.ledger[account], self.account_class[account]))
        self.set_keys(account)

    def restored(self) -> None:
        """Makes look-ups and keys anew after the columns were set."""
        self.cuts += 1
        self.index = {identifier: account for account, identifier in enumerate(self.id) if account}
        self.of_owner.clear()
        self.debit_key, self.credit_key, self.covered = array("q", [BLOCKED]), array("q", [BLOCKED]), [False]
        self.ledger_class = array("H", [0])
        for account in range(1, len(self)):
            self.add_keys(account)
            self.of_owner[self.owner_id[account]].append(account)

    def cut(self, count: int) -> None:
        """Forgets all accounts from index `count` on; they have no transfers."""
        self.cuts += 1
        for account in range(len(self) - 1, count - 1, -1):
            del self.index[self.id[account]]
            self.of_owner[self.owner_id[account]].pop()
        for name in self.__slots__:
            if isinstance(column := getattr(self, name), list | array):
                del column[count:]

    def view(self, name: str) -> Numbers:
        """Returns a column of numbers as an array over the same memory, to be dropped before an account is added."""
        return np.frombuffer(getattr(self, name), np.int64)

    def scratch(self) -> tuple[Numbers, Numbers, Flags]:
        """Returns two arrays of amounts and one of flags by account, all zero; whoever writes there clears it again."""
        if self._scratch is None or len(self._scratch[0]) < len(self):
            size = 2 * len(self)
            self._scratch = np.zeros(size, np.int64), np.zeros(size, np.int64), np.zeros(size, np.bool_)
        return self._scratch

    def room_to_debit(self, accounts: Numbers) -> Numbers:
        """Returns what can be debited from each: what is owed to us has no limit but the largest sum."""
        posted, pending = self.view("debits_posted")[accounts], self.view("debits_pending")[accounts]
        is_owed = np.isin(self.view("debit_key")[accounts] & CLASS_MASK, tuple(OWED_TO_US))
        room: Numbers = np.where(is_owed, MAX, self.view("credits_posted")[accounts]) - posted - pending
        return room

    def room_to_credit(self, accounts: Numbers) -> Numbers:
        """Returns what can be credited to each: what is owed to us has no more room than was debited."""
        posted, pending = self.view("credits_posted")[accounts], self.view("credits_pending")[accounts]
        is_owed = np.isin(self.view("credit_key")[accounts] >> CREDIT_SHIFT & CLASS_MASK, tuple(OWED_TO_US))
        room: Numbers = np.where(is_owed, self.view("debits_posted")[accounts], MAX) - posted - pending
        return room

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
