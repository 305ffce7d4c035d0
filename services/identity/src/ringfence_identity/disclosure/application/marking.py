"""Marks whom names and numbers are found by, behind the events, in the process that leads."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from ringfence_kernel.sealing.envelopes import blind_index
from ringfence_kernel.service.threads import computed
from ringfence_kernel.telemetry import logs
from ringfence_kernel.values.errors import DomainError

from ringfence_identity.data_keys.commands import SubjectKeys
from ringfence_identity.disclosure.application.ports import Marks, Named, Names
from ringfence_identity.disclosure.domain.words import compact, tokens

LOOK_SECONDS = 5.0
RESTS = 4.0
"""After a page so many times as long as it took: beside a flood of parties, marking is a fifth of a thread's work."""
OF_NAMES, OF_NUMBERS = "identity.mark.name", "identity.mark.number"
_LOG = logs.get(__name__)


@dataclass(slots=True)
class Marking:
    """Goes on where the last term ended, a page of events at a time."""

    names: Names
    marks: Marks
    keys: SubjectKeys
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def ring(self, recorded: object) -> None:
        """Says that there are new events."""
        self._news.set()

    async def look(self) -> int:
        """Marks as far as there are events; returns the position. Raises VaultUnavailable, StoreUnavailable."""
        async with self._looking:
            at = await asyncio.to_thread(self.marks.position)
            while (reached := await self._mark(at)) != at:
                at = reached
            return at

    async def run(self) -> None:
        """Marks page by page until cancelled, and rests after each: whoever asks for somebody looks by himself."""
        while True:
            self._news.clear()
            began, is_more = time.monotonic(), False
            try:
                async with self._looking:
                    at = await asyncio.to_thread(self.marks.position)
                    is_more = await self._mark(at) != at
            except DomainError as error:
                _LOG.warning("marking_waits", error=type(error).__name__)
            if is_more:
                await asyncio.sleep(min(RESTS * (time.monotonic() - began), LOOK_SECONDS))
                continue
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _mark(self, at: int) -> int:
        """Marks whom a page of events after a position is about; returns where the page ends."""
        changed = await asyncio.to_thread(self.marks.changed, at)
        if changed.position == at:
            return at
        made: list[set[bytes]] = []
        if changed.parties:
            key = await self.keys.blind_index_key()
            named = await self.names.read([(each.tenant, each.party) for each in changed.parties])
            made = await computed(len(named), lambda: [marks_of(key, each) for each in named])
        new = dict(zip(changed.parties, made, strict=True))
        await asyncio.to_thread(self.marks.replace, new, at, changed.position)
        return changed.position


def marks_of(key: bytes, named: Named | None) -> set[bytes]:
    """Returns what a party is found by: a mark for each token of its names, its owners' too, and for each number."""
    if named is None:
        return set()
    names = [named.name, *(name for name, _ in named.owners)]
    numbers = [named.identity_number, *(number for _, number in named.owners)]
    return name_marks(key, {token for name in names for token in tokens(name)}) | number_marks(key, numbers)


def name_marks(key: bytes, of: Iterable[str]) -> set[bytes]:
    """Returns the marks of tokens of names, 16 bytes each."""
    return {blind_index(key, OF_NAMES, token.encode()) for token in of}


def number_marks(key: bytes, numbers: Iterable[str]) -> set[bytes]:
    """Returns the marks of identity numbers, 16 bytes each."""
    return {blind_index(key, OF_NUMBERS, number.encode()) for each in numbers if (number := compact(each))}
