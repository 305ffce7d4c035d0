"""Where money is that an entry has brought or allotted: with its client, in suspense, or where people sent it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass

from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.deposits.application.suspended import SuspendedEntries
from ringfence_payment_instruction.deposits.domain.suspended import MOST_ATTEMPTS, clearing_id
from ringfence_payment_instruction.deposits.domain.taking import NOWHERE, Whereabouts
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.application.views import StateView, state_view
from ringfence_payment_instruction.submissions.domain.past import Asked, submission_key
from ringfence_payment_instruction.submissions.domain.status import CAME_TO_NOTHING
from ringfence_payment_instruction.submissions.domain.submission import Submission


@dataclass(frozen=True, slots=True)
class Lying:
    """Finds out which money lies in suspense, and is nobody's to decide about any more."""

    submissions: Submissions
    entries: SuspendedEntries

    async def among(self, tenant: bytes, origins: Collection[bytes]) -> Whereabouts:
        """Returns where the money of entries is that have been posted; raises StoreUnavailable."""
        if not origins:
            return NOWHERE
        suspended = await asyncio.to_thread(self.entries.suspended, tenant, origins)
        unallotted = await asyncio.to_thread(self.entries.unallotted, tenant, origins)
        cleared = await self.cleared(tenant, suspended)
        return Whereabouts(suspended - cleared, cleared | unallotted)

    async def cleared(self, tenant: bytes, origins: Collection[bytes]) -> frozenset[bytes]:
        """Returns those entries about whose money people have decided, or decide now; raises StoreUnavailable."""
        return frozenset(await self.clearings(tenant, origins))

    async def clearings(self, tenant: bytes, entries: Collection[bytes]) -> dict[bytes, StateView]:
        """Returns how the instructions stand that clear entries, or have; one that came to nothing is none.

        Raises StoreUnavailable.
        """
        found: dict[bytes, StateView] = {}
        for attempt in range(MOST_ATTEMPTS if entries else 0):
            tried = await self._tried(tenant, entries, attempt)
            entries = [entry for entry, view in tried.items() if view.status in CAME_TO_NOTHING]
            found |= {entry: view for entry, view in tried.items() if view.status not in CAME_TO_NOTHING}
            if not entries:
                break
        return found

    async def _tried(self, tenant: bytes, entries: Collection[bytes], attempt: int) -> dict[bytes, StateView]:
        """Returns how what has been done about entries at an attempt stands."""
        ids = {each: clearing_id(tenant, each, attempt) for each in entries}

        def command(unit: Unit) -> dict[bytes, StateView]:
            found = {each: self.submissions.state.handed_in(tenant, ids[each]) for each in ids}
            return {
                each: state_view(submission, 0)
                for each, submission in found.items()
                if isinstance(submission, Submission)
            }

        asked = Asked(submissions=[submission_key(tenant, each) for each in ids.values()])
        return await self.submissions.knowing(asked, command)
