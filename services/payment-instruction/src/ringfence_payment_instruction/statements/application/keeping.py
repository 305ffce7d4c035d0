"""Pages of statements that are not whole, and files of exceptions: kept sealed until they are decided on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from ringfence_kernel.store.recorder import Within
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_payment_instruction.rail.application.ports import Seals
from ringfence_payment_instruction.statements.application.handed import Handed
from ringfence_payment_instruction.statements.application.ports import StagedPages, StatementFiles
from ringfence_payment_instruction.statements.domain.checking import Fault, FaultKind
from ringfence_payment_instruction.statements.domain.events import StatementExcepted, StatementStaged
from ringfence_payment_instruction.statements.domain.paging import Pages, joined, pages_id
from ringfence_payment_instruction.statements.domain.state import State, stream_of
from ringfence_payment_instruction.statements.domain.statement import MAX_ENTRIES, Statement, StatementFile

WHOLE_FILE = 0
"""The number under which the file of an exception is kept; pages count from 1."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """Keeps what is decided later."""

    writer: GroupWriter
    state: State
    pages: StagedPages
    seals: Seals
    files: StatementFiles

    async def stage(self, handed: Handed, day: int) -> bool:
        """Keeps a page; returns whether it is new. One that does not fit to its set makes it an exception.

        Raises VaultUnavailable.
        """
        page, mirror = handed.statement.heading.page, handed.mirror
        assert page is not None
        key = pages_id(mirror.account_id, handed.statement.heading)
        keep = await self._sealed(key, page.number, handed)

        def command(unit: Unit) -> bool:
            known = self.state.pages.get(key) or Pages()
            is_taken = key in self.state.movements(mirror.account_id).taken
            if is_taken or known.digests.get(page.number) == handed.digest:
                return False
            fault = known.fault_of(page.number, handed.digest, page.last)
            if fault is not None:
                self._except(unit, mirror.tenant, mirror.account_id, key, handed.digest, fault)
                return False
            staged = StatementStaged(mirror.account_id, key, page.number, page.last, handed.digest, day, mirror.tenant)
            unit.record(stream_of(mirror.account_id), staged)
            unit.commit_also(keep)
            return True

        return await self.writer.commit(command)

    async def keep_file(self, handed: Handed) -> Within:
        """Returns what keeps the file of an exception, to be committed with it; raises VaultUnavailable."""
        key = pages_id(handed.mirror.account_id, handed.statement.heading)
        return await self._sealed(key, WHOLE_FILE, handed)

    def is_kept(self, telling: bytes) -> bool:
        """Tells whether a telling is kept, and not as pages of a set that comes anew; blocks, StoreUnavailable."""
        return telling not in self.state.pages and bool(self.pages.load(telling))

    async def load(self, mirror: bytes, telling: bytes) -> tuple[StatementFile, Statement | Fault] | None:
        """Returns a telling that is kept, put together of its pages where it came in such; None where it is gone.

        Raises VaultUnavailable, StoreUnavailable.
        """
        kept = await asyncio.to_thread(self.pages.load, telling)
        found: dict[int, Statement] = {}
        digests: dict[int, bytes] = {}
        for number, (digest, sealed) in sorted(kept.items()):
            content = await self.seals.unseal(telling, _field(number), sealed)
            file = await asyncio.to_thread(self.files.read, content)
            digests[number] = digest
            for statement in file.statements:
                page = statement.heading.page
                is_page = page is not None and page.number == number
                if pages_id(mirror, statement.heading) == telling and (number == WHOLE_FILE or is_page):
                    found[number] = statement
            if (count := sum(len(each.entries) for each in found.values())) > MAX_ENTRIES:
                fault = Fault(FaultKind.TOO_LARGE, f"the first {len(found)} pages have {count} entries")
                return StatementFile(_digest(digests), ()), fault
        if not found:
            return None
        if WHOLE_FILE in found:
            return StatementFile(digests[WHOLE_FILE], ()), found[WHOLE_FILE]
        return StatementFile(_digest(digests), ()), joined(found)

    def drop(self, telling: bytes) -> Within:
        """Returns what lets a telling go."""
        return self.pages.drop(telling)

    async def except_(self, tenant: bytes, mirror: bytes, telling: bytes, digest: bytes, fault: Fault) -> None:
        """Records that a set of pages is an exception, and lets it go."""
        await self.writer.commit(lambda unit: self._except(unit, tenant, mirror, telling, digest, fault))

    def _except(self, unit: Unit, tenant: bytes, mirror: bytes, telling: bytes, digest: bytes, fault: Fault) -> None:
        if self.state.movements(mirror).excepted.get(telling) != digest:
            event = StatementExcepted(mirror, telling, digest, fault.kind, fault.text, tenant=tenant)
            unit.record(stream_of(mirror), event)
            unit.commit_also(self.pages.drop(telling))

    async def _sealed(self, telling: bytes, number: int, handed: Handed) -> Within:
        sealed = await self.seals.seal(telling, _field(number), handed.content)
        return self.pages.keep(telling, number, handed.digest, sealed)


def may_be_brought_forward(kind: int) -> bool:
    """Tells whether two people may let a statement count as it stands: its own sums hold, and only its begin is odd."""
    return kind in (FaultKind.GAP, FaultKind.OVERLAP, FaultKind.OPENING, FaultKind.CONTRADICTS)


def _digest(pages: Mapping[int, bytes]) -> bytes:
    return sha256(b"".join(pages.values())).digest()


def _field(number: int) -> str:
    return f"page {number}" if number else "statement"
