"""Whose certificates a process accepts, from the files that its settings name."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from ringfence_kernel.certificates.trust import NoCertificates, TrustFile
from ringfence_kernel.service.settings import Settings
from ringfence_kernel.values.settings import InvalidSetting


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The issuers of services, of principals, and of NATS where it has one."""

    workloads: TrustFile
    clients: TrustFile
    nats: TrustFile | None

    @classmethod
    def read(cls, settings: Settings) -> Trust:
        """Reads the files; raises InvalidSetting."""
        nats = settings.nats_ca_file
        return cls(
            workloads=_read("RINGFENCE_WORKLOAD_CA_FILE", settings.workload_ca_file),
            clients=_read("RINGFENCE_CLIENT_CA_FILE", settings.client_ca_file),
            nats=_read("RINGFENCE_NATS_CACERT", nats) if nats is not None else None,
        )

    async def follow(self) -> None:
        """Takes over what the files hold, for ever."""
        followed = [each for each in (self.workloads, self.clients, self.nats) if each is not None]
        async with asyncio.TaskGroup() as group:
            for each in followed:
                group.create_task(each.follow())


def _read(variable: str, path: Path) -> TrustFile:
    try:
        return TrustFile(path)
    except (OSError, NoCertificates):
        raise InvalidSetting(variable, "a file with certificates (PEM)") from None
