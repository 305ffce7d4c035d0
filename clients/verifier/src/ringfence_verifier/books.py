"""Books computed again from a log's leaves alone (docs/formats.md, books), and held to what the log states of them.

Custody's leaf says when it has closed books, and what they come to in its memory; the log's own leaf what the
transfers before come to. The second is computed here, and has to be right, or the log is refused; where custody's is
another, that is a finding about custody, and the log has to own up to it.
"""

from __future__ import annotations

import zlib
from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from ringfence_verifier.errors import VerificationError
from ringfence_verifier.leaf import Fact
from ringfence_verifier.proofs import TreeHash

ACCOUNT_KIND, TRANSFER_KIND = "custody.account.v1", "custody.transfer.v1"
EXPIRED_KIND, CLOSED_KIND, BOOKS_KIND = "custody.transfer_expired.v1", "custody.books_closed.v1", "audit.books.v1"
KINDS = frozenset({ACCOUNT_KIND, TRANSFER_KIND, EXPIRED_KIND, CLOSED_KIND, BOOKS_KIND})
CLASS_PREFIX = "class_"
PAGE_ACCOUNTS = 64
ZERO_ROOT = bytes(32)
_NO_ID = bytes(16)
_PENDING, _POST, _VOID = 2, 4, 8
_WORD = (1 << 64) - 1
_MIRROR, _OWED, _OWN = "bank_mirror", "shortfall", ("platform", "fee")


@dataclass(frozen=True)
class ClosedBooks:
    """A closing of custody at the index of its leaf, and whether custody says what the leaves before come to.

    `is_covered` tells whether clients' money is at the banks by these leaves.
    """

    leaf: int
    tenant_id: bytes
    ledger: int
    is_same: bool
    is_covered: bool
    balances_root: bytes

    @property
    def key(self) -> bytes:
        """Platform and currency."""
        return self.tenant_id + (self.ledger & 0xFFFFFFFF).to_bytes(4, "big")

    def record(self) -> bytes:
        """Gives the bytes that `books_root` is hashed over."""
        return self.key + self.leaf.to_bytes(8, "big") + self.balances_root

    def saved(self) -> list[Any]:
        """Gives it for JSON."""
        said = (self.leaf, self.tenant_id.hex(), self.ledger, self.is_same, self.is_covered, self.balances_root.hex())
        return list(said)

    @classmethod
    def restored(cls, saved: Iterable[Any]) -> ClosedBooks:
        """Takes up what `saved` gave; raises ValueError or TypeError for something else."""
        leaf, tenant, ledger, is_same, is_covered, root = saved
        return cls(int(leaf), bytes.fromhex(tenant), int(ledger), bool(is_same), bool(is_covered), bytes.fromhex(root))


@dataclass(frozen=True)
class ClassTotals:
    """Accounts of a class, their sums in minor units, and what is positive of their balances."""

    accounts: int
    debits_pending: int
    debits_posted: int
    credits_pending: int
    credits_posted: int
    positive: int

    @classmethod
    def unpacked(cls, packed: bytes) -> ClassTotals:
        """Reads the 64 bytes of a leaf; raises VerificationError for another length."""
        if len(packed) != 64:
            raise VerificationError("totals of a class do not have 64 bytes")
        sums = [int.from_bytes(packed[at : at + 12], "big") for at in range(4, 64, 12)]
        return cls(int.from_bytes(packed[:4], "big"), *sums)

    @property
    def balance(self) -> int:
        """What is owed to the holders, below zero what they owe; minor units."""
        return self.credits_posted - self.debits_posted


