"""A look at everybody whom a payment or deposit names, by what was typed and by what is registered."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from ringfence_payment_instruction.screening.application.clients import ListedMarks
from ringfence_payment_instruction.screening.application.ports import ClientNames
from ringfence_payment_instruction.screening.domain.clients import Listed, entries_of
from ringfence_payment_instruction.screening.domain.errors import ClientNotIndexed
from ringfence_payment_instruction.screening.domain.findings.state import State as FindingsState
from ringfence_payment_instruction.screening.domain.listed import Hit, ListedEntry
from ringfence_payment_instruction.screening.domain.lists import Screening
from ringfence_payment_instruction.screening.domain.screened_fields import Naming, Side, typed_fields

_REGISTERED = {Side.DEBTOR: "registered Dbtr", Side.CREDITOR: "registered Cdtr"}


@dataclass(frozen=True, slots=True)
class Look:
    """What a look rests on: the lists at one moment, and the registered names of some clients."""

    screening: Screening
    listed: Listed
    registered: Mapping[bytes, tuple[bytes, ...]]
    state: FindingsState
    _seen: dict[str, tuple[ListedEntry, ...]] = field(default_factory=dict)

    @property
    def evidence(self) -> bytes:
        """SHA-256 of the lists that it rests on."""
        return self.screening.evidence()

    def hits(self, naming: Naming, clients: Mapping[Side, bytes]) -> Iterator[Hit]:
        """Yields the entries that name somebody.

        `clients` are those whose names are registered. What two people have found to name somebody else than a client
        is no hit on his own name, typed or registered.
        """
        return (each for each in self.found(naming, clients) if not each.is_cleared)

    def found(self, naming: Naming, clients: Mapping[Side, bytes]) -> Iterator[Hit]:
        """Yields the same, and beside them what is cleared."""
        for name, side, text in typed_fields(naming):
            for entry in self._typed(text):
                yield Hit(side, entry, name, text, is_cleared=self._is_cleared(clients.get(side), entry))
        for side, subject in clients.items():
            for entry in entries_of(self.registered.get(subject, ()), self.listed):
                is_cleared = self._is_cleared(subject, entry)
                yield Hit(side, entry, _REGISTERED[side], is_registered=True, is_cleared=is_cleared)

    def _typed(self, name: str) -> tuple[ListedEntry, ...]:
        if name not in self._seen:
            self._seen[name] = self.screening.entries(name)
        return self._seen[name]

    def _is_cleared(self, subject: bytes | None, entry: ListedEntry) -> bool:
        return subject is not None and self.state.is_cleared(subject, entry)


@dataclass(frozen=True, slots=True)
class Looking:
    """Prepares looks."""

    state: FindingsState
    names: ClientNames
    listed: ListedMarks

    async def look(self, screening: Screening, subjects: Collection[bytes]) -> Look:
        """Returns a look at some clients by these lists; raises ClientNotIndexed, KeysUnavailable, StoreUnavailable.

        All subjects are asked for at once. Whoever is not known here yet is waited for.
        """
        registered: Mapping[bytes, tuple[bytes, ...]] = {}
        if subjects:
            registered = await asyncio.to_thread(self.names.look_up, subjects)
            if any(subject not in registered for subject in subjects):
                raise ClientNotIndexed
        listed = await self.listed.of(screening) if subjects else Listed()
        return Look(screening, listed, registered, self.state)
