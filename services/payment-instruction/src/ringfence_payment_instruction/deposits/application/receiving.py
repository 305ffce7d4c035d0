"""Rows of a bank's movements, sealed and recorded in the unit that decides on them; the posting lane does the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ringfence_kernel.service.signal import Signal
from ringfence_kernel.service.threads import computed
from ringfence_kernel.values.columns import pack
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.deposits.application.sealing import seal_entries
from ringfence_payment_instruction.deposits.domain.confirming import booked, by_submission
from ringfence_payment_instruction.deposits.domain.events import EvidenceReceived
from ringfence_payment_instruction.deposits.domain.evidence import (
    ENTRIES_PER_PART,
    Disposition,
    EvidenceFile,
    Outcome,
    entry_id,
    evidence_stream,
)
from ringfence_payment_instruction.deposits.domain.matching import MatchedEntry
from ringfence_payment_instruction.deposits.domain.state import State
from ringfence_payment_instruction.submissions.application.ports import Identity
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.domain.orders import ledger_of

POSTING_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class EvidenceCounts:
    """What became of a file's entries; `excepted` are tellings that people work off."""

    credited: int
    suspended: int
    duplicates: int
    confirmed: int
    held: int = 0
    excepted: int = 0
    staged: int = 0


class Taken(NamedTuple):
    """What was recorded of a file: its rows, in parts, and how many entries, tellings and pages brought none."""

    files: list[EvidenceFile]
    duplicates: int = 0
    held: int = 0
    excepted: int = 0
    staged: int = 0


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows come from: the file and its id, the telling, the mirror's change that it is, and who handed it in."""

    tenant: bytes
    digest: bytes
    message_id: str
    telling: bytes
    change: int
    source: bytes = ZERO_ID


@dataclass(frozen=True, slots=True)
class RowsTaking:
    """Takes rows in."""

    submissions: Submissions
    state: State
    identity: Identity
    committed: Signal

    async def prepare(self, rows: Sequence[MatchedEntry], origin: Origin, today: int) -> list[EvidenceReceived]:
        """Seals rows of one tenant, in parts; those without a value date have `today`'s. Raises KeysUnavailable."""
        return [
            await self._prepare(rows[first : first + ENTRIES_PER_PART], origin, today, part)
            for part, first in enumerate(range(0, len(rows), ENTRIES_PER_PART))
        ]

    async def _prepare(self, rows: Sequence[MatchedEntry], origin: Origin, today: int, part: int) -> EvidenceReceived:
        stream = evidence_stream(origin.tenant, origin.telling, origin.change, part)
        ring = await self.identity.keys({origin.tenant, *(each.owner for each in rows)})
        sealed = await computed(len(rows), seal_entries, stream, rows, ring)
        return received(rows, origin, today, stream, sealed)

    def record_unnamed(self, unit: Unit, rows: Sequence[MatchedEntry], origin: Origin, today: int) -> None:
        """Records rows of which nobody knows any more whom the bank named: there is nothing to seal."""
        if rows:
            stream = evidence_stream(origin.tenant, origin.telling, origin.change)
            unit.record(stream, received(rows, origin, today, stream, (b"",) * len(rows)))

    def record(
        self, unit: Unit, prepared: Sequence[EvidenceReceived], rows: Sequence[MatchedEntry], origin: Origin
    ) -> list[EvidenceFile]:
        """Records rows, and what they mean for payments of ours that they confirm."""
        files = []
        for event in prepared:
            unit.record(event.evidence_id, event)
            recorded = unit.recorded[-1].position
            files.append(self.state.file(event.evidence_id) or EvidenceFile(event.evidence_id, recorded, event))
        for stream, indexes in by_submission(rows).items():
            submission = self.submissions.state.known(stream)
            self.submissions.record(unit, stream, booked(submission, indexes, origin.digest, origin.source))
        return files

    async def once_posted(self, taken: Taken) -> EvidenceCounts:
        """Counts once custody has posted the rows, or after a bound: what is late goes on by itself.

        The state may show postings that are taken back yet: what counts is seen through the writer.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + POSTING_SECONDS

        def is_late() -> bool:
            return any(file.waiting() for file in taken.files)

        while True:
            while is_late() and loop.time() < until:
                await self.committed.wait(until - loop.time())
            counts, late = await self.submissions.writer.commit(lambda unit: (count(taken), is_late()))
            if not late or loop.time() >= until:
                return counts


def received(
    rows: Sequence[MatchedEntry], origin: Origin, today: int, stream: bytes, sealed: tuple[bytes, ...]
) -> EvidenceReceived:
    """Returns the event of rows with their sealed data."""
    return EvidenceReceived(
        tenant=origin.tenant,
        evidence_id=stream,
        digest=origin.digest,
        message_id=origin.message_id,
        source=origin.source,
        # The bank's word needs nobody's leave; in events of earlier releases stands an authorisation.
        authorisation="",
        authorisation_expires_ns=0,
        entry_ids=b"".join([each.id for each in rows]),
        entry_digests=b"".join([each.digest for each in rows]),
        references=tuple(each.entry.reference for each in rows),
        purposes=bytes([each.disposition for each in rows]),
        mirror_accounts=b"".join([each.mirror.account_id for each in rows]),
        client_accounts=b"".join([each.client.account_id if each.client else ZERO_ID for each in rows]),
        owners=b"".join([each.owner for each in rows]),
        instruction_ids=b"".join([each.instruction_id for each in rows]),
        amounts_minor=pack("Q", [each.entry.amount_minor for each in rows]),
        ledgers=pack("H", [ledger_of(each.entry.currency) for each in rows]),
        value_days=pack("i", [each.entry.value_day or today for each in rows]),
        reasons=tuple(each.reason for each in rows),
        sealed=sealed,
        origins=b"".join([each.origin for each in rows]),
        named_ids=b"".join([entry_id(origin.tenant, each.entry) for each in rows]),
    )


def count(taken: Taken) -> EvidenceCounts:
    """Counts rows by what became of them, or by where they are to go while custody has not answered."""
    credited = suspended = confirmed = 0
    for file in taken.files:
        for disposition, outcome, reason in zip(file.event.purposes, file.outcomes, file.reasons, strict=True):
            late = outcome == Outcome.WAITING
            credited += outcome == Outcome.CREDITED or (late and not reason)
            suspended += outcome == Outcome.SUSPENDED or (late and bool(reason))
            confirmed += disposition == Disposition.CONFIRM
    return EvidenceCounts(credited, suspended, taken.duplicates, confirmed, taken.held, taken.excepted, taken.staged)
