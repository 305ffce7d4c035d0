"""Entry bundles: leaves in order, each after its length (C2SP tlog-tiles), deflated wherever they are kept.

What is read back is never believed by its own word alone: it expands no further than its count of leaves allows, and
has to be exactly that many.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

from ringfence_audit.log.domain.leaf import MAX_LEAF_BYTES, pack
from ringfence_audit.log.domain.merkle import HEAD_LEAVES, TILE_WIDTH, fold, leaf_hashes

BUNDLE_LEAVES = TILE_WIDTH
"""Leaves of a full bundle, as many as a tile of the lowest level has hashes."""
MOST_BYTES = 1 << 24
"""No bundle is deflated that has more, and none is read: what is larger stays as it is."""
LEVEL = 1
GROUP_LEAVES = 64
"""Of a kept bundle that are inflated without the others."""


class BundleMalformed(ValueError):
    """The bytes are no bundle of so many leaves."""


def deflate(bundle: bytes) -> bytes:
    """Deflates a bundle (RFC 1950); the bytes depend on the library, what they inflate to does not."""
    return zlib.compress(bundle, LEVEL)


def inflate(deflated: bytes, count: int) -> bytes:
    """Gives back a bundle of `count` leaves at most, or raises BundleMalformed; memory is bounded by the count."""
    most = min(max(count, 0) * (2 + MAX_LEAF_BYTES), MOST_BYTES)
    stream = zlib.decompressobj()
    try:
        bundle = stream.decompress(deflated, most + 1)
    except zlib.error as error:
        raise BundleMalformed(str(error)) from error
    if not stream.eof or stream.unused_data or len(bundle) > most:
        raise BundleMalformed(f"more or less than {count} leaves were deflated")
    return bundle


def split(bundle: bytes, count: int | None = None) -> list[bytes]:
    """Gives the leaves of a bundle; raises BundleMalformed where it is cut short or has another count."""
    leaves, at, last = list[bytes](), 0, len(bundle) - 1
    while at < last:
        start = at + 2
        at = start + (bundle[at] << 8 | bundle[at + 1])
        leaves.append(bundle[start:at])
    if at != len(bundle) or count not in (None, len(leaves)):
        raise BundleMalformed(f"{len(leaves)} leaves, or the last of them is cut short")
    return leaves


def bundled_apart(leaves: Sequence[bytes]) -> tuple[bytes, list[int]]:
    """Packs the leaves of a full bundle and deflates them so that each 64 of them inflate alone.

    Gives also where each of these groups begins. It is one stream all the same, like any other bundle's.
    """
    stream, deflated, starts = zlib.compressobj(LEVEL), b"", list[int]()
    for at in range(0, len(leaves), GROUP_LEAVES):
        starts.append(len(deflated))
        deflated += stream.compress(pack(leaves[at : at + GROUP_LEAVES])) + stream.flush(zlib.Z_FULL_FLUSH)
    return deflated + stream.flush(), starts


def groups_in(part: bytes, first_group: int, count: int) -> list[bytes]:
    """Gives consecutive groups, packed, from their part of a bundle that was deflated apart.

    Whoever wants them has their hashes: that the rest is as it was is not looked at. Raises BundleMalformed.
    """
    most = min(count * GROUP_LEAVES * (2 + MAX_LEAF_BYTES), MOST_BYTES)
    try:
        # The stream's own head stands before its first group (RFC 1950); the others are blocks (RFC 1951).
        packed = zlib.decompressobj(zlib.MAX_WBITS if first_group == 0 else -zlib.MAX_WBITS).decompress(part, most + 1)
    except zlib.error as error:
        raise BundleMalformed(str(error)) from error
    if count == 1:
        return [packed]
    return packed_apart(split(packed, count * GROUP_LEAVES))


def packed_apart(leaves: Sequence[bytes]) -> list[bytes]:
    """Packs each 64 leaves of a bundle, from its first on."""
    return [pack(leaves[at : at + GROUP_LEAVES]) for at in range(0, len(leaves), GROUP_LEAVES)]


def picked(packed: bytes, offsets: Iterable[int]) -> dict[int, bytes]:
    """Gives some of the leaves that are packed, by their offsets, which ascend; those beyond the last are left out.

    Raises BundleMalformed where one of them, or one before, is cut short.
    """
    found, at, number, end = dict[int, bytes](), 0, 0, len(packed)
    try:
        for offset in offsets:
            while number < offset and at < end:
                at += 2 + (packed[at] << 8 | packed[at + 1])
                number += 1
            if at == end:
                break
            size = packed[at] << 8 | packed[at + 1]
            found[offset] = packed[at + 2 : at + 2 + size]
            if len(found[offset]) < size:
                raise BundleMalformed(f"leaf {number} is cut short")
    except IndexError as error:
        raise BundleMalformed(f"leaf {number} is cut short") from error
    return found


def heads_of(leaves: Sequence[bytes]) -> bytes:
    """Gives the heads over each 32 leaves of a full bundle, one after the other: nodes of the log's tree."""
    parts = (leaves[at : at + HEAD_LEAVES] for at in range(0, len(leaves), HEAD_LEAVES))
    return b"".join([fold(leaf_hashes(part)) for part in parts])


def bundled(leaves: Iterable[bytes]) -> bytes:
    """Packs leaves into a bundle and deflates it."""
    return deflate(pack(leaves))


def unbundled(deflated: bytes, most: int = BUNDLE_LEAVES) -> list[bytes]:
    """Gives the leaves of a deflated bundle, 1 to `most`; raises BundleMalformed."""
    leaves = split(inflate(deflated, most))
    if not 0 < len(leaves) <= most:
        raise BundleMalformed(f"{len(leaves)} leaves")
    return leaves
