"""Where the public keys of tokens come from (RFC 7517 key sets, RFC 8037 Ed25519 keys)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ringfence_kernel.access.refusals import TokenKeysUnavailable
from ringfence_kernel.telemetry import logs
from ringfence_kernel.values.clock import NANOSECONDS, Clock

_LOG = logs.get(__name__)


class KeySource(Protocol):
    """Finds the public key that a token names."""

    async def key(self, key_id: str) -> Ed25519PublicKey | None:
        """Returns the key, None when no such key is published; raises TokenKeysUnavailable when that is unknown."""


class LocalKeys:
    """Keys held in this process, for the issuer itself."""

    def __init__(self, keys: Mapping[str, Ed25519PublicKey] | None = None) -> None:
        """Starts with `keys` by key id."""
        self._keys = dict(keys or {})

    def replace(self, keys: Mapping[str, Ed25519PublicKey]) -> None:
        """Publishes another set of keys, keeping the objects of those that did not change."""
        self._keys = _merged(self._keys, keys)

    async def key(self, key_id: str) -> Ed25519PublicKey | None:
        """Returns the key of that id, or None."""
        return self._keys.get(key_id)


class RemoteKeys:
    """Keys fetched as a JSON Web Key Set, again every few minutes and, at a bounded rate, for an unknown id."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[str]],
        clock: Clock,
        *,
        refresh_seconds: float = 300,
        unknown_seconds: float = 2,
        trusted_seconds: float = 3_600,
    ) -> None:
        """Trusts a set for `trusted_seconds` while it cannot be fetched anew; after that, nothing (fail closed)."""
        self._fetch = fetch
        self._clock = clock
        self._refresh_ns = int(refresh_seconds * NANOSECONDS)
        self._unknown_ns = int(unknown_seconds * NANOSECONDS)
        self._trusted_ns = int(trusted_seconds * NANOSECONDS)
        self._keys: Mapping[str, Ed25519PublicKey] = {}
        self._fetched_ns: int | None = None
        self._attempted_ns: int | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def key(self, key_id: str) -> Ed25519PublicKey | None:
        """Returns the key, or None when the issuer does not publish it; raises TokenKeysUnavailable.

        A known key is answered at once, even while its set is fetched anew; an unknown one waits for the fetch.
        """
        if key_id not in self._keys or self._age_ns() > self._trusted_ns:
            if self._may_fetch():
                await asyncio.shield(self._begin())
        elif self._age_ns() > self._refresh_ns and self._may_fetch():
            self._begin()
        found = self._keys.get(key_id)
        last_attempt_failed = self._fetched_ns != self._attempted_ns
        if self._age_ns() > self._trusted_ns or (found is None and last_attempt_failed):
            raise TokenKeysUnavailable
        return found

    def _may_fetch(self) -> bool:
        return self._attempted_ns is None or self._clock.now_ns() - self._attempted_ns >= self._unknown_ns

    def _age_ns(self) -> int:
        return self._clock.now_ns() - self._fetched_ns if self._fetched_ns is not None else self._trusted_ns + 1

    def _begin(self) -> asyncio.Task[None]:
        """Returns the one fetch under way, starting it when there is none."""
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._refresh())
        return self._fetching

    async def _refresh(self) -> None:
        started_ns = self._clock.now_ns()
        try:
            self._keys = _merged(self._keys, parse_key_set(await self._fetch()))
            self._fetched_ns = started_ns
        except Exception as error:  # whatever the transport raises, the last set goes on until it is too old
            _LOG.warning("token_keys_not_fetched", error=type(error).__name__)
        self._attempted_ns = started_ns


def parse_key_set(key_set: str) -> dict[str, Ed25519PublicKey]:
    """Returns the Ed25519 signature keys of a JSON Web Key Set by key id; raises ValueError for anything else."""
    try:
        published = json.loads(key_set)["keys"]
        keys = {entry["kid"]: jwt.PyJWK(entry, algorithm="EdDSA").key for entry in published if entry.get("kid")}
    except (KeyError, TypeError, AttributeError, jwt.PyJWTError) as error:
        raise ValueError("not a JSON Web Key Set of Ed25519 keys") from error
    return {key_id: key for key_id, key in keys.items() if isinstance(key, Ed25519PublicKey)}


def _merged(old: Mapping[str, Ed25519PublicKey], new: Mapping[str, Ed25519PublicKey]) -> dict[str, Ed25519PublicKey]:
    """Keeps the object of an unchanged key, because verified tokens are remembered with their key object."""
    return {key_id: old[key_id] if old.get(key_id) == key else key for key_id, key in new.items()}
