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
from ringfence_payment_instruction.screening.domain.listed import ListedEntry
from ringfence_payment_instruction.screening.domain.lists import Screening
from ringfence_payment_instruction.screening.domain.screened_fields import Naming, Side, typed_names


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that names somebody, on whose side he stands, and whether it is his registered name."""

    side: Side
    entry: ListedEntry
    is_registered: bool = False


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
        for side, name in typed_names(naming):
            for entry in self._typed(name):
                if not self._is_cleared(clients.get(side), entry):
                    yield Hit(side, entry)
        for side, subject in clients.items():
            for entry in entries_of(self.registered.get(subject, ()), self.listed):
                if not self._is_cleared(subject, entry):
                    yield Hit(side, entry, is_registered=True)

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
