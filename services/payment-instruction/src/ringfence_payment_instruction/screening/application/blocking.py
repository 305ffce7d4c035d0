"""The blocking lane: identity blocks every client that a list names, and custody follows identity."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.telemetry.logs import get
from ringfence_kernel.values.ids import show
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_payment_instruction.screening.application.ports import Blocking
from ringfence_payment_instruction.screening.application.queries import ListsInForce
from ringfence_payment_instruction.screening.domain.clients import Client
from ringfence_payment_instruction.screening.domain.findings.events import ClientBlocked
from ringfence_payment_instruction.screening.domain.findings.state import Finding
from ringfence_payment_instruction.screening.domain.findings.state import State as FindingsState
from ringfence_payment_instruction.screening.domain.listed import packed_digests

_LOG = get(__name__)


@dataclass(frozen=True, slots=True)
class BlockingWork:
    """Has clients blocked, each once for what was found of him."""

    writer: GroupWriter
    state: FindingsState
    lists: ListsInForce
    identity: Blocking

    def has_work(self, stream: bytes) -> bool:
        """Tells whether a client was found that identity has not blocked for it."""
        found = self.state.findings.get(stream)
        return found is not None and bool(found.having(Finding.MATCHED))

    async def handle(self, stream: bytes) -> None:
        """Has him blocked and records it; raises IdentityUnavailable, ClientNotBlocked."""
        found = self.state.findings[stream]
        client = Client(found.subject, found.tenant, found.party, found.having(Finding.MATCHED))
        await self.identity.block(client, self.lists.current().evidence())

        references = tuple(map(str, client.entries))

        def command(unit: Unit) -> None:
            digests = packed_digests(client.entries)
            unit.record(stream, ClientBlocked(client.tenant, client.party, client.subject, references, digests))

        await self.writer.commit(command)
        findings = [each.finding.hex() for each in client.entries]
        _LOG.warning("client_blocked", tenant=show(client.tenant), party=show(client.party), findings=findings)
