"""An account's balance in books that a log has stated (docs/formats.md, balances): its record, or that it has none.

What is proven is what the log claims of the leaves before the closing. Whoever reads the whole log computes the books
again (`LogAudit`); whoever has a complete answer about the account adds up its transfers below the closing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise

from ringfence_verifier.books import BOOKS_KIND, PAGE_ACCOUNTS
from ringfence_verifier.combined import verify_combined
from ringfence_verifier.errors import ProofRefused, VerificationError
from ringfence_verifier.key_succession import KeySuccession
from ringfence_verifier.leaf import read_leaf
from ringfence_verifier.note import Checkpoint, VerifierKey
from ringfence_verifier.policy import Policy
from ringfence_verifier.proofs import HASH_BYTES, leaf_hash
from ringfence_verifier.reader import Reader
from ringfence_verifier.receipt import VerifiedLeaf, verify_receipt

HEADER = b"ringfence-balance/1\n"
MAX_BALANCE_BYTES = 256 * 1024
ID_BYTES, RECORD_BYTES = 16, 48
_PAGE_BYTES = PAGE_ACCOUNTS * RECORD_BYTES
_MOST_ACCOUNTS = 1 << 32


class BalanceRefused(ProofRefused):
    """The proof of a balance does not hold."""


@dataclass(frozen=True)
class Balances:
    """The four sums of an account, minor units."""

    debits_pending: int
    debits_posted: int
    credits_pending: int
    credits_posted: int

    @property
    def balance(self) -> int:
        """What is owed to the holder, below zero what he owes."""
        return self.credits_posted - self.debits_posted


@dataclass(frozen=True)
class ProvenBalance:
    """What books have of an account: its sums, None where it is not among their accounts.

    The books are those of a platform and currency (ISO 4217 numeric) over the log's leaves before `closing`, as the
    leaf at `index` states them, at `time_ns` (UTC). `is_same` says whether custody has closed the same, `is_covered`
    whether clients' money is there. `witnesses` are who has cosigned the checkpoint when (POSIX seconds).
    """

    account: bytes
    balances: Balances | None
    index: int
    closing: int
    tenant_id: bytes
    ledger: int
    accounts: int
    time_ns: int
    is_same: bool
    is_covered: bool
    checkpoint: Checkpoint
    note: str
    witnesses: dict[bytes, int] = field(default_factory=dict)


def verify_balance(
    proof: bytes, key: str | KeySuccession, *, origin: str | None = None, policy: Policy | None = None
) -> ProvenBalance:
    """Checks a proof of a balance offline with the log's public key, and by a policy that witnesses have seen its log.

    The key is a vkey, or all that the log was followed to. Raises BalanceRefused where the proof is malformed, of
    another log, shows another account or other pages than it has to, or does not hold.
    """
    try:
        VerifierKey.parse(key if isinstance(key, str) else key.newest)
    except VerificationError as error:
        raise BalanceRefused("KEY_REFUSED", str(error)) from error
    read = _Reader(proof)
    account, receipt = read.head()
    try:
        leaf = verify_receipt(receipt, key, origin=origin)
    except VerificationError as error:
        raise BalanceRefused("RECEIPT_REFUSED", str(error)) from error
    books = _Books.of(leaf)
    found = _record(read, account, books)
    read.end()
    note = receipt.partition("\n\n")[2]
    stated = (
        books.closing,
        books.tenant_id,
        books.ledger,
        books.accounts,
        books.time_ns,
        books.is_same,
        books.is_covered,
    )
    return ProvenBalance(account, found, leaf.index, *stated, leaf.checkpoint, note, _witnessed(note, policy))


@dataclass(frozen=True)
class _Books:
    """What a leaf states of books."""

    closing: int
    tenant_id: bytes
    ledger: int
    accounts: int
    time_ns: int
    is_same: bool
    is_covered: bool
    root: bytes

    @classmethod
    def of(cls, leaf: VerifiedLeaf) -> _Books:
        """Reads it; raises BalanceRefused for another leaf."""
        try:
            fact = read_leaf(leaf.leaf)
            if fact.kind != BOOKS_KIND:
                raise VerificationError(f"a {fact.kind} leaf states no books")
            closing, ledger, accounts, time_ns = map(fact.integer, ("closing", "ledger", "accounts", "time_ns"))
            verdicts = fact.integer("is_same") == 1, fact.integer("is_covered") == 1
            tenant, root = fact.content("tenant_id"), fact.content("balances_root")
        except VerificationError as error:
            raise BalanceRefused("NOT_BOOKS", str(error)) from error
        if not 0 <= accounts < _MOST_ACCOUNTS or len(tenant) != ID_BYTES or len(root) != HASH_BYTES:
            raise BalanceRefused("NOT_BOOKS", f"the books that leaf {leaf.index} states are malformed")
        return cls(closing, tenant, ledger, accounts, time_ns, *verdicts, root)


class _Reader(Reader):
    """Takes a proof of a balance apart."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content, "proof of a balance", MAX_BALANCE_BYTES, BalanceRefused)

    def head(self) -> tuple[bytes, str]:
        """Reads the account, and the receipt of the leaf that states the books."""
        self.begin(HEADER, "NO_BALANCE")
        account = self.take(ID_BYTES, "its account")
        if not any(account):
            raise BalanceRefused("NO_ACCOUNT", "its account is none")
        content = self.sized(4, "its receipt")
        try:
            return account, content.decode()
        except UnicodeDecodeError as error:
            raise BalanceRefused("RECEIPT_REFUSED", "the receipt is not UTF-8") from error


