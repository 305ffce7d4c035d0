"""Listing what lies in suspense: what is left of each entry, and whether people clear it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from ringfence_kernel.values.ids import ZERO_ID

from ringfence_payment_instruction.deposits.application.lying import Lying
from ringfence_payment_instruction.deposits.application.suspended import SuspendedEntries
from ringfence_payment_instruction.deposits.domain.errors import SuspendedEntryUnknown
from ringfence_payment_instruction.deposits.domain.suspended import EntryRef, LyingEntry
from ringfence_payment_instruction.submissions.application.views import StateView
from ringfence_payment_instruction.submissions.domain.status import FINAL_OR_SETTLED


class Listed(NamedTuple):
    """An entry, and how the instruction stands that clears it, or has; None where there is none."""

    entry: LyingEntry
    clearing: StateView | None


@dataclass(frozen=True, slots=True)
class SuspendedList:
    """A platform's entries in suspense, page by page. Whom they name is not opened."""

    entries: SuspendedEntries
    lying: Lying

    async def page(self, tenant: bytes, after: bytes, size: int) -> tuple[list[Listed], bytes]:
        """Returns those of the next `size` entries that were ever suspended whose money still lies there.

        Entries of all times are gone through, in order of their ids, so that a page may be empty; the second value is
        after which the next begins, empty at the end. Raises StoreUnavailable.
        """
        refs = await asyncio.to_thread(self.entries.page, tenant, after or ZERO_ID, size + 1)
        more, refs = len(refs) > size, refs[:size]
        return await self._listed(tenant, refs, FINAL_OR_SETTLED), refs[-1].entry if more else b""

    async def one(self, tenant: bytes, entry: bytes) -> Listed:
        """Returns one entry by its id, also one that was cleared; raises SuspendedEntryUnknown."""
        found = await asyncio.to_thread(self.entries.find, tenant, entry)
        listed = await self._listed(tenant, [EntryRef(entry, found[0].stream, found[1])] if found else [])
        if not listed:
            raise SuspendedEntryUnknown
        return listed[0]

    async def _listed(self, tenant: bytes, refs: list[EntryRef], without: Collection[int] = ()) -> list[Listed]:
        clearings = await self.lying.clearings(tenant, [each.entry for each in refs])
        left_out = {entry for entry, view in clearings.items() if view.status in without}
        shown = [each for each in refs if each.entry not in left_out]
        found = await asyncio.to_thread(self.entries.lying, tenant, shown) if shown else []
        return [Listed(each, clearings.get(each.id)) for each in found]
