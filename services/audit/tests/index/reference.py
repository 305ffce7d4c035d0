"""The index by its definition alone, in plain Python and without haste."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256

from ringfence_audit.index.domain.keys import keys_of
from ringfence_audit.index.domain.ranges import Range

SPANS = (2**20, 2**16, 2**12, 2**8)


def covering(size: int) -> list[Range]:
    """Covers the first leaves: at each start by the largest range that is aligned and fits, then by what is left."""
    found, first = [], 0
    while first < size:
        leaves = next((span for span in SPANS if first % span == 0 and first + span <= size), size - first)
        found.append(Range(first, leaves))
        first += leaves
    return found


def postings(first: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Gives the sorted postings of a range's leaves; the first one stands at `first`."""
    return sorted(key + offset.to_bytes(4, "big") for offset, leaf in enumerate(leaves) for key in keys_of(leaf))


def pages(found: Sequence[bytes]) -> list[bytes]:
    """Gives the pages of sorted postings."""
    return [b"".join(found[at : at + 25]) for at in range(0, len(found), 25)]


def head(leaves: Sequence[bytes]) -> bytes:
    """Gives the tree head of RFC 6962 over leaves, by its recursion."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    middle = split(len(leaves))
    return sha256(b"\x01" + head(leaves[:middle]) + head(leaves[middle:])).digest()


def split(leaves: int) -> int:
    """Gives the largest power of two below a number."""
    return 1 << ((leaves - 1).bit_length() - 1)


def record(of: Range, found: Sequence[bytes]) -> bytes:
    """Gives the record of a run."""
    return b"".join(each.to_bytes(8, "big") for each in (of.first, of.leaves, len(found))) + head(pages(found))


def root(leaves: Sequence[bytes]) -> bytes:
    """Gives the root of the index over the log's first leaves."""
    ranges = covering(len(leaves))
    return sha256(
        b"".join(record(each, postings(each.first, leaves[each.first : each.end])) for each in ranges)
    ).digest()


def shown(found: Sequence[bytes], low: bytes, high: bytes) -> range:
    """Gives which pages of sorted postings show those from `low` and below `high`."""
    all_pages = pages(found)
    first = max((number for number, page in enumerate(all_pages) if page[:20] < low), default=0)
    last = next(
        (number for number in range(first, len(all_pages)) if all_pages[number][-20:] >= high), len(all_pages) - 1
    )
    return range(first, last + 1)


def proven_head(leaves: int, hashes: Mapping[int, bytes], proof: Sequence[bytes]) -> bytes:
    """Gives the head of a tree from the hashes of some leaves and a combined proof, all of which must be used."""
    rest = iter(proof)
    found = _node(0, leaves, hashes, rest)
    assert not list(rest)
    return found


def _node(start: int, end: int, hashes: Mapping[int, bytes], rest: Iterator[bytes]) -> bytes:
    if not any(start <= index < end for index in hashes):
        return next(rest)
    if end - start == 1:
        return hashes[start]
    middle = start + split(end - start)
    left = _node(start, middle, hashes, rest)
    return sha256(b"\x01" + left + _node(middle, end, hashes, rest)).digest()
