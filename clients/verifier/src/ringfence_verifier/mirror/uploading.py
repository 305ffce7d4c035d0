"""`add-entries` of C2SP tlog-mirror: entries in packages, each proven to be the log's before it is kept."""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from ringfence_verifier.errors import VerificationError
from ringfence_verifier.mirror.copy import Copy
from ringfence_verifier.mirror.reading import LogLies, Overtaken
from ringfence_verifier.mirror.store import Held, MirrorDamaged
from ringfence_verifier.proofs import HASH_BYTES, leaf_hash
from ringfence_verifier.tiles import TILE_WIDTH, fold, verify_subtree
from ringfence_verifier.witness.answering import TEXT, Answer

INFO = "text/x.tlog.mirror-info"
MOST_PROOF_HASHES = 63
FARTHEST_BEHIND = 32 * TILE_WIDTH
"""How far before the next entry an upload may begin: what is there already is not read again for ever."""
PIECE_BYTES, MOST_DRAINED_BYTES = 65_536, 1 << 20


class Ended(Exception):
    """The body ended before what was to be read."""


class Body:
    """A request's body of a known length, unpacked where it is gzip."""

    def __init__(self, read: Callable[[int], bytes], length: int, *, is_gzip: bool) -> None:
        self._read, self._left = read, length
        self._unpacking = zlib.decompressobj(31) if is_gzip else None
        self._ready = b""

    def take(self, count: int) -> bytes:
        """Gives so many bytes; raises Ended where there are fewer."""
        while len(self._ready) < count:
            piece = self._next()
            if not piece:
                raise Ended
            self._ready += piece
        taken, self._ready = self._ready[:count], self._ready[count:]
        return taken

    def number(self, count: int) -> int:
        """Gives a big-endian number of so many bytes; raises Ended."""
        return int.from_bytes(self.take(count), "big")

    def drain(self) -> None:
        """Reads a part of what nobody has taken: whoever is still sending would not hear the answer."""
        left = MOST_DRAINED_BYTES
        while left > 0 and self._left > 0 and (piece := self._read(min(self._left, PIECE_BYTES))):
            self._left -= len(piece)
            left -= len(piece)

    def _next(self) -> bytes:
        """Gives the next piece, a bounded one however much it unpacks to; empty at the end."""
        if self._unpacking is not None and self._unpacking.unconsumed_tail:
            return self._unpacked(self._unpacking.unconsumed_tail)
        while self._left > 0:
            piece = self._read(min(self._left, PIECE_BYTES))
            self._left -= len(piece)
            if not piece:
                return b""
            found = piece if self._unpacking is None else self._unpacked(piece)
            if found:
                return found
        return b""

    def _unpacked(self, piece: bytes) -> bytes:
        assert self._unpacking is not None
        try:
            return self._unpacking.decompress(piece, PIECE_BYTES)
        except zlib.error:
            raise Ended from None


@dataclass(frozen=True)
class _Upload:
    copy: Copy
    start: int
    end: int
    pending: Held


def add_entries(copies: Mapping[str, Copy], body: Body) -> Answer:
    """Answers `add-entries`; raises MirrorDamaged."""
    try:
        upload = _begun(copies, body)
    except Ended:
        return _refusal(HTTPStatus.BAD_REQUEST, "the request ends within its head")
    if isinstance(upload, Answer):
        return upload
    copy, saved = upload.copy, False
    for first, end in _packages(upload.start, upload.end):
        try:
            entries, proof = _package(body, end - max(first, upload.start))
        except Ended:
            if not saved:
                return _refusal(HTTPStatus.BAD_REQUEST, "the request ends within its first package")
            return _info(HTTPStatus.ACCEPTED, upload.end, copy.held)
        try:
            _require_proven(upload, first, end, entries, proof)
        except MirrorDamaged:
            raise
        except VerificationError as error:
            return _refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"entries from {max(first, upload.start)}: {error}")
        copy.add(max(first, upload.start), entries)
        saved = True
    try:
        return Answer(HTTPStatus.OK, copy.commit(upload.pending))
    except Overtaken:
        return _stands(copy)
    except LogLies as error:
        return _refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"the log contradicts itself: {error}")
    except MirrorDamaged:
        raise
    except VerificationError as error:
        return _refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"the checkpoint: {error}")


def _begun(copies: Mapping[str, Copy], body: Body) -> _Upload | Answer:
    """Reads the head; gives the upload that may go on, or why none does."""
    origin = body.take(body.number(2))
    start, end = body.number(8), body.number(8)
    body.take(body.number(2))  # a ticket says nothing here: what is pending is remembered
    copy = copies.get(origin.decode("utf-8", "replace"))
    if copy is None:
        return _refusal(HTTPStatus.NOT_FOUND, "the log is not known here")
    if start > end:
        return _refusal(HTTPStatus.BAD_REQUEST, "it begins after its end")
    pending, cosigned, held = copy.pending(), copy.store.cosigned(copy.origin), copy.held
    if end not in pending or (cosigned is not None and end < cosigned.size):
        return _stands(copy)
    if not held - FARTHEST_BEHIND <= start <= held:
        return _info(HTTPStatus.CONFLICT, end, held)
    return _Upload(copy, start, end, pending[end])


def _packages(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yields the spans of the canonical sequence, each from a multiple of 256."""
    for first in range(start - start % TILE_WIDTH, end if end > start else 0, TILE_WIDTH):
        yield first, min(end, first + TILE_WIDTH)


def _package(body: Body, count: int) -> tuple[list[bytes], list[bytes]]:
    entries = [body.take(body.number(2)) for _ in range(count)]
    hashes = body.number(1)
    # More than there may be are not read: they prove nothing.
    return entries, [body.take(HASH_BYTES) for _ in range(min(hashes, MOST_PROOF_HASHES + 1))]


def _require_proven(upload: _Upload, first: int, end: int, entries: list[bytes], proof: list[bytes]) -> None:
    if len(proof) > MOST_PROOF_HASHES:
        raise VerificationError("the proof has too many hashes")
    before = max(upload.start - first, 0)
    held = upload.copy.store.hashes(upload.copy.origin, 0, first // TILE_WIDTH, before) if before else b""
    subtree = fold(held + b"".join(leaf_hash(each) for each in entries))
    verify_subtree(first, end, subtree, upload.end, upload.pending.root, proof)


def _stands(copy: Copy) -> Answer:
    """Says where the mirror stands: its newest pending checkpoint, and the next entry."""
    return _info(HTTPStatus.CONFLICT, max(copy.pending(), default=0), copy.held)


def _info(status: HTTPStatus, size: int, held: int) -> Answer:
    return Answer(status, f"{size}\n{held}\n{b64encode(b'').decode()}\n", INFO)


def _refusal(status: HTTPStatus, why: str) -> Answer:
    return Answer(status, f"{why}\n", TEXT)
