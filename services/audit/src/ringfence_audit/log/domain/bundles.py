"""Entry bundles: leaves in order, each after its length (C2SP tlog-tiles), deflated wherever they are kept.

What is read back is never believed by its own word alone: it expands no further than its count of leaves allows, and
has to be exactly that many.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from ringfence_audit.log.domain.leaf import MAX_LEAF_BYTES, pack
from ringfence_audit.log.domain.merkle import TILE_WIDTH

BUNDLE_LEAVES = TILE_WIDTH
"""Leaves of a full bundle, as many as a tile of the lowest level has hashes."""
MOST_BYTES = 1 << 24
"""No bundle is deflated that has more, and none is read: what is larger stays as it is."""
LEVEL = 1


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
    leaves, at = list[bytes](), 0
    while at < len(bundle):
        start = at + 2
        at = start + int.from_bytes(bundle[start - 2 : start], "big")
        leaves.append(bundle[start:at])
    if at != len(bundle) or count not in (None, len(leaves)):
        raise BundleMalformed(f"{len(leaves)} leaves, or the last of them is cut short")
    return leaves


def bundled(leaves: Iterable[bytes]) -> bytes:
    """Packs leaves into a bundle and deflates it."""
    return deflate(pack(leaves))


def unbundled(deflated: bytes, most: int = BUNDLE_LEAVES) -> list[bytes]:
    """Gives the leaves of a deflated bundle, 1 to `most`; raises BundleMalformed."""
    leaves = split(inflate(deflated, most))
    if not 0 < len(leaves) <= most:
        raise BundleMalformed(f"{len(leaves)} leaves")
    return leaves
