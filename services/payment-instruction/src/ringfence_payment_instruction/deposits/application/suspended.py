"""Finding money in suspense again, with the payer in clear, and whoever a list names behind it now."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ringfence_payment_instruction.deposits.application.unsealing import clients_behind, open_entries
from ringfence_payment_instruction.deposits.domain.evidence import EvidenceFile
from ringfence_payment_instruction.deposits.domain.state import State
from ringfence_payment_instruction.deposits.domain.suspended import EntryRef, LyingEntry, SuspendedEntry, unreadable
from ringfence_payment_instruction.screening.application.looking import Looking
from ringfence_payment_instruction.screening.application.queries import ListsInForce
from ringfence_payment_instruction.screening.domain.listed import Hit, ListedEntry
from ringfence_payment_instruction.submissions.application.ports import Identity
from ringfence_payment_instruction.submissions.domain.orders import MAX_NAME
from ringfence_payment_instruction.submissions.domain.submission import slot


class SuspendedEntries(Protocol):
    """Entries that were credited to suspense; blocks, raises StoreUnavailable."""

    def find(self, tenant: bytes, entry: bytes) -> tuple[EvidenceFile, int] | None:
        """Returns the file of a tenant's suspended entry, and the entry's place there."""

    def page(self, tenant: bytes, after: bytes, most: int) -> list[EntryRef]:
        """Returns where a tenant's suspended entries stand in their files, in order of their ids, after one."""

    def lying(self, tenant: bytes, refs: Sequence[EntryRef]) -> list[LyingEntry]:
        """Returns entries as they came to suspense, without those of which others have allotted or taken all."""

    def claimed_minor(self, tenant: bytes, entry: bytes) -> int:
        """Returns how much of a tenant's entry others have allotted, or taken back, minor units."""

    def suspended(self, tenant: bytes, entries: Collection[bytes]) -> frozenset[bytes]:
        """Returns those of a tenant's entries whose money custody has put into suspense."""

    def unallotted(self, tenant: bytes, entries: Collection[bytes]) -> frozenset[bytes]:
        """Returns those of a tenant's entries that were to allot what people had decided about before."""


@dataclass(frozen=True, slots=True)
class Suspense:
    """What lies in suspense."""

    entries: SuspendedEntries
    state: State
    identity: Identity
    lists: ListsInForce
    looking: Looking

    async def find(self, tenant: bytes, entry: bytes) -> SuspendedEntry | None:
        """Returns a tenant's entry, None where none of its is suspended under that id, or named by it.

        Of its amount what other entries have allotted or taken back is left out; one without any more is none. Whoever
        is behind it, by typed and by registered name, is looked at by the lists of now. Raises KeysUnavailable,
        IdentityUnavailable, ClientNotIndexed, StoreUnavailable.
        """
        found = await asyncio.to_thread(self.entries.find, tenant, entry)
        if found is None:
            return None
        file, index = found
        entry = slot(file.event.entry_ids, index)
        left_minor = file.columns()[0][index] - await asyncio.to_thread(self.entries.claimed_minor, tenant, entry)
        if left_minor <= 0:
            return None
        opened = await open_entries(self.identity, file, [index])
        clients = (await clients_behind(self.identity, tenant, opened))[index]
        look = await self.looking.look(self.lists.current(), set(clients.values()))
        hits = list(look.hits(opened[index], clients))
        if not opened[index].is_readable:
            hits.append(unreadable(file.event.sealed[index]))
        ledgers = file.columns()[1]
        payee = opened[index].creditor_name
        others = [*opened[index].parties, *([("Cdtr", payee)] if payee else [])]
        return SuspendedEntry(
            entry,
            file.event.references[index],
            left_minor,
            ledgers[index],
            file.reasons[index],
            opened[index].debtor_iban,
            opened[index].debtor_name,
            tuple([(role, text[:MAX_NAME]) for role, text in others]),
            tuple([each for each in hits if not self.is_released(entry, each.entry)]),
            entry in self.state.releases,
        )

    async def hits(self, tenant: bytes, entry: bytes) -> Collection[Hit]:
        """Returns who names anybody behind an entry now, but for what two people have released; raises as `find`.

        The fields are told from those of what clears it by "suspended" before them.
        """
        found = await self.find(tenant, entry)
        return [replace(each, field=f"suspended {each.field}".strip()) for each in (found.hits if found else ())]

    def is_released(self, entry: bytes, listed: ListedEntry) -> bool:
        """Tells whether two people have found that a list's entry names nobody behind a bank's entry."""
        return any(listed.finding in each for each in self.state.releases.get(entry, ()))
