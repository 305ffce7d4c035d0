"""Seals for whole messages: AES-256-GCM under a data key of this process, which Vault wraps."""

from __future__ import annotations

import asyncio
import os
import time

from ringfence_kernel.sealing.bounded_cache import BoundedCache
from ringfence_kernel.sealing.envelopes import KEY_BYTES, AssociatedData, seal, unseal
from ringfence_kernel.vault import Transit

from ringfence_payment_instruction.rail.application.ports import Sealed

WRAPPING_KEY = "payment-rail"
HOLD_SECONDS = 3_600.0
"""How long a process seals under one data key."""
_UNWRAPPED_KEYS = 64
_CONTEXT = b"rail"


class VaultSeals:
    """The Seals port. A data key stands, wrapped, beside each envelope, so that any process can open it."""

    def __init__(self, transit: Transit) -> None:
        """Makes the first data key when something is to be sealed."""
        self._transit = transit
        self._own: tuple[float, str, bytes] = (0.0, "", b"")
        self._unwrapped: BoundedCache[str, bytes] = BoundedCache(_UNWRAPPED_KEYS)

    async def seal(self, message: bytes, field: str, content: bytes) -> Sealed:
        """Seals a content in its place; raises VaultUnavailable."""
        until, wrapped, key = self._own
        if time.monotonic() >= until:
            key = os.urandom(KEY_BYTES)
            (wrapped,) = await self._transit.encrypt(WRAPPING_KEY, [key], [_CONTEXT])
            self._own = time.monotonic() + HOLD_SECONDS, wrapped, key
        return Sealed(wrapped, await asyncio.to_thread(seal, key, content, AssociatedData(message, 0, field)))

    async def unseal(self, message: bytes, field: str, sealed: Sealed) -> bytes:
        """Opens a content in its place; raises VaultUnavailable, EnvelopeBroken."""
        key = self._own[2] if sealed.wrapped_key == self._own[1] else self._unwrapped.get(sealed.wrapped_key)
        if key is None:
            (key,) = await self._transit.decrypt(WRAPPING_KEY, [sealed.wrapped_key], [_CONTEXT])
            self._unwrapped.put(sealed.wrapped_key, key)
        return await asyncio.to_thread(unseal, key, sealed.envelope, AssociatedData(message, 0, field))
