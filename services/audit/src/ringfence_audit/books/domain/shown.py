"""The pages of books that show an account, or that it is not among them, and what proves them (docs/formats.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ringfence_audit.books.domain.figures import ID_BYTES, PAGE_ACCOUNTS, RECORD_BYTES
from ringfence_audit.log.domain.combined import apart
from ringfence_audit.log.domain.merkle import HASH_BYTES, leaf_hashes, tree_head

PAGE_BYTES = PAGE_ACCOUNTS * RECORD_BYTES
HEADER = b"ringfence-balance/1\n"


@dataclass(frozen=True, slots=True)
class Shown:
    """One page, or two where the account would stand between them; none of books without accounts.

    `first` is the number of the first; `hashes` are the combined proof of the pages in the tree over all.
    """

    first: int
    pages: Sequence[bytes]
    hashes: Sequence[bytes]


def shown(records: bytes, account: bytes) -> Shown:
    """Gives the pages of books that show an account; `records` are all, ascending by id."""
    pages = [records[at : at + PAGE_BYTES] for at in range(0, len(records), PAGE_BYTES)]
    if not pages:
        return Shown(0, (), ())
    first = max((number for number, page in enumerate(pages) if page[:ID_BYTES] <= account), default=0)
    reaches = pages[first][-RECORD_BYTES : ID_BYTES - RECORD_BYTES] >= account
    last = first if reaches or first + 1 == len(pages) else first + 1
    hashes = leaf_hashes(pages)
    of_proof = [
        tree_head(hashes[HASH_BYTES * start : HASH_BYTES * end])
        for start, end in apart(0, len(pages), range(first, last + 1))
    ]
    return Shown(first, pages[first : last + 1], of_proof)


def balance(account: bytes, receipt: str, found: Shown) -> bytes:
    """Writes the proof of an account's balance; the receipt is that of the leaf that states the books."""
    written = receipt.encode()
    parts = [HEADER, account, len(written).to_bytes(4, "big"), written]
    parts += [found.first.to_bytes(4, "big"), len(found.pages).to_bytes(4, "big"), *found.pages]
    return b"".join([*parts, len(found.hashes).to_bytes(2, "big"), *found.hashes])
