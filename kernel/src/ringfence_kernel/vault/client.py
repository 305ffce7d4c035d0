"""Vault as one object: the session that is logged in, and the engines on it."""

from __future__ import annotations

import asyncio
import time

from ringfence_kernel.telemetry import logs
from ringfence_kernel.vault.errors import VaultLoginRefused, VaultUnavailable
from ringfence_kernel.vault.pki import Pki
from ringfence_kernel.vault.session import VaultOptions, VaultSession
from ringfence_kernel.vault.transit import Transit
from ringfence_kernel.vault.versioned import VersionedValues

_LOG = logs.get(__name__)


class Vault:
    """A process's way to its keys. While Vault is sealed or away every call raises VaultUnavailable; it recovers."""

    def __init__(self, session: VaultSession) -> None:
        """Takes a session that is logged in."""
        self._session = session
        self.transit = Transit(session)
        self.pki = Pki(session)
        self.versioned = VersionedValues(session)

    @classmethod
    async def connect(cls, options: VaultOptions) -> Vault:
        """Logs in, waiting while Vault is sealed or away; raises VaultLoginRefused.

        A refusal that may pass is waited out for a while: Vault cannot check a token while its platform is away.
        """
        session = VaultSession(options)
        refused_since: float | None = None
        while True:
            try:
                await session.login()
                return cls(session)
            except VaultUnavailable:
                _LOG.warning("vault_awaited")
                refused_since = None
            except VaultLoginRefused as refusal:
                now = time.monotonic()
                refused_since = refused_since or now
                if not refusal.may_pass or now - refused_since >= options.refused_seconds:
                    raise
                _LOG.warning("vault_login_refused", detail=str(refusal))
            await asyncio.sleep(options.retry_seconds)

    @property
    def token_seconds(self) -> float:
        """How long the token is good for, unless it is renewed; below zero once it has expired."""
        return self._session.token_seconds

    async def renew(self) -> None:
        """Keeps the token alive, for ever; runs as a background task."""
        await self._session.renew()

    async def problem(self) -> str | None:
        """Returns why Vault cannot be used now, or None: a readiness probe."""
        return None if await self._session.is_well() else VaultUnavailable.reason

    def close(self) -> None:
        """Lets go of the connection; the token ends with its lease."""
        self._session.close()
