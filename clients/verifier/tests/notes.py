"""Makes notes, checkpoints, leaves and trees for tests, straight from the specifications."""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ORIGIN = "log.example/ringfence"


def base64(value: bytes) -> str:
    """RFC 4648 §4."""
    return b64encode(value).decode()


class Signer:
    """A note key pair."""

    def __init__(self, name: str = ORIGIN, seed: bytes = bytes(32)) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.name = name
        self.public = b"\x01" + self._key.public_key().public_bytes_raw()
        self.key_id = sha256(name.encode() + b"\n" + self.public).digest()[:4]
        self.vkey = f"{name}+{self.key_id.hex()}+{base64(self.public)}"

    def signature(self, text: bytes) -> bytes:
        """Gives the key id and this key's Ed25519 signature over a text, whatever that is."""
        return self.key_id + self._key.sign(text)

    def line(self, text: str) -> str:
        """Gives this key's signature line over a text."""
        return f"\u2014 {self.name} {base64(self.signature(text.encode()))}\n"

    def note(self, *lines: str) -> str:
        """Signs lines as one note."""
        text = "".join(f"{line}\n" for line in lines)
        return f"{text}\n{self.line(text)}"


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, written as its definition."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    split = _split(len(leaves))
    return sha256(b"\1" + tree_hash(leaves[:split]) + tree_hash(leaves[split:])).digest()


def path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH of RFC 6962 §2.1.1, written as its definition."""
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*path(index, leaves[:split]), tree_hash(leaves[split:])]
    return [*path(index - split, leaves[split:]), tree_hash(leaves[:split])]


def consistency(old: int, leaves: Sequence[bytes], whole: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 6962 §2.1.2, written as its definition."""
    if old == len(leaves):
        return [] if whole else [tree_hash(leaves)]
    split = _split(len(leaves))
    if old <= split:
        return [*consistency(old, leaves[:split], whole), tree_hash(leaves[split:])]
    return [*consistency(old - split, leaves[split:], False), tree_hash(leaves[:split])]


def leaf(kind: str, /, **fields: int | bytes | str) -> bytes:
    """A leaf by docs/formats.md."""
    parts = [b"\x01", _string(kind)]
    for name, value in sorted(fields.items()):
        if isinstance(value, int):
            parts.append(_string(name) + struct.pack(">BHq", 1, 8, value))
        else:
            content = value.encode() if isinstance(value, str) else value
            parts.append(_string(name) + struct.pack(">BH", 3 if isinstance(value, str) else 2, len(content)) + content)
    return b"".join(parts)


def _string(text: str) -> bytes:
    return bytes([len(text)]) + text.encode("ascii")


def _split(count: int) -> int:
    split = 1
    while split * 2 < count:
        split *= 2
    return split
