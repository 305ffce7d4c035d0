"""Small values that only whoever knows the newest may replace: the key-value engine, version 2, by check-and-set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import hvac
from hvac import exceptions

from ringfence_kernel.vault.session import VaultSession

MOUNT = "registers"
_MISMATCH = "check-and-set"
"""Stands in the refusal of a value that is not the newest's successor; the engine gives it no code of its own."""


@dataclass(frozen=True, slots=True)
class VersionedValue:
    """A value, and the version by which it can be replaced; version 0 and no content where there never was one."""

    content: Mapping[str, Any]
    version: int


class VersionedValues:
    """Reads and replaces values by name; raises VaultUnavailable, VaultRefused or Overloaded."""

    def __init__(self, session: VaultSession) -> None:
        """Uses the engine mounted at `registers`."""
        self._session = session

    async def read(self, name: str) -> VersionedValue:
        """Returns the newest value of a name."""

        def ask(client: hvac.Client) -> VersionedValue:
            try:
                answer = client.secrets.kv.v2.read_secret_version(
                    name, mount_point=MOUNT, raise_on_deleted_version=True
                )
            except exceptions.InvalidPath:
                return VersionedValue({}, 0)
            return VersionedValue(answer["data"]["data"], int(answer["data"]["metadata"]["version"]))

        return await self._session.call(ask)

    async def replace(self, name: str, content: Mapping[str, Any], version: int) -> int | None:
        """Puts a value in place of the one of a version; returns its own, None where another one is the newest."""

        def ask(client: hvac.Client) -> int | None:
            try:
                answer = client.secrets.kv.v2.create_or_update_secret(
                    name, dict(content), cas=version, mount_point=MOUNT
                )
            except exceptions.InvalidRequest as refusal:
                if _MISMATCH in str(refusal):
                    return None
                raise
            return int(answer["data"]["version"])

        return await self._session.call(ask)