class Fold:
    """Balances of all platforms, leaf by leaf: some 250 bytes an account, and what is reserved."""

    def __init__(self) -> None:
        self._rows: dict[bytes, int] = {}
        self._ledgers, self._classes = array("i"), array("H")
        self._sums = [array("Q") for _ in range(4)]
        self._names: list[str] = []
        self._open: dict[bytes, tuple[int, int, int]] = {}

    def add(self, fact: Fact) -> None:
        """Takes the next leaf, of whatever kind."""
        if fact.kind == TRANSFER_KIND:
            self._transfer(fact)
        elif fact.kind == ACCOUNT_KIND:
            self._account(fact)
        elif fact.kind == EXPIRED_KIND:
            self._release(_id(fact, "tenant_id") + _id(fact, "transfer_id"))

    def stated(self, tenant: bytes, ledger: int) -> dict[str, int | bytes]:
        """Gives what books of a platform and currency come to, as fields of a leaf."""
        found = sorted(
            (key, row) for key, row in self._rows.items() if key.startswith(tenant) and self._ledgers[row] == ledger
        )
        tree, page = TreeHash(), list[bytes]()
        totals: dict[str, list[int]] = {}
        for key, row in found:
            sums = [column[row] for column in self._sums]
            page.append(key[16:] + b"".join(each.to_bytes(8, "big") for each in sums))
            if len(page) == PAGE_ACCOUNTS:
                tree.extend([b"".join(page)])
                page = []
            of_class = totals.setdefault(self._names[self._classes[row]], [0] * 6)
            balance = _signed(sums[3] - sums[1])
            for at, each in enumerate((1, *sums, max(0, balance))):
                of_class[at] += each
        if page:
            tree.extend([b"".join(page)])
        packed = {f"{CLASS_PREFIX}{name}": _packed(each) for name, each in totals.items()}
        return {"accounts": len(found), "balances_root": tree.root(), **packed}

    def saved(self) -> dict[str, Any]:
        """Gives all of it, to be written as JSON."""
        numbers = (self._ledgers, self._classes, *self._sums)
        reserved = b"".join(key for key in self._open)
        of_reserved = array("q", [value for each in self._open.values() for value in each])
        return {
            "accounts": _written(b"".join(self._rows)),
            "numbers": [_written(column.tobytes()) for column in numbers],
            "classes": self._names,
            "open": [_written(reserved), _written(of_reserved.tobytes())],
        }

    @classmethod
    def restored(cls, saved: Mapping[str, Any]) -> Fold:
        """Takes up what `saved` gave; raises ValueError, TypeError, LookupError or zlib.error for something else."""
        fold = cls()
        fold._rows = {key: row for row, key in enumerate(_keys(_read(saved["accounts"])))}
        columns = (fold._ledgers, fold._classes, *fold._sums)
        for column, written in zip(columns, saved["numbers"], strict=True):
            column.frombytes(_read(written))
            if len(column) != len(fold._rows):
                raise ValueError("a column of books has another length")
        fold._names = [str(name) for name in saved["classes"]]
        keys, values = map(_read, saved["open"])
        numbers = array("q", values)
        triples = zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)
        fold._open = dict(zip(_keys(keys), triples, strict=True))
        return fold

    def _account(self, fact: Fact) -> None:
        key, name = _id(fact, "tenant_id") + _id(fact, "account_id"), fact.fields.get("account_class")
        if key in self._rows:
            return
        shown = name.lower() if isinstance(name, str) else ""
        if shown not in self._names:
            self._names.append(shown)
        self._rows[key] = len(self._rows)
        self._ledgers.append(_integer(fact, "ledger") & 0x7FFFFFFF)
        self._classes.append(self._names.index(shown))
        for column in self._sums:
            column.append(0)

    def _transfer(self, fact: Fact) -> None:
        tenant, flags, amount = _id(fact, "tenant_id"), _integer(fact, "flags"), _integer(fact, "amount_minor")
        debit, credit = (self._rows.get(tenant + _id(fact, f"{side}_account_id"), -1) for side in ("debit", "credit"))
        if flags & _PENDING:
            key = tenant + _id(fact, "transfer_id")
            self._release(key)
            self._open[key] = debit, credit, amount
            self._move(debit, credit, amount, 0)
        elif flags & (_POST | _VOID):
            self._release(tenant + _id(fact, "pending_id"))
            if flags & _POST:
                self._move(debit, credit, 0, amount)
        else:
            self._move(debit, credit, 0, amount)

    def _release(self, key: bytes) -> None:
        debit, credit, amount = self._open.pop(key, (-1, -1, 0))
        self._move(debit, credit, -amount, 0)

    def _move(self, debit: int, credit: int, pending: int, posted: int) -> None:
        debits_pending, debits_posted, credits_pending, credits_posted = self._sums
        for row, pendings, posteds in (
            (debit, debits_pending, debits_posted),
            (credit, credits_pending, credits_posted),
        ):
            if row >= 0:
                pendings[row] = (pendings[row] + pending) & _WORD
                posteds[row] = (posteds[row] + posted) & _WORD


