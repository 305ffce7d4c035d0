"""The row of books: all balances of a log from its leaves alone, and a closing of them, in a process of its own."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import time
from collections import deque
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ringfence_audit.books.adapters.saving import restored, saved
from ringfence_audit.books.domain.fold import Block, Fold
from ringfence_audit.log.domain.leaf import Value, encode
from ringfence_custody.closings.adapters.ledger_books import LedgerBooks
from ringfence_custody.ledger.domain.book import Book

from bench.cpu import resident_mib
from bench.load import Seen
from bench.rows import Results, row

NAME = "audit_books"
CONTROL = "SHA-256 of the leaves"
ACCOUNTS = 1_000_000
BLOCK_LEAVES = 8_192
EUR = 978
TENANT = b"platform of many"
RESERVED_EVERY, SLOT = 20, b"\xee"

Leaves = list[tuple[int, bytes]]


def books(results: Results, leaves: int) -> None:
    """Folds as many leaves: a million accounts, then transfers among them, one in twenty a reservation or its end."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply(measured, (leaves, min(ACCOUNTS, leaves // 4)))
    seen = Seen(leaves, found["seconds"], [found["seconds"] * 1000])
    control = CONTROL, leaves / found["hash_seconds"]
    apart = "seconds", "hash_seconds"
    figures = {name: value for name, value in found.items() if name not in apart}
    results.add(row(NAME, leaves, 1, seen, control, **figures))


def measured(leaves: int, accounts: int) -> dict[str, Any]:
    """Returns seconds, MiB that the fold takes, and what a closing and a start cost."""
    fold, seconds, hashed = Fold(), 0.0, 0.0
    before = resident_mib(os.getpid())
    for block in blocks(leaves, accounts):
        started = time.perf_counter()
        deque(fold.take(block), maxlen=0)
        seconds += time.perf_counter() - started
        started = time.perf_counter()
        for _, leaf in block.leaves:
            sha256(leaf).digest()
        hashed += time.perf_counter() - started
    memory = resident_mib(os.getpid()) - before
    started = time.perf_counter()
    ours = fold.read(TENANT, EUR)
    close = time.perf_counter() - started
    content = saved(fold)
    started = time.perf_counter()
    restored(content)
    start = time.perf_counter() - started
    book = custodys(fold)
    started = time.perf_counter()
    theirs = LedgerBooks(lambda: {TENANT: book}).read(TENANT, EUR)
    custody = time.perf_counter() - started
    longest, commit = asyncio.run(_ahead(LedgerBooks(lambda: {TENANT: book}), book))
    return {
        "custody_slice_seconds": longest,
        "custody_commit_seconds": commit,
        "seconds": seconds,
        "hash_seconds": hashed,
        "memory_mib": memory,
        "close_seconds": close,
        "custody_seconds": custody,
        "start_seconds": start,
        "is_same": int(theirs.balances_root == ours.balances_root),
    }


async def _ahead(books: LedgerBooks, book: Book) -> tuple[float, float]:
    """Returns for how much of processor time a closing that is made ahead holds the loop: the longest slice of it, and
    the commit after 300 more accounts have changed."""
    making = asyncio.create_task(books.prepare(TENANT, EUR))
    longest, last = 0.0, time.thread_time()
    while not making.done():
        await asyncio.sleep(0)
        longest, last = max(longest, time.thread_time() - last), time.thread_time()
    for account in np.random.default_rng(2).integers(1, len(book.accounts), 300).tolist():
        book.accounts.credits_posted[account] += 1
    started = time.thread_time()
    books.read(TENANT, EUR)
    return longest, time.thread_time() - started


def blocks(leaves: int, accounts: int) -> Iterator[Block]:
    """Yields the leaves of a log of one platform, block by block."""
    chance, at = np.random.default_rng(1), 0
    while at < leaves:
        count = min(BLOCK_LEAVES, leaves - at, accounts - at if at < accounts else leaves)
        made = _accounts(at, count) if at < accounts else _transfers(chance, at, count, accounts)
        yield Block(list(enumerate(made, at)), at + count, 1)
        at += count