def _record(read: _Reader, account: bytes, books: _Books) -> Balances | None:
    """Reads the pages that show the account, or where it would stand; raises BalanceRefused."""
    first, count = read.number(4, "its pages"), read.number(4, "its pages")
    accounts, number_of_pages = books.accounts, -(-books.accounts // PAGE_ACCOUNTS)
    if first + count > number_of_pages or (accounts > 0) != (count > 0) or (first and not count):
        raise BalanceRefused("PAGE_OUTSIDE", "the books have no such pages")
    length = min(accounts * RECORD_BYTES, (first + count) * _PAGE_BYTES) - first * _PAGE_BYTES
    content = read.take(length, "a page")
    hashes = read.hashes(2)
    records = [content[at : at + RECORD_BYTES] for at in range(0, length, RECORD_BYTES)]
    if any(one[:ID_BYTES] >= other[:ID_BYTES] for one, other in pairwise(records)):
        raise BalanceRefused("ACCOUNTS_DISORDERED", "accounts are not in order, each once")
    pages = [content[at : at + _PAGE_BYTES] for at in range(0, length, _PAGE_BYTES)]
    if pages:
        _require_exactly(pages, account, is_first=first == 0, is_last=first + count == number_of_pages)
    _require_proven(pages, first, number_of_pages, hashes, books.root)
    found = next((each[ID_BYTES:] for each in records if each[:ID_BYTES] == account), None)
    return None if found is None else Balances(*(int.from_bytes(found[at : at + 8], "big") for at in range(0, 32, 8)))


def _require_exactly(pages: Sequence[bytes], account: bytes, *, is_first: bool, is_last: bool) -> None:
    """Demands the pages from the last that begins at the account or before, or the first, to that which reaches it."""
    if not is_first and pages[0][:ID_BYTES] > account:
        raise BalanceRefused("PAGES_MISSING", "the books are not shown from where they have to be")
    if any(each[:ID_BYTES] <= account for each in pages[1:]):
        raise BalanceRefused("PAGES_NEEDLESS", "the books are shown from before they have to be")
    if any(_last(each) >= account for each in pages[:-1]):
        raise BalanceRefused("PAGES_NEEDLESS", "the books are shown beyond where they have to be")
    if not is_last and _last(pages[-1]) < account:
        raise BalanceRefused("PAGES_MISSING", "the books are not shown as far as they have to be")


def _require_proven(pages: Sequence[bytes], first: int, count: int, hashes: Sequence[bytes], root: bytes) -> None:
    if not pages:
        if hashes or root != sha256(b"").digest():
            raise BalanceRefused("PAGES_NOT_PROVEN", "books without accounts have another root")
        return
    try:
        proven = [(first + number, leaf_hash(each)) for number, each in enumerate(pages)]
        verify_combined(proven, count, hashes, root)
    except VerificationError as error:
        raise BalanceRefused("PAGES_NOT_PROVEN", str(error)) from error


def _last(page: bytes) -> bytes:
    return page[-RECORD_BYTES:][:ID_BYTES]


def _witnessed(note: str, policy: Policy | None) -> dict[bytes, int]:
    if policy is None:
        return {}
    try:
        return policy.verify(note)[1]
    except VerificationError as error:
        raise BalanceRefused("QUORUM_MISSING", str(error)) from error
