"""Data keys of subjects: made here, wrapped by Vault in batches, kept in PostgreSQL, cached while in use."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from ringfence_kernel.sealing.bounded_cache import BoundedCache
from ringfence_kernel.store.recorder import Within
from ringfence_kernel.vault import Transit

from ringfence_identity.data_keys.adapters.key_table import KeyTable
from ringfence_identity.data_keys.commands import SubjectKey

WRAPPING_KEY = "identity-wrap"
BLIND_INDEX_KEY = "identity-blind-index"
BLIND_INDEX_LABEL = b"ringfence blind index, version 1"
MAX_CACHED_KEYS = 65_536
DATA_KEY_BYTES = 32


class VaultSubjectKeys:
    """A SubjectKeys over the key table and Vault transit. A wrapped key is bound to its subject (associated data)."""

    def __init__(self, table: KeyTable, transit: Transit) -> None:
        """Starts with nothing in memory."""
        self._table = table
        self._transit = transit
        self._cache: BoundedCache[bytes, bytes] = BoundedCache(MAX_CACHED_KEYS)
        self._blind_index_key = b""
        self._generation = 0

    async def fetch(self, subjects: Sequence[bytes], *, create: bool) -> dict[bytes, SubjectKey]:
        """Returns one key per subject, with `create` made where missing.

        Keys in memory are answered while Vault is away; the others raise VaultUnavailable.
        """
        generation = self._generation
        found = {subject: key for subject in subjects if (key := self._cache.get(subject)) is not None}
        missing = sorted(set(subjects) - set(found))
        rows = await asyncio.to_thread(self._table.load, missing) if missing else {}
        absent = [subject for subject in missing if subject not in rows]
        if create and absent:
            found.update(await self._create(absent))
            # Those that somebody else made at the same time: theirs count.
            others = [subject for subject in absent if subject not in found]
            rows.update(await asyncio.to_thread(self._table.load, others) if others else {})
        found.update(await self._unwrap({subject: wrapped for subject, wrapped in rows.items() if wrapped}))
        self._remember(found, generation)
        return {
            subject: SubjectKey(found.get(subject, b""), destroyed=rows.get(subject, "") is None)
            for subject in subjects
        }

    async def blind_index_key(self) -> bytes:
        """Returns HMAC-SHA-256 of a fixed label under the first version of a key that never leaves Vault."""
        if not self._blind_index_key:
            self._blind_index_key = await self._transit.hmac(BLIND_INDEX_KEY, BLIND_INDEX_LABEL)
        return self._blind_index_key

    def destruction(self, subject: bytes) -> Within:
        """Returns what destroys a key inside a commit."""

        def destroy(connection: psycopg.Connection[Any]) -> None:
            self._table.destroy_within(connection, [subject])

        return destroy

    def forget(self, subjects: Sequence[bytes]) -> None:
        """Drops keys from memory."""
        self._generation += 1
        for subject in subjects:
            self._cache.remove(subject)

    def forget_all(self) -> None:
        """Drops all keys from memory."""
        self._generation += 1
        self._cache.clear()

    async def _create(self, subjects: Sequence[bytes]) -> dict[bytes, bytes]:
        """Makes keys, stores them wrapped, and returns those whose rows were added."""
        keys = [os.urandom(DATA_KEY_BYTES) for _ in subjects]
        wrapped = await self._transit.encrypt(WRAPPING_KEY, keys, subjects)
        added = await asyncio.to_thread(self._table.insert, dict(zip(subjects, wrapped, strict=True)))
        return {subject: key for subject, key in zip(subjects, keys, strict=True) if subject in added}

    async def _unwrap(self, wrapped: Mapping[bytes, str]) -> dict[bytes, bytes]:
        if not wrapped:
            return {}
        keys = await self._transit.decrypt(WRAPPING_KEY, list(wrapped.values()), list(wrapped))
        return dict(zip(wrapped, keys, strict=True))

    def _remember(self, keys: Mapping[bytes, bytes], generation: int) -> None:
        """Keeps keys in memory, unless some were destroyed since they were asked for: these might be among them."""
        if generation == self._generation:
            for subject, key in keys.items():
                self._cache.put(subject, key)
