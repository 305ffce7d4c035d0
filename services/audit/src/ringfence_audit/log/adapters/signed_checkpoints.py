"""Checkpoints from outside, believed by a key that an operator brings."""

from __future__ import annotations

import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ringfence_audit.log.domain.checkpoint import ED25519, Checkpoint, NoteKey, base64_bytes, base64_text, read_vkey

_HEAD = re.compile(r"([^\n]+)\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/]{43}=)\n(?:[^\n]+\n)*")


class NoteRefused(Exception):
    """Why a note is no checkpoint by the key."""


def verified(note: str, vkey: str) -> tuple[Checkpoint, str]:
    """Returns the checkpoint, and its note with the one signature that was verified.

    The key is a vkey of the checkpoint's origin. Raises NoteRefused.
    """
    text, separator, signatures = note.rpartition("\n\n")
    head = _HEAD.fullmatch(f"{text}\n")
    if not separator or head is None:
        raise NoteRefused("the file is no checkpoint")
    key = _key(vkey)
    for line in signatures.splitlines():
        if line.startswith(f"\u2014 {key.name} "):
            content = base64_bytes(line.rpartition(" ")[2])
            try:
                Ed25519PublicKey.from_public_bytes(key.public_key).verify(content[4:], f"{text}\n".encode())
            except InvalidSignature:
                continue
            root, size = base64_bytes(head[3]), int(head[2])
            if content[:4] == key.key_id and key.name == head[1] and size < 1 << 63 and base64_text(root) == head[3]:
                return Checkpoint(head[1], size, root), key.signed(f"{text}\n", content[4:])
    raise NoteRefused(f"the checkpoint is not signed by {key.name}")


def _key(vkey: str) -> NoteKey:
    try:
        name, algorithm, public_key = read_vkey(vkey.strip())
        if bytes([algorithm]) != ED25519:
            raise ValueError("it is of another kind")
        return NoteKey(name, public_key)
    except ValueError as error:
        raise NoteRefused(f"the key is not an Ed25519 note key: {error}") from None
