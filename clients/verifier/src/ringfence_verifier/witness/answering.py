"""What a witness answers, by the statuses of C2SP tlog-witness."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus

from ringfence_verifier.errors import VerificationError
from ringfence_verifier.note import (
    Checkpoint,
    VerifierKey,
    decode_base64,
    parse_size,
    signature_lines,
    verify_by_any,
)
from ringfence_verifier.proofs import verify_consistency
from ringfence_verifier.witness.keys import CosigningKey
from ringfence_verifier.witness.seen import Seen, SeenCheckpoint

MAX_REQUEST_BYTES = 1 << 20
MAX_PROOF_HASHES = 63
TEXT, SIZE = "text/plain; charset=utf-8", "text/x.tlog.size"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: HTTPStatus
    body: str
    content_type: str = TEXT


class Refused(Exception):
    """A request that is not cosigned, with its answer."""

    def __init__(self, status: HTTPStatus, why: str, content_type: str = TEXT) -> None:
        """Takes the answer."""
        super().__init__(why)
        self.answer = Answer(status, f"{why}\n", content_type)


@dataclass(frozen=True)
class Answering:
    """Cosigns for the logs whose keys are given, by origin; a log may have several while it changes its key."""

    seen: Seen
    keys: Sequence[CosigningKey]
    logs: Mapping[str, Sequence[VerifierKey]]
    clock: Callable[[], float] = time.time

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answers `add-checkpoint`: cosignature lines once the checkpoint is on disk, or why there are none."""
        try:
            old_size, proof, note = _request(body)
            text, checkpoint, note = self._checkpoint(note)
            if old_size > checkpoint.size:
                raise Refused(HTTPStatus.BAD_REQUEST, "the old size is larger than the checkpoint's")
            with self.seen.turn(checkpoint.origin) as turn:
                _require_consistent(turn.seen(), old_size, proof, checkpoint)
                turn.replace(SeenCheckpoint(checkpoint.size, checkpoint.root, note))
        except Refused as refused:
            return refused.answer
        seconds = int(self.clock())
        return Answer(HTTPStatus.OK, "".join(key.line(text, checkpoint, seconds) for key in self.keys))

    def checkpoint(self, origin_sha256: str) -> Answer:
        """Answers monitors: the newest checkpoint cosigned of the log whose origin has this SHA-256, hexadecimal."""
        for origin in self.logs:
            if sha256(origin.encode()).hexdigest() == origin_sha256 and (seen := self.seen.of(origin)):
                text, _ = signature_lines(seen.note)
                newest = Checkpoint(origin, seen.size, seen.root, ())
                seconds = int(self.clock())
                cosigned = "".join(key.line(text, newest, seconds) for key in self.keys)
                return Answer(HTTPStatus.OK, seen.note + cosigned)
        return Answer(HTTPStatus.NOT_FOUND, "nothing was seen of such a log\n")

    def _checkpoint(self, note: str) -> tuple[str, Checkpoint, str]:
        """Returns the text, the checkpoint, and the note with the log's own signatures alone."""
        try:
            text, _ = signature_lines(note)
        except VerificationError as error:
            raise Refused(HTTPStatus.BAD_REQUEST, str(error)) from None
        origin = text.partition("\n")[0]
        if origin not in self.logs:
            raise Refused(HTTPStatus.NOT_FOUND, "the log is not known here")
        try:
            checkpoint, kept = self.verified(origin, note)
        except VerificationError as error:
            raise Refused(HTTPStatus.FORBIDDEN, str(error)) from None
        return text, checkpoint, kept

    def verified(self, origin: str, note: str) -> tuple[Checkpoint, str]:
        """Gives a checkpoint of a log that is known, and its note as it is remembered; raises VerificationError."""
        checkpoint, text, lines = verify_by_any(note, self.logs[origin])
        return checkpoint, f"{text}\n{''.join(lines)}"


def _request(body: bytes) -> tuple[int, list[bytes], str]:
    """Reads the old size, the proof and the note."""
    head, separator, note = body.partition(b"\n\n")
    try:
        if not separator or len(body) > MAX_REQUEST_BYTES:
            raise VerificationError("the request has no empty line before its checkpoint, or is too long")
        old, *hashes = head.decode("ascii").split("\n")
        if not old.startswith("old ") or len(hashes) > MAX_PROOF_HASHES:
            raise VerificationError("the request has no old size, or a proof that is too long")
        proof = [decode_base64(line, "a proof hash") for line in hashes]
        return parse_size(old[4:]), proof, note.decode()
    except (VerificationError, UnicodeDecodeError) as error:
        raise Refused(HTTPStatus.BAD_REQUEST, str(error)) from None


def _require_consistent(
    seen: SeenCheckpoint | None, old_size: int, proof: Sequence[bytes], checkpoint: Checkpoint
) -> None:
    """Raises Refused where the checkpoint does not extend what was seen."""
    size, root = (seen.size, seen.root) if seen else (0, sha256(b"").digest())
    if old_size != size or (size == checkpoint.size and root != checkpoint.root):
        raise Refused(HTTPStatus.CONFLICT, str(size), SIZE)
    try:
        verify_consistency(size, root, checkpoint.size, checkpoint.root, list(proof))
    except VerificationError as error:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
