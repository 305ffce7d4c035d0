"""Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint), checked against a key the caller brings."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ringfence_verifier.errors import VerificationError

MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 64
_ED25519 = b"\x01"
_SIGNATURE_LINE = re.compile(r"\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_FORBIDDEN = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")


@dataclass(frozen=True)
class VerifierKey:
    """A log's public key, as got from somewhere else than the evidence."""

    name: str
    key_id: bytes
    public_key: bytes

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Reads the vkey text `name+hexadecimal key id+base64(0x01 ‖ key)`, one line without its end.

        Raises VerificationError where it is malformed, not Ed25519, or its id does not belong to it.
        """
        if _FORBIDDEN.search(text):
            raise VerificationError("the key is not an Ed25519 note key")
        name, _, rest = text.partition("+")
        key_id, _, encoded = rest.partition("+")
        key = decode_base64(encoded, "the key")
        if not name or any(character.isspace() for character in name) or len(key) != 33 or key[:1] != _ED25519:
            raise VerificationError("the key is not an Ed25519 note key")
        if key_id != _key_id(name, key).hex():
            raise VerificationError("the key id does not belong to the key")
        return cls(name, bytes.fromhex(key_id), key[1:])

    @classmethod
    def of(cls, name: str, public_key: bytes) -> VerifierKey:
        """Makes the key of a log from its origin and 32 bytes of Ed25519, as its keeper publishes them."""
        return cls(name, _key_id(name, _ED25519 + public_key), public_key)

    def text(self) -> str:
        """Gives the vkey text."""
        return f"{self.name}+{self.key_id.hex()}+{b64encode(_ED25519 + self.public_key).decode()}"

    def verify(self, text: bytes, signature: bytes) -> None:
        """Checks an Ed25519 signature (RFC 8032); raises VerificationError where it is wrong."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text)
        except (InvalidSignature, ValueError) as error:
            raise VerificationError(f"the signature by {self.name} is wrong") from error


@dataclass(frozen=True)
class SourceHead:
    """How far the log had taken over one source's feed: the last position and the chain hash there."""

    source: str
    epoch: int
    position: int
    hash: bytes


@dataclass(frozen=True)
class Checkpoint:
    """A tree head whose signature was checked.

    `source_heads` are those in its extension lines: none where the leaf before its size states them.
    """

    origin: str
    size: int
    root: bytes
    source_heads: tuple[SourceHead, ...]


def signature_lines(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """Gives the text of a note, and (key name, key id, signature) of each of its signature lines, none verified.

    Raises VerificationError where the note is malformed.
    """
    too_long = len(note) > MAX_NOTE_BYTES  # in characters, before anything is done with each of them
    if too_long or _FORBIDDEN.search(note) or len(note.encode()) > MAX_NOTE_BYTES:
        raise VerificationError("the note is too long or has characters that no note may have")
    text, separator, signatures = note.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        raise VerificationError("the note has no signatures")
    lines = signatures[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise VerificationError("the note has too many signatures")
    return f"{text}\n", [_signature(line) for line in lines]


def signature_line(name: str, key_id: bytes, signature: bytes) -> str:
    """Gives the line of a note that holds a signature."""
    return f"\u2014 {name} {b64encode(key_id + signature).decode()}\n"


def open_note(note: str, key: VerifierKey) -> str:
    """Gives the text of a note signed by the key; signatures of other keys are ignored.

    Raises VerificationError where the note is malformed, where the key has not signed it, or where any signature that
    bears the key's name and id is wrong.
    """
    text, signatures = signature_lines(note)
    known = [signature for name, key_id, signature in signatures if (name, key_id) == (key.name, key.key_id)]
    if not known:
        raise VerificationError(f"the note is not signed by {key.name}+{key.key_id.hex()}")
    for signature in known:
        key.verify(text.encode(), signature)
    return text


def verify_checkpoint(note: str, vkey: str, *, origin: str | None = None) -> Checkpoint:
    """Checks a checkpoint's signature by the key, and that it is of the expected log.

    The origin expected is the key's name unless another is given. Raises VerificationError.
    """
    key = VerifierKey.parse(vkey)
    lines = open_note(note, key)[:-1].split("\n")
    if len(lines) < 3 or not all(lines):
        raise VerificationError("the checkpoint lacks a line")
    if lines[0] != (key.name if origin is None else origin):
        raise VerificationError("the checkpoint is of another log")
    root = decode_base64(lines[2], "the root")
    if len(root) != 32:
        raise VerificationError("the root does not have 32 bytes")
    size = parse_size(lines[1])
    if size == 0 and root != sha256(b"").digest():
        raise VerificationError("the root of an empty log is another")
    heads = tuple(_source_head(line) for line in lines[3:] if line.startswith("source "))
    names = [head.source for head in heads]
    if names != sorted(set(names)):
        raise VerificationError("the checkpoint's source heads are not in order, each once")
    return Checkpoint(lines[0], size, root, heads)


def verify_by_any(
    note: str, keys: Sequence[VerifierKey], *, with_unknown: bool = False
) -> tuple[Checkpoint, str, list[str]]:
    """Checks a checkpoint by every one of a log's keys that has signed it; one is enough, a wrong line spoils it.

    Gives it, its text, and one signature line of each of those keys: all else is anybody's. With `with_unknown` also
    one of each other key id under the log's name, not verified: its leaves may announce that key. Raises
    VerificationError.
    """
    text, lines = signature_lines(note)
    known = {(key.name, key.key_id): key for key in keys}
    by = [known[each] for each in dict.fromkeys((name, key_id) for name, key_id, _ in lines) if each in known]
    checkpoints = [verify_checkpoint(note, key.text()) for key in by or keys[:1]]
    kept = {
        (name, key_id): signature_line(name, key_id, signature)
        for name, key_id, signature in lines
        if (name, key_id) in known or (with_unknown and name == keys[0].name)
    }
    return checkpoints[0], text, list(kept.values())


def parse_size(text: str) -> int:
    """Reads a decimal below 2^63 without sign or leading zeroes; raises VerificationError."""
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", text) or int(text) >= 1 << 63:
        raise VerificationError("a size or index is malformed")
    return int(text)


def decode_base64(text: str, what: str) -> bytes:
    """Decodes RFC 4648 §4 with padding, one text for each value; raises VerificationError naming `what`."""
    try:
        value = b64decode(text, validate=True)
    except (Base64Error, ValueError) as error:
        raise VerificationError(f"{what} is not base64") from error
    if b64encode(value).decode() != text:
        raise VerificationError(f"{what} is not canonical base64")
    return value


def _key_id(name: str, key: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + key).digest()[:4]


def _signature(line: str) -> tuple[str, bytes, bytes]:
    match = _SIGNATURE_LINE.fullmatch(line)
    if not match:
        raise VerificationError("a signature line is malformed")
    content = decode_base64(match[2], "a signature")
    if len(content) < 5:
        raise VerificationError("a signature is too short")
    return match[1], content[:4], content[4:]


def _source_head(line: str) -> SourceHead:
    parts = line.split(" ")
    if len(parts) != 5 or not parts[1]:
        raise VerificationError("a source head is malformed")
    head = SourceHead(parts[1], parse_size(parts[2]), parse_size(parts[3]), decode_base64(parts[4], "a source head"))
    if len(head.hash) != 32:
        raise VerificationError("a source head does not have 32 bytes")
    return head
