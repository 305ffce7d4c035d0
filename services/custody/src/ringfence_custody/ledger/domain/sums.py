"""What the balances of a book add up to: counted from the accounts, not from what was kept with the movements."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ringfence_custody.ledger.domain.accounts import Accounts
from ringfence_custody.ledger.domain.purposes import CLASS_MASK, account_key


class Net(NamedTuple):
    """Credits minus debits of some accounts, in minor units."""

    posted: int
    pending: int


class Balances(NamedTuple):
    """The net balances of a book's accounts at one moment, by dense index, and which ledger and class each is of."""

    keys: npt.NDArray[np.uint16]
    posted: npt.NDArray[np.int64]
    pending: npt.NDArray[np.int64]


def balances(accounts: Accounts) -> Balances:
    """Copies what is to be added up; some 5 ms for a million accounts."""
    return Balances(
        np.frombuffer(accounts.ledger_class, np.uint16).copy(),
        accounts.view("credits_posted") - accounts.view("debits_posted"),
        accounts.view("credits_pending") - accounts.view("debits_pending"),
    )


def nets(of: Balances) -> dict[tuple[int, int], Net]:
    """Returns what accounts of each ledger and class add up to; some 40 ms for a million accounts.

    Sums are exact modulo 2^64, so that those of balances that cancel each other out are zero however large they are.
    """
    found = {}
    for key in map(int, np.bincount(of.keys[1:]).nonzero()[0]):
        chosen = (of.keys == key).astype(np.int64)
        ledger, account_class = key // account_key(1, 0), key & CLASS_MASK
        found[ledger, account_class] = Net(int(of.posted @ chosen), int(of.pending @ chosen))
    return found
