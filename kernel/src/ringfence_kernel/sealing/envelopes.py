"""Personal data under a key of its subject: envelopes, blind indexes, data keys (docs/formats.md).

Destroying a subject's key makes all its envelopes unreadable; everything else stays verifiable.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ringfence_kernel.sealing.bounded_cache import BoundedCache
from ringfence_kernel.values.clock import NANOSECONDS, Clock
from ringfence_kernel.values.ids import ID_BYTES

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
INDEX_BYTES: Final = 16
AES_256_GCM: Final = 1
"""Algorithm identifier, the first byte of an envelope: AES-256-GCM with a random 96-bit nonce (SP 800-38D)."""

_TAG_BYTES: Final = 16


class EnvelopeBroken(Exception):
    """The envelope is not what was sealed: another key, another place, another algorithm, or changed bytes."""


@dataclass(frozen=True, slots=True)
class AssociatedData:
    """Where an envelope belongs; it opens nowhere else. `stream` is 16 bytes, `version` that of its event."""

    stream: bytes
    version: int
    field: str

    def encoded(self) -> bytes:
        """Returns stream ‖ version (8 bytes big-endian) ‖ field (UTF-8): unambiguous, as the first two are fixed."""
        if len(self.stream) != ID_BYTES:
            raise ValueError("a stream id has 16 bytes")
        return self.stream + self.version.to_bytes(8, "big") + self.field.encode()


def seal(key: bytes, plaintext: bytes, data: AssociatedData) -> bytes:
    """Returns algorithm (1 byte) ‖ nonce (12) ‖ ciphertext ‖ tag (16); never the same twice."""
    nonce = os.urandom(NONCE_BYTES)
    header = bytes([AES_256_GCM])
    return header + nonce + AESGCM(key).encrypt(nonce, plaintext, header + data.encoded())


def unseal(key: bytes, envelope: bytes, data: AssociatedData) -> bytes:
    """Returns the plaintext; raises EnvelopeBroken."""
    header, nonce, sealed = envelope[:1], envelope[1 : 1 + NONCE_BYTES], envelope[1 + NONCE_BYTES :]
    if header != bytes([AES_256_GCM]) or len(sealed) < _TAG_BYTES:
        raise EnvelopeBroken
    try:
        return AESGCM(key).decrypt(nonce, sealed, header + data.encoded())
    except InvalidTag:
        raise EnvelopeBroken from None


def blind_index(key: bytes, label: str, value: bytes) -> bytes:
    """Returns the first 16 bytes of HMAC-SHA-256 over length-prefixed (label, value), so that equal values meet."""
    message = b"".join(len(part).to_bytes(8, "big") + part for part in (label.encode(), value))
    return hmac.digest(key, message, "sha256")[:INDEX_BYTES]


class DataKeyCache:
    """Subjects' keys, held briefly and boundedly: an erased subject's key is gone everywhere within `ttl_seconds`."""

    def __init__(
        self,
        load: Callable[[Sequence[bytes]], Awaitable[Mapping[bytes, bytes]]],
        clock: Clock,
        *,
        maximum: int = 10_000,
        ttl_seconds: float = 300,
    ) -> None:
        """Asks `load` for the keys of subjects (16 bytes each) that it does not hold; unknown ones stay absent."""
        self._load = load
        self._clock = clock
        self._ttl_ns = int(ttl_seconds * NANOSECONDS)
        self._held: BoundedCache[bytes, tuple[int, bytes]] = BoundedCache(maximum)
        self._forgotten = 0

    async def get(self, subject: bytes) -> bytes | None:
        """Returns the subject's key, or None when there is none (any more)."""
        return (await self.get_many([subject])).get(subject)

    async def get_many(self, subjects: Sequence[bytes]) -> dict[bytes, bytes]:
        """Returns the keys that exist, with one load for all that are not held."""
        now_ns = self._clock.now_ns()
        held = {subject: entry for subject in subjects if (entry := self._held.get(subject)) is not None}
        found = {subject: key for subject, (until_ns, key) in held.items() if now_ns < until_ns}
        missing = [subject for subject in dict.fromkeys(subjects) if subject not in found]
        if missing:
            for subject in missing:
                self._held.remove(subject)
            forgotten = self._forgotten
            loaded = await self._load(missing)
            found |= loaded
            # If some were forgotten meanwhile, these may be among them: they serve this call and are not kept.
            for subject, key in loaded.items() if forgotten == self._forgotten else ():
                self._held.put(subject, (now_ns + self._ttl_ns, key))
        return found

    def forget(self, subject: bytes) -> None:
        """Drops a subject's key at once, for instance when its erasure is heard of."""
        self._forgotten += 1
        self._held.remove(subject)