@dataclass
class BooksAudit:
    """Holds what a log states of books to its leaves: call `add` with each leaf, `root` at each state."""

    fold: Fold = field(default_factory=Fold)
    _newest: dict[bytes, ClosedBooks] = field(default_factory=dict)
    """By platform and currency, of those that are stated."""
    _waiting: dict[int, tuple[ClosedBooks, dict[str, int | bytes]]] = field(default_factory=dict)
    """What custody has closed and the log has not stated yet, by the index of custody's leaf."""
    _size: int = 0

    def add(self, index: int, fact: Fact) -> None:
        """Takes the leaf at an index; raises VerificationError where it states other books than the leaves come to."""
        if fact.kind not in KINDS:
            return
        if fact.kind == CLOSED_KIND:
            self._close(index, fact)
        elif fact.kind == BOOKS_KIND:
            self._state(fact)
        else:
            self.fold.add(fact)

    def root(self, size: int) -> bytes:
        """Gives the root over the books of the first `size` leaves; raises VerificationError where it is not known.

        It is at the size after a closing of custody, up to which each one is stated.
        """
        if size != self._size:
            raise VerificationError(f"books over {size} leaves are not what the log has stated so far")
        if not size:
            return ZERO_ROOT
        return sha256(b"".join(each.record() for each in self.newest())).digest()

    def newest(self) -> tuple[ClosedBooks, ...]:
        """Gives the newest books of each platform and currency that the log states, in order of their ids."""
        return tuple(self._newest[key] for key in sorted(self._newest))

    @property
    def unstated(self) -> int:
        """How many closings of custody the log has not stated yet."""
        return len(self._waiting)

    def saved(self) -> dict[str, Any]:
        """Gives all of it but what was closed before, to be written as JSON."""
        waiting = [(closed.saved(), _shown(stated)) for closed, stated in self._waiting.values()]
        newest = [each.saved() for each in self.newest()]
        return {"fold": self.fold.saved(), "newest": newest, "waiting": waiting, "size": self._size}

    @classmethod
    def restored(cls, saved: Mapping[str, Any]) -> BooksAudit:
        """Takes up what `saved` gave; raises what `Fold.restored` raises."""
        audit = cls(Fold.restored(saved["fold"]))
        audit._newest = {each.key: each for each in map(ClosedBooks.restored, saved["newest"])}
        audit._size = int(saved["size"])
        for of_closed, shown in saved["waiting"]:
            closed = ClosedBooks.restored(of_closed)
            stated = {name: each if isinstance(each, int) else bytes.fromhex(each) for name, each in shown.items()}
            audit._waiting[closed.leaf] = closed, stated
        return audit

    def _close(self, index: int, fact: Fact) -> None:
        tenant, ledger = _id(fact, "tenant_id"), _integer(fact, "ledger")
        stated = self.fold.stated(tenant, ledger)
        compared = {name for name in fact.fields if name.startswith(CLASS_PREFIX)} | stated.keys()
        is_same = all(fact.fields.get(name) == stated.get(name) for name in compared)
        root = stated["balances_root"]
        assert isinstance(root, bytes)
        closed = ClosedBooks(index, tenant, ledger, is_same, is_covered(stated), root)
        self._waiting[index] = closed, stated

    def _state(self, fact: Fact) -> None:
        leaf = fact.integer("closing")
        first = next(iter(self._waiting), None)
        if leaf != first:
            raise VerificationError(f"it states books closed at {leaf}, and those at {first} come next")
        closed, stated = self._waiting.pop(leaf)
        about: dict[str, int | bytes] = {"tenant_id": closed.tenant_id, "ledger": closed.ledger}
        verdict = {"is_same": int(closed.is_same), "is_covered": int(closed.is_covered)}
        expected = {**stated, **about, **verdict}
        compared = {name for name in fact.fields if name.startswith(CLASS_PREFIX)} | expected.keys()
        wrong = sorted(name for name in compared if fact.fields.get(name) != expected.get(name))
        if wrong:
            raise VerificationError(f"the books that it states are not what the leaves come to: {', '.join(wrong)}")
        self._newest[closed.key] = closed
        self._size = leaf + 1


def is_covered(stated: Mapping[str, Any]) -> bool:
    """Tells whether what is positive of clients' balances is at the banks, by the fields of a leaf of books."""

    def of(name: str) -> ClassTotals:
        packed = stated.get(f"{CLASS_PREFIX}{name}")
        return ClassTotals.unpacked(packed) if isinstance(packed, bytes) else ClassTotals(0, 0, 0, 0, 0, 0)

    at_banks = -of(_MIRROR).balance - of(_OWED).balance - sum(of(name).balance for name in _OWN)
    return of("client").positive <= at_banks


def _packed(totals: Iterable[int]) -> bytes:
    accounts, *sums = totals
    return accounts.to_bytes(4, "big") + b"".join(each.to_bytes(12, "big") for each in sums)


def _signed(number: int) -> int:
    number &= _WORD
    return number - (1 << 64) if number >> 63 else number


def _id(fact: Fact, name: str) -> bytes:
    value = fact.fields.get(name)
    return value if isinstance(value, bytes) and len(value) == len(_NO_ID) else _NO_ID


def _integer(fact: Fact, name: str) -> int:
    value = fact.fields.get(name)
    return value if isinstance(value, int) else 0


def _keys(packed: bytes) -> Iterator[bytes]:
    return (packed[at : at + 32] for at in range(0, len(packed), 32))


def _written(content: bytes) -> str:
    return b64encode(zlib.compress(content, 1)).decode()


def _read(written: str) -> bytes:
    return zlib.decompress(b64decode(written))


def _shown(stated: Mapping[str, int | bytes]) -> dict[str, int | str]:
    return {name: each.hex() if isinstance(each, bytes) else each for name, each in stated.items()}
