"""The chain that makes a feed tamper-evident (docs/formats.md, feed chain), as Python and as PostgreSQL compute it.

    SHA-256(previous ‖ position ‖ stream ‖ version ‖ length ‖ topic ‖ SHA-256(state))

Integers are 8 bytes big-endian; length counts the bytes of the topic in UTF-8. The database chains as it appends; who
reads a feed recomputes. The two stand here together, and tests hold both to the same vectors.
"""

from __future__ import annotations

from hashlib import sha256

GENESIS = bytes(32)


def chain_hash(previous: bytes, position: int, stream: bytes, version: int, topic: str, state: bytes) -> bytes:
    """Returns the hash of an event that follows one of hash `previous`."""
    return chain_hash_of(previous, position, stream, version, topic, sha256(state).digest())


def chain_hash_of(previous: bytes, position: int, stream: bytes, version: int, topic: str, state_hash: bytes) -> bytes:
    """Returns the same from the SHA-256 of the state."""
    name = topic.encode()
    digest = sha256(previous)
    digest.update(position.to_bytes(8, "big"))
    digest.update(stream)
    digest.update(version.to_bytes(8, "big"))
    digest.update(len(name).to_bytes(8, "big"))
    digest.update(name)
    digest.update(state_hash)
    return digest.digest()


CHAIN_HASH_SQL = """sha256(
            head.hash || int8send(head.position) || uuid_send(streams[i]) || int8send(versions[i])
            || int8send(octet_length(name)::bigint) || name || sha256(states[i])
        )"""
"""The same as an expression inside the loop of `append_events` (schema.py): `head` is the row of the feed's head with
the new position and the previous hash, `name` the topic in UTF-8. It is part of a migration that is applied: changing
it takes a new migration, which replaces the function."""
