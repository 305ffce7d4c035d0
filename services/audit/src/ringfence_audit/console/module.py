"""Serves the console over HTTPS, read-only, to regulators and auditors by their certificates."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ringfence_console import Host
from ringfence_console.ports import Reader
from ringfence_kernel.access.peer_certificates import PeerCertificates
from ringfence_kernel.service import EventSourced, Runtime, Task
from ringfence_kernel.service.heavy import InThreads
from ringfence_kernel.vault.errors import VaultUnavailable

from ringfence_audit.console.adapters.answers import LoggedAnswers
from ringfence_audit.console.adapters.finding import LoggedFinding
from ringfence_audit.console.adapters.log_reading import ResultT, Tables
from ringfence_audit.console.adapters.overview import OverviewedFacts
from ringfence_audit.console.api.application import ConsoleApplication, Readers
from ringfence_audit.console.application.asking import Asking, Methods, RecordView
from ringfence_audit.console.application.viewing import Viewing
from ringfence_audit.https.api.listener import HttpsListener
from ringfence_audit.index.application.limited import LimitedQueries
from ringfence_audit.index.application.ports import Keys
from ringfence_audit.log.adapters.vault_signer import VaultSigner
from ringfence_audit.log.application.commands import LogStanding, RecordRead
from ringfence_audit.log.application.queries import Queries
from ringfence_audit.log.application.texts import Texts
from ringfence_audit.log.application.views import Views
from ringfence_audit.log.domain.state import State as LogState
from ringfence_audit.settings import AuditSettings
from ringfence_audit.standing.application.rights import Rights
from ringfence_audit.standing.domain.state import State as StandingState

REQUEST_SECONDS = 20.0
KEY_SECONDS = 60.0


def tasks(
    runtime: Runtime[AuditSettings],
    core: EventSourced,
    log: LogState,
    standing: StandingState,
    rights: Rights,
    record_read: RecordRead,
    queries: Queries,
    keys: Keys,
    texts: Texts,
    methods_of: Callable[[RecordRead], Methods],
    book_keys: Callable[[], Iterable[tuple[bytes, int]]],
) -> list[Task]:
    """Listens where the settings say so; returns what answers, nothing where they do not. Raises CannotListen.

    Who leads answers: a view is recorded. The host has no `Work`, so nothing that acts has a route.
    """
    address = runtime.settings.console_address()
    if address is None:
        return []
    vkeys = Vkeys(VaultSigner(runtime.vault.transit, log.origin))
    views, log_standing = Views(record_read), LogStanding(core.writer, log)
    viewing = Viewing(asyncio.get_running_loop(), views, log_standing, REQUEST_SECONDS)
    recording = record_read.writer, record_read.state, record_read.rows
    methods, asking = methods_of(RecordView(*recording, views, log_standing)), Asking(viewing)
    tables = Tables(queries, keys, LimitedQueries(keys, queries), texts, viewing, _Heavily(viewing, runtime.heavy.run))

    def host_of(reader: Reader) -> Host:
        answers = LoggedAnswers(methods, asking, tables.heavily, book_keys)
        facts = OverviewedFacts(log.origin, tables, vkeys, methods=methods, asking=asking, known=answers.known)
        finding = LoggedFinding(methods, asking, facts)
        return Host(
            reader=reader,
            facts=facts,
            finding=finding,
            books=answers,
            reports=answers,
            access=answers,
            disclosing=finding,
        )

    peers = PeerCertificates(
        runtime.trust.workloads, runtime.trust.clients, runtime.settings.trust_domain, runtime.clock
    )
    readers = Readers(
        lambda principal, sha256: standing.copyists.may_copy(principal, sha256, runtime.clock.now_ns()),
        standing.is_suspended,
        rights.of,
    )
    application = ConsoleApplication(
        host_of,
        runtime.settings.console_names(),
        readers,
        peers,
        REQUEST_SECONDS,
    )
    listener = HttpsListener(address, runtime.certificate, runtime.trust.clients, application)
    runtime.resources.push_async_callback(asyncio.to_thread, listener.close)
    return [Task("console", listener.run), Task("console_keys", vkeys.run)]


@dataclass(frozen=True, slots=True)
class _Heavily:
    """Has the service's heavy work done from the threads in which pages are drawn."""

    viewing: Viewing
    run: InThreads

    def __call__(self, function: Callable[..., ResultT], /, *arguments: Any) -> ResultT:
        """Returns what the function returns; blocks, as long as a page may take."""
        return self.viewing.wait(self.run(function, *arguments))


@dataclass(slots=True)
class Vkeys:
    """The vkeys of the log, read from Vault now and then: pages are drawn while Vault is sealed."""

    signer: VaultSigner
    _known: Mapping[bytes, str] = field(default_factory=dict)

    def __call__(self) -> Mapping[bytes, str]:
        """Gives those that are known."""
        return self._known

    async def run(self) -> None:
        """Reads them again every minute, and every second until they were read once."""
        while True:
            await self._read()
            await asyncio.sleep(KEY_SECONDS if self._known else 1.0)

    async def _read(self) -> None:
        try:
            self._known = await self.signer.vkeys()
        except VaultUnavailable:
            pass
