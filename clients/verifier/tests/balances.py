"""Books of a few accounts in a log, and proofs of balances in them, by their definition."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from .answers import combined
from .notes import Signer, base64, leaf, path, tree_hash

PLATFORM = b"\xfa" * 16
Sums = tuple[int, int, int, int]


def account(number: int) -> bytes:
    """Gives the id of an account; ids ascend with the numbers, and leave room between them."""
    return (2 * number + 1).to_bytes(16, "big")


def between(number: int) -> bytes:
    """Gives an id that nobody has, below that of an account."""
    return (2 * number).to_bytes(16, "big")


@dataclass(frozen=True)
class Parts:
    """A proof taken apart."""

    account: bytes
    receipt: bytes
    first: int
    pages: tuple[bytes, ...]
    hashes: tuple[bytes, ...]
    header: bytes = b"ringfence-balance/1\n"

    def encoded(self) -> bytes:
        """Writes it."""
        head = self.header + self.account + len(self.receipt).to_bytes(4, "big") + self.receipt
        numbers = (self.first % 2**32).to_bytes(4, "big") + len(self.pages).to_bytes(4, "big")
        return head + numbers + b"".join(self.pages) + len(self.hashes).to_bytes(2, "big") + b"".join(self.hashes)


@dataclass(frozen=True)
class Bookkeeping:
    """A log of seven leaves, of which the fifth states the books of so many accounts."""

    accounts: int
    signer: Signer = field(default_factory=Signer)
    stated: tuple[tuple[str, int | bytes], ...] = ()
    """Fields of the leaf that are others."""
    kind: str = "audit.books.v1"
    before: tuple[bytes, ...] = tuple(leaf("example.fact.v1", at=each) for each in range(4))
    """The first four leaves."""

    def sums(self, number: int) -> Sums:
        """Gives those of an account."""
        return number, 2 * number + 7, 3 * number, (1 << 63) + number

    @cached_property
    def pages(self) -> list[bytes]:
        """All pages."""
        records = [
            account(each) + b"".join(sums.to_bytes(8, "big") for sums in self.sums(each))
            for each in range(self.accounts)
        ]
        return [b"".join(records[at : at + 64]) for at in range(0, self.accounts, 64)]

    @cached_property
    def leaves(self) -> list[bytes]:
        """The log."""
        fields: dict[str, int | bytes] = {
            "accounts": self.accounts,
            "balances_root": tree_hash(self.pages),
            "closing": 2,
            "is_covered": 1,
            "is_same": 1,
            "ledger": 978,
            "tenant_id": PLATFORM,
            "time_ns": 1_700_000_000_000_000_000,
        }
        books = leaf(self.kind, **{**fields, **dict(self.stated)})
        return [*self.before, books, leaf("x"), leaf("y")]

    @cached_property
    def receipt(self) -> str:
        """That of the leaf."""
        note = self.signer.note(self.signer.name, str(len(self.leaves)), base64(tree_hash(self.leaves)))
        hashes = "".join(f"{base64(each)}\n" for each in path(4, self.leaves))
        return f"c2sp.org/tlog-proof@v1\nextra {base64(self.leaves[4])}\nindex 4\n{hashes}\n{note}"

    def parts(self, wanted: bytes) -> Parts:
        """Gives the proof about an account."""
        starts = [page[:16] for page in self.pages]
        first = max((at for at, start in enumerate(starts) if start <= wanted), default=0)
        ends = [page[-48:-32] for page in self.pages]
        end = next((at + 1 for at in range(first, len(ends)) if ends[at] >= wanted), len(ends))
        return self.with_pages(wanted, first, end)

    def with_pages(self, wanted: bytes, first: int, end: int) -> Parts:
        """Gives a proof that shows some pages, whether they are due or not."""
        hashes = combined(self.pages, set(range(first, end))) if self.pages else []
        return Parts(wanted, self.receipt.encode(), first, tuple(self.pages[first:end]), tuple(hashes))
