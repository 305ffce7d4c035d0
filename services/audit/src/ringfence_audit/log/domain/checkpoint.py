"""Checkpoints: C2SP tlog-checkpoint text, signed as a C2SP signed note by one Ed25519 key."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from hashlib import sha256

ED25519 = b"\x01"
MAX_NAME_BYTES = 255
"""Of keys and logs (C2SP tlog-cosignature, ML-DSA-44)."""


@dataclass(frozen=True, slots=True)
class SourceHead:
    """How far the log has taken over one source's feed: the last position and the chain hash there."""

    source: str
    epoch: int
    position: int
    hash: bytes

    def line(self) -> str:
        """Gives the checkpoint's extension line: `source NAME EPOCH POSITION BASE64-HASH`."""
        return f"source {self.source} {self.epoch} {self.position} {base64_text(self.hash)}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head, and what the log had taken over from each source when it had this size."""

    origin: str
    size: int
    root: bytes
    heads: tuple[SourceHead, ...] = ()

    def text(self) -> str:
        """Gives the note text that is signed: origin, size, root and one extension line a source, sorted by name."""
        heads = sorted(self.heads, key=lambda head: head.source)
        lines = [self.origin, str(self.size), base64_text(self.root), *(head.line() for head in heads)]
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class NoteKey:
    """The public half of a note key: its name and 32 bytes of Ed25519."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        if not self.name or "+" in self.name or any(character.isspace() for character in self.name):
            raise ValueError(f"{self.name!r} cannot name a note key")
        if len(self.public_key) != 32:
            raise ValueError("an Ed25519 public key has 32 bytes")

    @property
    def key_id(self) -> bytes:
        """First 4 bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key) (C2SP signed-note)."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public_key).digest()[:4]

    def text(self) -> str:
        """Gives the vkey text `name+hexadecimal key id+base64(0x01 ‖ key)` that verifiers are handed."""
        return f"{self.name}+{self.key_id.hex()}+{base64_text(ED25519 + self.public_key)}"

    def line(self, signature: bytes) -> str:
        """Gives this key's signature line of a note."""
        return f"\u2014 {self.name} {base64_text(self.key_id + signature)}\n"

    def signed(self, text: str, signature: bytes) -> str:
        """Gives the note: the text, an empty line, and this key's signature line."""
        return f"{text}\n{self.line(signature)}"


def note_heads(note: str) -> tuple[SourceHead, ...]:
    """Reads the source heads back from a checkpoint that this log signed."""
    lines = [line.split(" ") for line in note.partition("\n\n")[0].split("\n")[3:]]
    return tuple(SourceHead(name, int(epoch), int(at), b64decode(digest)) for _, name, epoch, at, digest in lines)


def is_note_of(note: str, origin: str, size: int, root: bytes) -> bool:
    """Tells whether a note is about this tree head; whether it is signed, whoever reads it verifies."""
    return note.startswith(f"{origin}\n{size}\n{base64_text(root)}\n")


def base64_text(value: bytes) -> str:
    """Encodes by RFC 4648 §4, with padding."""
    return b64encode(value).decode()


def base64_bytes(text: str) -> bytes:
    """Decodes RFC 4648 §4, with padding, one text for each value; empty where it is something else."""
    try:
        content = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        return b""
    return content if b64encode(content).decode() == text else b""


def read_vkey(text: str) -> tuple[str, int, bytes]:
    """Reads a vkey into its name, signature type and key; raises ValueError where they do not belong together."""
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    content = base64_bytes(encoded)
    is_name = 0 < len(name.encode()) <= MAX_NAME_BYTES and not any(each.isspace() for each in name)
    if not content or not is_name or sha256(name.encode() + b"\n" + content).digest()[:4].hex() != key_id:
        raise ValueError("it has no key with its name and id")
    return name, content[0], content[1:]
