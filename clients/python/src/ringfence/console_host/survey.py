"""What all facts of the log come to, folded leaf by leaf as they are read: books, payments that wait, the newest facts.

The tree's hash is made of the very leaves that are folded, so that what is shown is proven to be of all of them.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from uuid import UUID

from ringfence_console.ports import Book
from ringfence_desk.fact import Fact
from ringfence_desk.kinds import TRANSFER, phase_of, platform_of
from ringfence_desk.names import Account, AccountKey, account_in
from ringfence_desk.safeguarding import CLIENT, GUARANTEE, SUSPENSE, Equation, grown_minor
from ringfence_verifier import VerificationError
from ringfence_verifier.proofs import TreeHash

_STEP, _EXPIRED = "payment-instruction.step.v1", "custody.transfer_expired.v1"
LATEST = 400
"""So many of the newest facts are kept."""
InBook = tuple[UUID | None, UUID]
"""The platform in whose book something has an id, and the id: it is unique there, not in the world."""
BookKey = tuple[UUID | None, int]


@dataclass
class Survey:
    """The fold so far; each account's balance in minor units, on the side on which its class grows.

    `reserved` has by transfer whose account it sets something aside of, and how much; `latest_leaves` are the leaves of
    `latest`. `size` is how many leaves were taken, `next_leaf` the index after the last one: whoever may read a part
    of the log gets leaves with gaps between.
    """

    tree: TreeHash = field(default_factory=TreeHash)
    size: int = 0
    next_leaf: int = 0
    accounts: dict[AccountKey, Account] = field(default_factory=dict)
    payments: dict[InBook, tuple[str, str]] = field(default_factory=dict)
    latest: deque[Fact] = field(default_factory=lambda: deque(maxlen=LATEST))
    latest_leaves: deque[tuple[int, bytes]] = field(default_factory=lambda: deque(maxlen=LATEST))
    reserved: dict[InBook, tuple[UUID, int]] = field(default_factory=dict)
    _balances: Counter[AccountKey] = field(default_factory=Counter)

    def add(self, fact: Fact, leaf: bytes) -> None:
        """Takes the next fact and its leaf; raises VerificationError for one that is not beyond the last."""
        if fact.index < self.next_leaf:
            raise VerificationError(f"the log has given leaf {fact.index} after leaf {self.next_leaf - 1}")
        self.tree.extend([leaf])
        self.size += 1
        self.next_leaf = fact.index + 1
        platform = platform_of(fact)
        self.show(fact, leaf)
        if fact.kind == TRANSFER:
            self._transfer(fact)
        elif fact.kind == _STEP and (payment := fact.id("instruction_id")):
            self.payments[platform, payment] = fact.text("status"), fact.text("reason")
        elif account := account_in(fact):
            self.accounts.setdefault(account.key, account)
        elif fact.kind == _EXPIRED and (transfer := fact.id("transfer_id")):
            self.reserved.pop((platform, transfer), None)

    def show(self, fact: Fact, leaf: bytes) -> None:
        """Has a fact be the newest."""
        self.latest.append(fact)
        self.latest_leaves.append((fact.index, leaf))

    def take_up(self, account: Account, balance_minor: int) -> None:
        """Goes on from an account's balance."""
        self.accounts[account.key] = account
        self._balances[account.key] = balance_minor

    def balance_minor(self, key: AccountKey) -> int:
        """Gives an account's balance on the side on which its class grows."""
        return self._balances[key]

    def books(self) -> list[Book]:
        """Gives the book of each platform and currency, the platforms in the order in which they opened accounts."""
        by_class: dict[BookKey, Counter[str]] = {}
        positive, clients, reserved = Counter[BookKey](), Counter[BookKey](), Counter[BookKey]()
        for account in self.accounts.values():
            key, balance = (account.platform_id, account.ledger), self._balances[account.key]
            by_class.setdefault(key, Counter())[account.account_class] += balance
            if account.account_class == CLIENT:
                clients[key] += 1
                # A client's account below zero is money that is missing, not less that is owed.
                positive[key] += max(balance, 0)
        for (platform, _), (account_id, minor) in self.reserved.items():
            if found := self.accounts.get((platform, account_id)):
                reserved[platform, found.ledger] += minor
        return [
            Book(
                platform_id=key[0],
                ledger=key[1],
                equation=Equation.of(totals, positive[key]),
                suspense_minor=totals[SUSPENSE],
                guarantee_minor=totals[GUARANTEE],
                reserved_minor=reserved[key],
                client_accounts=clients[key],
            )
            for key, totals in by_class.items()
        ]

    def _transfer(self, fact: Fact) -> None:
        transfer, debit, credit = (fact.id(each) for each in ("transfer_id", "debit_account_id", "credit_account_id"))
        minor, phase, platform = fact.integer("amount_minor") or 0, phase_of(fact), platform_of(fact)
        if phase == "RESERVED":
            if transfer and debit:
                self.reserved[platform, transfer] = debit, minor
            return
        if pending := fact.id("pending_id"):
            self.reserved.pop((platform, pending), None)
        if phase != "RELEASED" and debit and credit:
            self._move((platform, debit), minor)
            self._move((platform, credit), -minor)

    def _move(self, key: AccountKey, debited_minor: int) -> None:
        # What names an account that was not opened before moves nothing there.
        if account := self.accounts.get(key):
            self._balances[key] += grown_minor(account.account_class, -debited_minor)
