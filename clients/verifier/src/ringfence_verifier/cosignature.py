"""Cosignatures (C2SP tlog-cosignature): somebody else has seen a checkpoint, and that it extends what he saw before."""

from __future__ import annotations

import struct
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from ringfence_verifier.errors import VerificationError
from ringfence_verifier.note import Checkpoint, VerifierKey, decode_base64, signature_lines

ED25519, ML_DSA_44 = 0x04, 0x06
"""Signature types of cosigners' keys."""
KEY_BYTES = {ED25519: 32, ML_DSA_44: 1_312}
SIGNATURE_BYTES = {ED25519: 64, ML_DSA_44: 2_420}
MAX_NAME_BYTES = 255
"""Of cosigners and logs (C2SP tlog-cosignature, ML-DSA-44)."""
_LABEL = b"subtree/v1\n\x00"


@dataclass(frozen=True)
class CosignerKey:
    """A witness's or mirror's public key, as got from somewhere else than the evidence."""

    name: str
    algorithm: int
    public_key: bytes

    @classmethod
    def parse(cls, text: str) -> CosignerKey:
        """Reads the vkey text `name+hexadecimal key id+base64(type ‖ key)`; type 0x04 is Ed25519, 0x06 ML-DSA-44.

        Raises VerificationError where it is malformed, of another type, or its id does not belong to it.
        """
        name, _, rest = text.partition("+")
        key_id, _, encoded = rest.partition("+")
        content = decode_base64(encoded, "the key")
        algorithm = content[0] if content else 0
        if not _is_name(name) or len(content) - 1 != KEY_BYTES.get(algorithm):
            raise VerificationError("the key is not a cosigner's Ed25519 or ML-DSA-44 key")
        key = cls(name, algorithm, content[1:])
        if key_id != key.key_id.hex():
            raise VerificationError("the key id does not belong to the key")
        return key

    @property
    def key_id(self) -> bytes:
        """First 4 bytes of SHA-256(name ‖ 0x0A ‖ type ‖ key)."""
        return sha256(self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public_key).digest()[:4]

    def text(self) -> str:
        """Gives the vkey text."""
        return f"{self.name}+{self.key_id.hex()}+{b64encode(bytes([self.algorithm]) + self.public_key).decode()}"

    def verify(self, text: str, checkpoint: Checkpoint, signature: bytes) -> int:
        """Checks a cosignature of a checkpoint with that note text; gives its time, POSIX seconds.

        Raises VerificationError.
        """
        if len(signature) != 8 + SIGNATURE_BYTES[self.algorithm] or signature[0] > 0x7F:
            raise VerificationError(f"the cosignature by {self.name} is malformed")
        seconds = int.from_bytes(signature[:8], "big")
        message = cosigned_message(self.algorithm, self.name, seconds, text, checkpoint)
        kind = Ed25519PublicKey if self.algorithm == ED25519 else MLDSA44PublicKey
        try:
            kind.from_public_bytes(self.public_key).verify(signature[8:], message)
        except (InvalidSignature, ValueError) as error:
            raise VerificationError(f"the cosignature by {self.name} is wrong") from error
        return seconds


def cosigned_message(algorithm: int, name: str, seconds: int, text: str, checkpoint: Checkpoint) -> bytes:
    """Gives what a cosigner of that name signs at a time, POSIX seconds; `text` is the checkpoint's note text."""
    if algorithm == ED25519:
        return f"cosignature/v1\ntime {seconds}\n{text}".encode()
    cosigner, origin = name.encode(), checkpoint.origin.encode()
    if max(len(cosigner), len(origin)) > 255:
        raise VerificationError("the name of the cosigner or the log is too long")
    names = struct.pack(f">B{len(cosigner)}sQB{len(origin)}s", len(cosigner), cosigner, seconds, len(origin), origin)
    return _LABEL + names + struct.pack(">QQ", 0, checkpoint.size) + checkpoint.root


def cosigners(note: str, checkpoint: Checkpoint, keys: tuple[CosignerKey, ...]) -> dict[CosignerKey, int]:
    """Gives who of these has cosigned a checkpoint's note, and when (POSIX seconds); other signatures are ignored.

    Raises VerificationError where the note is malformed, or a signature that bears one's name and id is wrong.
    """
    text, lines = signature_lines(note)
    known = {(key.name, key.key_id): key for key in keys}
    found: dict[CosignerKey, int] = {}
    for name, key_id, signature in lines:
        key = known.get((name, key_id))
        if key is not None:
            found[key] = max(found.get(key, 0), key.verify(text, checkpoint, signature))
    return found


def _is_name(name: str) -> bool:
    return bool(name) and name.isprintable() and not any(character.isspace() for character in name)


def require_name(name: str) -> None:
    """Raises VerificationError where a name cannot be a cosigner's."""
    if len(name.encode()) > MAX_NAME_BYTES or "+" in name or not _is_name(name):
        raise VerificationError(f"{name!r} cannot name a key")


def keys_of_logs(vkeys: Iterable[str]) -> dict[str, list[VerifierKey]]:
    """Reads the keys of logs whose checkpoints are to be cosigned, by origin; a log may have several.

    Raises VerificationError where one is malformed, or an origin is longer than can be signed for.
    """
    logs: dict[str, list[VerifierKey]] = defaultdict(list)
    for key in map(VerifierKey.parse, vkeys):
        if len(key.name.encode()) > MAX_NAME_BYTES:
            raise VerificationError(f"{key.name[:40]!r}… is longer than what can be signed for")
        logs[key.name].append(key)
    return logs
