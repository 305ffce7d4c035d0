"""Changes to proofs of balances, each by its number; what is accepted is, but for its receipt, the one that is due.

`python -m clients.verifier.tests.mutations.balances` (part of `make mutations`) makes 20,000 of them.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from random import Random

from ringfence_verifier.balance import BalanceRefused, verify_balance

from ..balances import PLATFORM, Bookkeeping, Parts, account, between
from ..notes import Signer
from . import pieces

SIZES = (1, 63, 64, 65, 130, 640)
REASONS = frozenset(
    (
        "TOO_LONG", "NO_BALANCE", "CUT_SHORT", "NO_ACCOUNT", "RECEIPT_REFUSED", "NOT_BOOKS", "PAGE_OUTSIDE",
        "ACCOUNTS_DISORDERED", "PAGES_MISSING", "PAGES_NEEDLESS", "PAGES_NOT_PROVEN", "NOT_AT_ITS_END",
    )
)  # fmt: skip
"""Why changes are refused, each of which occurs; the key and the policy are the caller's, and change in no proof."""


@dataclass(frozen=True)
class Changed:
    """A changed proof: what was done to it, of which books, and what is due about its account."""

    done: str
    content: bytes
    books: Bookkeeping


def changed(number: int) -> Changed:
    """Returns the change of a number, the same on every machine."""
    chance = Random(f"ringfence/balance/{number}")
    books = kept(chance.choice(SIZES))
    at = chance.randrange(books.accounts + 1)
    good = books.parts(chance.choice((account, between))(at) if at else account(0))
    done, change = _CHANGES[number % len(_CHANGES)]
    return Changed(done, change(chance, good, books), books)


@cache
def kept(accounts: int) -> Bookkeeping:
    """Gives books of so many accounts."""
    return Bookkeeping(accounts)


def judged(case: Changed) -> str:
    """Gives the reason of a refusal, "accepted" where what is due was accepted; raises AssertionError for a lie."""
    try:
        found = verify_balance(case.content, case.books.signer.vkey)
    except BalanceRefused as error:
        return error.reason
    due = case.books.parts(found.account)
    length = int.from_bytes(case.content[36:40], "big")
    due = replace(due, receipt=case.content[40 : 40 + length])
    assert due.encoded() == case.content, f"{case.done}: accepted, and another is due"
    return "accepted"


def _unchanged(chance: Random, good: Parts, books: Bookkeeping) -> bytes:
    return good.encoded()


def _raw(chance: Random, good: Parts, books: Bookkeeping) -> bytes:
    return pieces.raw(chance, good.encoded())


def _account(chance: Random, good: Parts, books: Bookkeeping) -> bytes:
    other = account(chance.randrange(books.accounts))
    return replace(good, account=chance.choice((bytes(16), other, pieces.flipped(chance, good.account)))).encoded()


def _pages(chance: Random, good: Parts, books: Bookkeeping) -> bytes:
    """Other pages than are due, with their proof or with the one that was there."""
    count = len(books.pages)
    first = chance.randrange(count)
    end = chance.randint(first + 1, min(first + 3, count))
    found = books.with_pages(good.account, first, end)
    return chance.choice((found, replace(found, hashes=good.hashes), replace(good, first=found.first))).encoded()


def _records(chance: Random, good: Parts, books: Bookkeeping) -> bytes:
    """A record changed, left out, doubled, moved; or a sum of it by one cent."""
    at = chance.randrange(len(good.pages))
    page = good.pages[at]
    records = [page[each : each + 48] for each in range(0, len(page), 48)]
    if chance.random() < 0.3:
        which, sums = chance.randrange(len(records)), chance.randrange(16, 48)
        record = bytearray(records[which])
        record[sums] ^= 1
        records[which] = bytes(record)
    else:
        strange = (bytes(48), b"\xff" * 48)
        records = pieces.listed(chance, records, strange, lambda each: pieces.flipped(chance, each))
    return replace(good, pages=(*good.pages[:at], b"".join(records), *good.pages[at + 1 :])).encoded()


def _hashes(chance: Random, good: Parts, books: Bookkeeping) -> bytes:
    made = pieces.listed(chance, list(good.hashes), (bytes(32),), lambda each: pieces.flipped(chance, each))
    return replace(good, hashes=tuple(made)).encoded()


def _receipt(chance: Random, good: Parts, books: Bookkeeping) -> bytes:
    return replace(good, receipt=pieces.raw(chance, good.receipt)).encoded()


def _of_another(chance: Random, good: Parts, books: Bookkeeping) -> bytes:
    """A receipt of other books, of no books, of somebody else's log."""
    others = (
        kept(chance.choice([each for each in SIZES if each != books.accounts])),
        Bookkeeping(books.accounts, kind="audit.state.v1"),
        Bookkeeping(books.accounts, stated=(("tenant_id", PLATFORM[:8]),)),
        Bookkeeping(books.accounts, stated=(("accounts", chance.choice((-1, 0, 1 << 40))),)),
        Bookkeeping(books.accounts, stated=(("accounts", books.accounts + 64),)),
        Bookkeeping(books.accounts, stated=(("balances_root", bytes(32)),)),
        Bookkeeping(books.accounts, signer=Signer(seed=b"\x01" * 32)),
    )
    return replace(good, receipt=chance.choice(others).receipt.encode()).encoded()


def _sized(chance: Random, good: Parts, books: Bookkeeping) -> bytes:
    """With a count or length of more than there is, something after its end, or far too long."""
    content = bytearray(good.encoded())
    step = chance.randrange(4)
    if step == 0:
        return bytes(content) + chance.choice((b"\0", bytes(32)))
    if step == 1:
        return bytes(content) + bytes(256 * 1024)
    at = chance.choice((36, 40 + len(good.receipt), 44 + len(good.receipt)))
    content[at : at + 4] = chance.choice((b"\xff", b"\x7f", b"\x00")) * 4
    return bytes(content)


def _header(chance: Random, good: Parts, books: Bookkeeping) -> bytes:
    return replace(good, header=chance.choice((b"", b"ringfence-balance/2\n", good.header[:-1]))).encoded()


_CHANGES: Sequence[tuple[str, Callable[[Random, Parts, Bookkeeping], bytes]]] = (
    ("none", _unchanged),
    ("raw", _raw),
    ("account", _account),
    ("pages", _pages),
    ("pages", _pages),
    ("records", _records),
    ("records", _records),
    ("hashes", _hashes),
    ("receipt", _receipt),
    ("another", _of_another),
    ("sizes", _sized),
    ("header", _header),
)


def main(arguments: Sequence[str]) -> int:
    """Judges, prints, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="make mutations", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    options = parser.parse_args(arguments)
    began = time.monotonic()
    found = Counter(judged(changed(number)) for number in range(options.cases))
    for reason, count in sorted(found.items()):
        print(f"{reason:24}{count:10,}")
    print(f"{options.cases:,} changed balances in {time.monotonic() - began:.0f} s, no fault")
    return 0 if found.keys() >= REASONS else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
