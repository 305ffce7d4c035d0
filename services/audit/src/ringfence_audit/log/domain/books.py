"""Leaves of books that the log has computed (`audit.books.v1`), and what its state says of them (docs/formats.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from ringfence_audit.log.domain.leaf import Value, decode, encode

BOOKS_KIND = "audit.books.v1"
ZERO_ROOT = bytes(32)
"""Of the books, while there are none."""
KEY_BYTES, HASH_BYTES = 16 + 4, 32
_RECORD_BYTES = KEY_BYTES + 8 + HASH_BYTES


def books_leaf(stated: Mapping[str, Value], time_ns: int) -> bytes:
    """Encodes what the log's own leaves come to where custody has closed books, and whether custody says the same."""
    return encode(BOOKS_KIND, {**stated, "time_ns": time_ns})


@dataclass(frozen=True, slots=True)
class BooksHead:
    """Over how many of the log's first leaves its books are, and their root; nothing unless said otherwise."""

    size: int = 0
    root: bytes = ZERO_ROOT


NO_HEAD = BooksHead()


@dataclass(frozen=True, slots=True)
class Books:
    """The newest closing of each platform and currency that the log has computed, up to leaf `size`."""

    size: int = 0
    newest: Mapping[bytes, bytes] = field(default_factory=dict)
    """By platform (16) ‖ currency (4): index of custody's leaf (8) ‖ root over the balances (32)."""

    def after(self, leaf: bytes) -> Books:
        """Gives the books after another closing; raises ValueError where the leaf is none."""
        kind, fields = decode(leaf)
        tenant, ledger, closing, root = (
            fields.get(name) for name in ("tenant_id", "ledger", "closing", "balances_root")
        )
        if kind != BOOKS_KIND or not (isinstance(tenant, bytes) and isinstance(root, bytes)):
            raise ValueError(f"{kind} states no books")
        if not (isinstance(ledger, int) and isinstance(closing, int)) or len(root) != HASH_BYTES:
            raise ValueError("the books are malformed")
        key = tenant + ledger.to_bytes(4, "big")
        return Books(closing + 1, {**self.newest, key: closing.to_bytes(8, "big") + root})

    @property
    def head(self) -> BooksHead:
        """Gives what a state leaf says of them."""
        return BooksHead(self.size, sha256(self._packed()).digest()) if self.size else NO_HEAD

    def saved(self) -> str:
        """Gives them as text."""
        return f"{self.size} {self._packed().hex()}"

    @classmethod
    def restored(cls, saved: str) -> Books:
        """Takes up what `saved` gave; raises ValueError for something else."""
        size, _, packed = saved.partition(" ")
        records = bytes.fromhex(packed)
        if len(records) % _RECORD_BYTES:
            raise ValueError("books of another form")
        each = (records[at : at + _RECORD_BYTES] for at in range(0, len(records), _RECORD_BYTES))
        return cls(int(size), {record[:KEY_BYTES]: record[KEY_BYTES:] for record in each})

    def _packed(self) -> bytes:
        return b"".join(key + self.newest[key] for key in sorted(self.newest))


NO_BOOKS = Books()