def identifiers(numbers: NDArray[Any]) -> NDArray[np.uint8]:
    """Returns ids (n, 16) that are spread as random ones are."""
    low = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    high = low ^ low >> np.uint64(29)
    return np.stack([high * np.uint64(0xBF58476D1CE4E5B9), low], axis=1).view(np.uint8)


def _accounts(first: int, count: int) -> list[bytes]:
    fields = {"tenant_id": TENANT, "account_id": SLOT * 16, "ledger": EUR, "account_class": "CLIENT", "index": 1}
    rows = _copies("custody.account.v1", {**fields, "time_ns": 1}, count)
    _fill(rows, SLOT * 16, identifiers(np.arange(first, first + count)))
    return _split(rows)


def _transfers(chance: np.random.Generator, first: int, count: int, accounts: int) -> list[bytes]:
    fields: dict[str, Value] = {
        "tenant_id": TENANT,
        "transfer_id": b"\xdd" * 16,
        "debit_account_id": b"\xcc" * 16,
        "credit_account_id": SLOT * 16,
        "pending_id": b"\xbb" * 16,
        "user_data_128": TENANT,
        "amount_minor": 0x0A0A0A0A0A0A0A0A,
        "flags": 0x0B0B0B0B0B0B0B0B,
        "code": 1,
        "ledger": EUR,
        "time_ns": 1,
    }
    rows, numbers = _copies("custody.transfer.v1", fields, count), np.arange(first, first + count)
    reserves, ends = numbers % RESERVED_EVERY == 0, numbers % RESERVED_EVERY == 1
    _fill(rows, b"\xdd" * 16, identifiers(numbers + (1 << 40)))
    _fill(rows, b"\xbb" * 16, identifiers(numbers - 1 + (1 << 40)))
    for slot in (b"\xcc" * 16, SLOT * 16):
        _fill(rows, slot, identifiers(chance.integers(0, accounts, count)))
    _fill(rows, b"\x0a" * 8, chance.integers(1, 10_000_000, count).astype(">u8").view(np.uint8).reshape(-1, 8))
    flags = np.where(reserves, 2, np.where(ends, 4, 0))
    _fill(rows, b"\x0b" * 8, flags.astype(">u8").view(np.uint8).reshape(-1, 8))
    return _split(rows)


def _copies(kind: str, fields: dict[str, Any], count: int) -> NDArray[np.uint8]:
    return np.tile(np.frombuffer(encode(kind, fields), np.uint8), (count, 1))


def _fill(rows: NDArray[np.uint8], slot: bytes, values: NDArray[np.uint8]) -> None:
    at = rows[0].tobytes().index(slot)
    rows[:, at : at + len(slot)] = values


def _split(rows: NDArray[np.uint8]) -> list[bytes]:
    content, length = rows.tobytes(), rows.shape[1]
    return [content[at : at + length] for at in range(0, len(content), length)]


def custodys(fold: Fold) -> Book:
    """Returns custody's book with the same balances."""
    its, book = fold.books[TENANT], Book(_Nothing())
    accounts, rows = book.accounts, slice(1, fold.books[TENANT].table.count + 1)
    packed = its.table.ids().tobytes()
    accounts.id += [packed[at : at + 16] for at in range(0, len(packed), 16)]
    for name, column in zip(
        ("debits_pending", "debits_posted", "credits_pending", "credits_posted"), its.sums, strict=True
    ):
        getattr(accounts, name).frombytes(column[rows].tobytes())
    accounts.ledger_class.frombytes(np.full(len(accounts.id) - 1, EUR << 3 | 1, np.uint16).tobytes())
    return book


class _Nothing:
    """Batches of a book that has none."""

    def load(self, number: int) -> None:
        """There is none."""
