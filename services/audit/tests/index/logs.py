"""Logs to be indexed: leaves of many kinds, the events that hold them, states and checkpoints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import count
from random import Random
from typing import Any

from ringfence_audit.index.domain.keys import BY_KIND
from ringfence_audit.log.domain.events import CheckpointSigned, LeavesAppended, ReadRecorded, StateRecorded
from ringfence_audit.log.domain.leaf import Value, encode, pack
from ringfence_audit.log.domain.state_leaf import IndexHead, state_leaf
from ringfence_kernel.values.recorded import Recorded

STREAM = bytes(16)
TIME_NS = 1_700_000_000_000_000_000


def identifier(*parts: object) -> bytes:
    """An id that is made from its parts."""
    return sha256(repr(parts).encode()).digest()[:16]


def varied(number: int, random: Random) -> bytes:
    """A leaf of one of many shapes, with ids of a few accounts, owners and platforms."""
    tenant, account = identifier("tenant", random.randrange(3)), identifier("account", random.randrange(40))
    other, owner = identifier("account", random.randrange(40)), identifier("owner", random.randrange(10))
    shared: dict[str, Value | None] = {"tenant_id": tenant, "position": number, "time_ns": TIME_NS + number}
    match random.randrange(12):
        case 0:
            fields = {"account_id": account, "owner_id": owner, "ledger": 156, "account_class": "CLIENT"}
            return encode("custody.account.v1", {**shared, **fields})
        case 1:
            kind = sorted(BY_KIND)[random.randrange(len(BY_KIND))]
            return encode(kind, {**shared, "letter_id": identifier("letter", random.randrange(3))})
        case 2:
            return encode(
                "audit.page.v1", {"source": "custody", "epoch": 1, "hash": bytes(32), "events": bytes(number % 90)}
            )
        case 3:
            text = "x" * random.randrange(20)
            return encode("payment.note.v1", {**shared, "book_id": tenant, "note": text, "user_data_128": other})
        case 4:
            return encode("custody.transfer_refused.v1", {**shared, "transfer_id": bytes(16), "short_id": b"12345678"})
        case _:
            pending = identifier("transfer", number - 1) if random.randrange(4) == 0 else None
            reference = bytes(16) if random.randrange(3) else identifier("reference", random.randrange(5))
            fields = {
                "transfer_id": identifier("transfer", number),
                "debit_account_id": account,
                "debit_owner_id": owner,
                "credit_account_id": other,
                "credit_owner_id": None if random.randrange(2) else owner,
                "pending_id": pending,
                "user_data_128": reference,
                "amount_minor": number % 50,
                "ledger": 156 if random.randrange(8) else None,
                "evidence_sha256": None if random.randrange(3) else sha256(b"%d" % (number % 9)).digest(),
            }
            return encode("custody.transfer.v1", {**shared, **fields})


def leaves(number: int, seed: int = 1) -> list[bytes]:
    """So many leaves, in no particular order of their shapes."""
    random = Random(seed)
    return [varied(at, random) for at in range(number)]


class History:
    """Events of a log, and the leaves that they hold; roots and notes are of no concern here."""

    def __init__(self) -> None:
        """Begins with nothing."""
        self.recorded: list[Recorded] = []
        self.leaves: list[bytes] = []

    def append(self, content: Sequence[bytes]) -> None:
        """Appends leaves of a source, in one event."""
        first = len(self.leaves)
        self.leaves.extend(content)
        self._record(
            LeavesAppended(
                "custody", 1, 1, 1, bytes(32), TIME_NS, TIME_NS, first, len(content), pack(content), bytes(32)
            )
        )

    def read(self) -> None:
        """Appends the leaf of a read."""
        leaf = encode("audit.read.v1", {"reader_id": identifier("reader"), "method": "Search", "time_ns": TIME_NS})
        self.leaves.append(leaf)
        self._record(ReadRecorded(len(self.leaves) - 1, leaf, bytes(32)))

    def state(self, index_size: int) -> int:
        """Appends a state; gives the size of the log that ends with it."""
        leaf = state_leaf(len(self.leaves), {}, TIME_NS, index=IndexHead(index_size, bytes(32)))
        self.leaves.append(leaf)
        self._record(StateRecorded(len(self.leaves) - 1, leaf, bytes(32)))
        return len(self.leaves)

    def sign(self, size: int) -> None:
        """Signs the log as it was at a size."""
        self._record(CheckpointSigned(size, bytes(32), ""))

    def _record(self, event: Any) -> None:
        position = len(self.recorded) + 1
        self.recorded.append(Recorded(position, STREAM, position, event, TIME_NS, ""))


def batches(recorded: Sequence[Recorded], sizes: Iterable[int]) -> Iterator[Sequence[Recorded]]:
    """Yields events in batches of these sizes, the last one as long as needed."""
    at = 0
    for size in sizes:
        yield recorded[at : at + size]
        at += size
    yield recorded[at:]


def grown(total: int, most: int, seed: int = 1) -> History:
    """A log of so many leaves, in events of at most so many."""
    random, history, content = Random(seed), History(), iter(leaves(total, seed))
    for _ in count():
        together = [leaf for _, leaf in zip(range(random.randint(1, most)), content, strict=False)]
        if not together:
            return history
        history.append(together)
    raise AssertionError
