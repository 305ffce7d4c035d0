"""A look at everybody whom a payment or deposit names, by what was typed and by what is registered."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ringfence_payment_instruction.screening.application.clients import ListedMarks
from ringfence_payment_instruction.screening.application.ports import ClientNames
from ringfence_payment_instruction.screening.domain.clients import references_of
from ringfence_payment_instruction.screening.domain.errors import ClientNotIndexed
from ringfence_payment_instruction.screening.domain.findings.state import State as FindingsState
from ringfence_payment_instruction.screening.domain.lists import Screening
from ringfence_payment_instruction.screening.domain.screened_fields import Naming, Side, typed_names


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that names somebody, as "list/reference", and on whose side he stands."""

    side: Side
    reference: str


@dataclass(frozen=True, slots=True)
class Look:
    """What a look rests on: the lists at one moment, and the registered names of some clients."""

    screening: Screening
    listed: Mapping[bytes, str]
    registered: Mapping[bytes, tuple[bytes, ...]]
    state: FindingsState
    _seen: dict[str, str] = field(default_factory=dict)

    @property
    def evidence(self) -> bytes:
        """SHA-256 of the lists that it rests on."""
        return self.screening.evidence()

    def hit(self, naming: Naming, clients: Mapping[Side, bytes], released: Collection[str] = ()) -> Hit | None:
        """Returns the first entry that names somebody, but for those released.

        `clients` are those whose names are registered. What two people have found to name somebody else than a client
        is no hit on his own name, typed or registered.
        """
        for side, name in typed_names(naming):
            reference = self._typed(name)
            if reference and reference not in released and not self._is_cleared(clients.get(side), reference):
                return Hit(side, reference)
        for side, subject in clients.items():
            for reference in references_of(self.registered.get(subject, ()), self.listed):
                if reference not in released and not self._is_cleared(subject, reference):
                    return Hit(side, reference)
        return None

    def _typed(self, name: str) -> str:
        if name not in self._seen:
            self._seen[name] = self.screening.hit((name,))
        return self._seen[name]

    def _is_cleared(self, subject: bytes | None, reference: str) -> bool:
        return subject is not None and self.state.is_cleared(subject, reference)


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
        listed = await self.listed.of(screening) if subjects else {}
        return Look(screening, listed, registered, self.state)
