"""The chain that makes a feed tamper-evident (docs/formats.md, feed chain)."""

from __future__ import annotations

from hashlib import sha256

GENESIS = bytes(32)


def chain_hash(previous: bytes, position: int, stream: bytes, version: int, topic: str, state: bytes) -> bytes:
    """Returns SHA-256(previous ‖ position ‖ stream ‖ version ‖ length ‖ topic ‖ SHA-256(state)).

    Integers are 8 bytes big-endian; length counts the bytes of the topic in UTF-8.
    """
    name = topic.encode()
    digest = sha256(previous)
    digest.update(position.to_bytes(8, "big"))
    digest.update(stream)
    digest.update(version.to_bytes(8, "big"))
    digest.update(len(name).to_bytes(8, "big"))
    digest.update(name)
    digest.update(sha256(state).digest())
    return digest.digest()
