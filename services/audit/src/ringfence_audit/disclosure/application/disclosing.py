"""Opens what a fact has sealed: the ciphertext from its source, held to the fact's commitment, the key by identity."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from ringfence_audit.disclosure.application.ports import Identity, Opened, SourceEvents
from ringfence_audit.disclosure.application.recording import Reasoned, Recorded, RecordReasoned
from ringfence_audit.disclosure.domain.about import parties, tenant_of
from ringfence_audit.disclosure.domain.errors import NothingSealed, SourceDiffers, SubjectErased
from ringfence_audit.disclosure.domain.sealed import Sealed, sealed_fields
from ringfence_audit.log.application.commands import LogStanding
from ringfence_audit.log.application.queries import Queries
from ringfence_audit.log.application.seeing import current_sight
from ringfence_audit.log.domain.errors import LeafUnknown
from ringfence_audit.log.domain.leaf import Value, commitment, decode
from ringfence_audit.log.domain.texts import may_commit

UNREADABLE = (ValueError, LookupError, TypeError, AttributeError)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which fields of a fact to open, all where none are named, and why."""

    reader: bytes
    leaf: int
    fields: frozenset[str]
    reason: str


@dataclass(frozen=True, slots=True)
class Disclosed:
    """The fact with its receipt, and its sealed fields, each opened or not."""

    read: Recorded
    leaf: bytes
    proof: str
    fields: Sequence[tuple[Sealed, Opened]]


@dataclass(frozen=True, slots=True)
class Disclosing:
    """Discloses to granted readers."""

    standing: LogStanding
    record: RecordReasoned
    log: Queries
    events: SourceEvents
    identity: Identity

    async def __call__(self, asked: Asked) -> Disclosed:
        """Records the disclosure, then opens.

        Raises LeafUnknown, of a foreign platform's fact too, NothingSealed, CheckpointPending, SourceUnreachable,
        SourceDiffers, and SubjectErased where nothing can be opened any more.
        """
        size = (await self.standing()).size
        said = await asyncio.to_thread(self._visible, asked.leaf, size)
        read = await self.record(_read(asked, said or {}))
        if said is None:
            raise LeafUnknown(leaf_index=str(asked.leaf))
        leaf, proof = await asyncio.to_thread(self.log.receipt, asked.leaf, read.stood)
        sealed = await self._sealed(said, asked.fields)
        opened = await self.identity.open(sealed)
        if all(each.reason == SubjectErased.reason for each in opened):
            raise SubjectErased(leaf_index=str(asked.leaf))
        return Disclosed(read, leaf, proof, list(zip(sealed, opened, strict=True)))

    def _visible(self, index: int, size: int) -> dict[str, Value] | None:
        """Gives what a leaf says, None where there is none, or none for this reader; blocks."""
        if index >= size:
            return None
        [(_, leaf)] = self.log.leaves_at([index])
        return decode(leaf)[1] if current_sight().shows(leaf) else None

    async def _sealed(self, said: dict[str, Value], names: frozenset[str]) -> list[Sealed]:
        source, position, row = (said.get(name) for name in ("source", "position", "ordinal"))
        if not (isinstance(source, str) and isinstance(position, int) and isinstance(row, int)):
            raise NothingSealed
        if not any(may_commit(name.encode()) or name == "commitment" for name in said):
            raise NothingSealed
        event = await self.events.read(source, position)
        try:
            found = sealed_fields(event, row)
        except UNREADABLE as error:
            raise SourceDiffers(source=source, position=str(position)) from error
        wanted = [each for each in found if (not names or each.field in names) and each.committed in said]
        if any(said[each.committed] != commitment(each.envelope) for each in wanted):
            raise SourceDiffers(source=source, position=str(position))
        if not wanted or not names <= {each.field for each in wanted}:
            raise NothingSealed
        return wanted


def _read(asked: Asked, said: dict[str, Value]) -> Reasoned:
    about, tenant = parties(said), tenant_of(said)
    query: dict[str, Value | None] = {
        "leaf_index": asked.leaf,
        "fields": " ".join(sorted(asked.fields)) or None,
        "tenant_id": tenant or None,
    }
    # Whoever asks for all facts about a client finds who has had him disclosed.
    query |= {f"subject_{number}_id" if number else "subject_id": each for number, each in enumerate(about)}
    return Reasoned(asked.reader, "Disclose", query, asked.reason, about, tenant)
