"""Registered clients against the lists: when a name is recorded, and when a list changes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ringfence_kernel.sealing.envelopes import AssociatedData, EnvelopeBroken, unseal
from ringfence_kernel.service.heavy import InThreads
from ringfence_kernel.service.signal import Signal
from ringfence_kernel.store.recorder import Within
from ringfence_kernel.telemetry.logs import get
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.values.ids import show
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_payment_instruction.screening.application.marking import listed_marks, marks_of, new_marks
from ringfence_payment_instruction.screening.application.ports import ClientNames
from ringfence_payment_instruction.screening.application.queries import ListsInForce
from ringfence_payment_instruction.screening.domain.clients import (
    Client,
    ClientFact,
    ClientReleased,
    Listed,
    MarkedNames,
    Marks,
    NamesRecorded,
    client_stream,
    entries_of,
)
from ringfence_payment_instruction.screening.domain.events import EVENTS as LIST_EVENTS
from ringfence_payment_instruction.screening.domain.findings.events import ClientCleared, ClientMatched
from ringfence_payment_instruction.screening.domain.findings.state import Finding
from ringfence_payment_instruction.screening.domain.findings.state import State as FindingsState
from ringfence_payment_instruction.screening.domain.listed import packed_digests
from ringfence_payment_instruction.screening.domain.lists import SanctionsList, Screening
from ringfence_payment_instruction.submissions.application.ports import Identity, KeyRing

NAMES_AT_ONCE = 1_000
RETRY_SECONDS = 0.5
LOOK_SECONDS = 5.0
_LOG = get(__name__)


@dataclass(slots=True)
class ListedMarks:
    """The keyed marks of the names on the lists in force, made once for each list that is another one."""

    lists: ListsInForce
    identity: Identity
    heavily: InThreads
    _key: bytes = b""
    _evidence: bytes = b""
    _listed: Listed = field(default_factory=Listed)
    _made: Sequence[tuple[str, SanctionsList, Marks]] = ()

    async def key(self) -> bytes:
        """Returns the key of the marks; raises KeysUnavailable."""
        if not self._key:
            self._key = (await self.identity.keys(())).blind_index_key
        return self._key

    async def of(self, screening: Screening) -> Listed:
        """Returns entries by mark; raises KeysUnavailable."""
        evidence = screening.evidence()
        if evidence != self._evidence:
            made = await self.heavily(_made_of, await self.key(), screening, self._made)
            self._evidence, self._made, self._listed = evidence, made, Listed(tuple(marks for *_, marks in made))
        return self._listed


def _made_of(
    key: bytes, screening: Screening, before: Sequence[tuple[str, SanctionsList, Marks]]
) -> list[tuple[str, SanctionsList, Marks]]:
    """Returns the marks of every list; those of an edition that was there before are not made anew."""
    known = {(name, id(each.references)): marks for name, each, marks in before}
    return [
        (name, each, known.get((name, id(each.references))) or listed_marks(key, name, each))
        for name, each in screening.editions()
    ]


@dataclass(slots=True)
class ClientScreening:
    """Keeps the index of client names, and finds those that lists name.

    A client is looked at again when a name of his is recorded; when a list changes, what is new on it is looked up in
    the index, so that it costs what has changed. Who leads anew looks up everything once.
    """

    writer: GroupWriter
    state: FindingsState
    names: ClientNames
    lists: ListsInForce
    listed: ListedMarks
    identity: Identity
    _news: Signal = field(default_factory=Signal)
    _checked: Listed = field(default_factory=Listed)

    def __post_init__(self) -> None:
        """Begins to hear of new lists."""
        self.writer.subscribe(self._committed)

    async def note(self, facts: Sequence[ClientFact], save_cursor: Within) -> Within:
        """Takes in what identity's feed says; returns what is to be done in the transaction that moves the cursor."""
        for fact in facts:
            if isinstance(fact, ClientReleased):
                await self._clear(fact)
        recorded = [fact for fact in facts if isinstance(fact, NamesRecorded)]
        if not recorded:
            return save_cursor
        record = self.names.record(recorded)

        def statements(connection: Any) -> None:
            save_cursor(connection)
            record(connection)

        return statements

    def ring(self) -> None:
        """Tells that names were recorded."""
        self._news.ring()

    async def run(self) -> None:
        """Works until cancelled; waits for keys, lists and the store as long as it takes."""
        self._checked = Listed()
        while True:
            rings = self._news.rings
            try:
                while await self.step():
                    pass
            except DomainError as error:
                _LOG.warning("client_screening_waits", reason=error.reason)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                await self._news.wait(LOOK_SECONDS, since=rings)

    async def step(self) -> bool:
        """Marks some names that are new, and looks up what is new on the lists; tells whether there may be more.

        Raises KeysUnavailable, StoreUnavailable, Overloaded.
        """
        screening = self.lists.current()
        listed = await self.listed.of(screening)
        recorded = await asyncio.to_thread(self.names.unmarked, NAMES_AT_ONCE)
        if recorded and not await self._mark(recorded, screening, listed):
            return True
        # An entry that has changed is new under each of its names: whoever was cleared of it is found again.
        new = await self.listed.heavily(new_marks, listed, self._checked) if listed is not self._checked else set()
        if new:
            found = await self.listed.heavily(self.names.matching, new)
            clients = _gathered(found, listed)
            if clients and not await self._match(clients, screening, lambda connection: None):
                return True
        # Also where nothing is new: what a list no longer names is new once it does again.
        self._checked = listed
        return len(recorded) == NAMES_AT_ONCE

    async def _mark(self, recorded: Sequence[NamesRecorded], screening: Screening, listed: Listed) -> bool:
        ring = await self.identity.keys({each.subject for each in recorded if each.sealed})
        key = await self.listed.key()
        marked = await asyncio.to_thread(lambda: [_marked(each, ring, key) for each in recorded])
        clients = [
            Client(each.recorded.subject, each.recorded.tenant, each.recorded.party, entries)
            for each in marked
            if (entries := tuple(dict.fromkeys(entries_of(each.marks, listed))))
        ]
        return await self._match(clients, screening, self.names.mark(marked))

    async def _match(self, clients: Iterable[Client], screening: Screening, also: Within) -> bool:
        """Records who is on a list now; returns False, and records nothing, where the lists have changed meanwhile."""
        evidence = screening.evidence()
        found = list(clients)

        def command(unit: Unit) -> list[Client] | None:
            if self.lists.current().evidence() != evidence:
                return None
            news = []
            for client in found:
                if entries := self.state.news(client):
                    named = (client.tenant, client.party, client.subject)
                    event = ClientMatched(*named, tuple(map(str, entries)), packed_digests(entries), evidence)
                    unit.record(client_stream(client.subject), event)
                    news.append(client)
            unit.commit_also(also)
            return news

        news = await self.writer.commit(command, weight=1 + len(found))
        for client in news or ():
            findings = [each.finding.hex() for each in client.entries]
            _LOG.error("client_listed", tenant=show(client.tenant), party=show(client.party), findings=findings)
        return news is not None

    async def _clear(self, released: ClientReleased) -> None:
        """Records what two people have looked at; of all else identity is told again, and blocks him again."""
        stream = client_stream(released.subject)

        def command(unit: Unit) -> None:
            found = self.state.findings.get(stream)
            told = () if found is None else found.having(Finding.BLOCKED)
            seen = tuple([each for each in told if released.findings is None or each.finding in released.findings])
            others = tuple([each for each in told if each not in seen])
            if found is None:
                return
            named = (found.tenant, found.party, found.subject)
            if seen:
                unit.record(stream, ClientCleared(*named, tuple(map(str, seen)), packed_digests(seen)))
            if others:
                evidence = self.lists.current().evidence()
                unit.record(stream, ClientMatched(*named, tuple(map(str, others)), packed_digests(others), evidence))

        await self.writer.commit(command)

    def _committed(self, recorded: list[Recorded]) -> None:
        if any(isinstance(each.event, LIST_EVENTS) for each in recorded):
            self._news.ring()


def _marked(recorded: NamesRecorded, ring: KeyRing, key: bytes) -> MarkedNames:
    """Opens names and returns their marks; of an erased client there is nothing to open."""
    data_key = ring.keys.get(recorded.subject)
    if data_key is None:
        return MarkedNames(recorded, ())
    names = []
    for name, sealed in recorded.sealed.items():
        try:
            names.append(unseal(data_key, sealed, AssociatedData(recorded.subject, recorded.version, name)).decode())
        except EnvelopeBroken:
            _LOG.error("client_name_broken", party=show(recorded.party), field=name)
    return MarkedNames(recorded, marks_of(key, names))


def _gathered(found: Iterable[tuple[Client, bytes]], listed: Listed) -> list[Client]:
    clients: dict[bytes, Client] = {}
    for client, mark in found:
        known = clients.setdefault(client.subject, client)
        clients[client.subject] = replace(known, entries=tuple(dict.fromkeys((*known.entries, *listed.entries(mark)))))
    return list(clients.values())
