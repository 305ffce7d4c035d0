"""Reading instructions: by id, by page, and as a stream of changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

from ringfence_kernel.service.heavy import InThreads
from ringfence_kernel.service.threads import FEW_ROWS
from ringfence_kernel.values.columns import split_ids
from ringfence_kernel.values.money import CurrencyUnknown, currency
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.standing.application.stops import Stops
from ringfence_payment_instruction.submissions.application.personal import Clear, PersonalData
from ringfence_payment_instruction.submissions.application.submissions import MOST_ROWS, Submissions
from ringfence_payment_instruction.submissions.application.views import StateView, state_view
from ringfence_payment_instruction.submissions.domain.events import (
    InstructionsAdvanced,
    InstructionsReceived,
    SubmissionWaiting,
)
from ringfence_payment_instruction.submissions.domain.past import Asked, InstructionRef, TooManyRows
from ringfence_payment_instruction.submissions.domain.reasons import iso_reason
from ringfence_payment_instruction.submissions.domain.state import keys_of
from ringfence_payment_instruction.submissions.domain.status import LANES, Stage, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission, slot, transfer_id_of
from ringfence_payment_instruction.submissions.domain.uetrs import instruction_identification_of, uetr_of

POLL_SECONDS = 1.0
# Events of a thousand rows: a page is what every watcher holds in memory.
PAGE_EVENTS = 20
Named = TypeVar("Named")
_WITH_TRANSFER = frozenset(
    {Status.RESERVED, Status.SENT, Status.SETTLED, Status.RECONCILED, Status.FAILED, Status.UNKNOWN}
)


STOPPABLE = frozenset({Stage.TRANSFER, Stage.SEND, Stage.DISPATCH})
"""Where a payment goes on by itself, unless lists or somebody behind it stop it."""


@dataclass(frozen=True, slots=True)
class InstructionView:
    """An instruction as read, its personal data in clear."""

    state: StateView
    clear: Clear
    end_to_end_id: str
    amount_minor: int
    currency: str
    submission_id: bytes
    transfer_id: bytes
    received_ns: int
    changed_ns: int
    maker: bytes
    approver: bytes
    uetr: str
    instruction_identification: str
    debtor_account: bytes
    creditor_account: bytes


@dataclass(frozen=True, slots=True)
class Row:
    """An instruction as it stood at one moment; what is sealed of it never changes."""

    submission: Submission
    index: int
    state: StateView
    changed_ns: int
    approver: bytes


@dataclass(frozen=True, slots=True)
class Selection:
    """Which instructions to list, and which of them first.

    Those in one state or of one submission where it is named, taken in at or after `from_ns` and before `until_ns`, UTC
    nanoseconds below 2^63, 0 for no bound.
    """

    status: int = 0
    submission_id: bytes | None = None
    newest_first: bool = False
    from_ns: int = 0
    until_ns: int = 0


class Page(NamedTuple):
    """Where instructions are, and where the next page begins; None at the end."""

    refs: list[InstructionRef]
    next_after: tuple[int, int] | None


class Change(NamedTuple):
    """States reached together, at a feed position."""

    position: int
    states: list[StateView]


class Reader(Protocol):
    """The tables for listing and following; `page` and `events_after` block."""

    @property
    def position(self) -> int:
        """How far the tables have come."""

    async def moved(self, position: int, seconds: float) -> None:
        """Returns once the tables are beyond a position, or after so long."""

    async def reached(self, position: int) -> None:
        """Waits until the tables show everything up to a position; raises InstructionsBehind after a bound."""

    def page(self, tenant: bytes, selection: Selection, size: int, after: tuple[int, int] | None) -> Page:
        """Returns instructions in the order in which they were received, or the reverse, after (position, index)."""

    def events_after(self, tenant: bytes, position: int, submission_id: bytes | None, limit: int) -> list[Recorded]:
        """Returns a tenant's events after a position, in order."""


@dataclass(frozen=True, slots=True)
class Queries:
    """Answers reads, always of what is committed."""

    submissions: Submissions
    personal: PersonalData
    stops: Stops
    reader: Reader
    heavily: InThreads

    async def get(self, tenant: bytes, instruction_ids: Sequence[bytes]) -> list[InstructionView]:
        """Returns instructions found, in the order asked; raises KeysUnavailable."""

        async def read(ids: Sequence[bytes]) -> list[Row]:
            def command(unit: Unit) -> list[Row]:
                found = [self.submissions.state.find(tenant, each) for each in ids]
                return [self._row(*each) for each in found if each is not None]

            return await self.submissions.knowing(Asked(keys_of(tenant, ids)), command, most_rows=MOST_ROWS)

        return await self._views(instruction_ids, read)

    async def page(
        self, tenant: bytes, selection: Selection, *, size: int, after: tuple[int, int] | None
    ) -> tuple[list[InstructionView], tuple[int, int] | None]:
        """Returns a page of all that was committed before; raises InstructionsBehind, KeysUnavailable."""
        writer = self.submissions.writer
        # Through the writer: after a commit in doubt its head is behind until it has caught up.
        await self.reader.reached(await writer.read((), lambda: writer.head.position))
        in_threads: InThreads = asyncio.to_thread if size <= FEW_ROWS else self.heavily
        page = await in_threads(self.reader.page, tenant, selection, size, after)
        known = self.submissions.state.known

        async def read(refs: Sequence[InstructionRef]) -> list[Row]:
            def command(unit: Unit) -> list[Row]:
                return [self._row(known(ref.stream), ref.index) for ref in refs]

            asked = Asked(streams=list({ref.stream for ref in refs}))
            return await self.submissions.knowing(asked, command, most_rows=MOST_ROWS)

        return await self._views(page.refs, read), page.next_after

    async def watch(self, tenant: bytes, after: int, submission_id: bytes | None) -> AsyncIterator[Change]:
        """Yields the states that a tenant's instructions reach, from after a position on, without end."""
        while True:
            seen = self.reader.position
            page = await asyncio.to_thread(self.reader.events_after, tenant, after, submission_id, PAGE_EVENTS)
            for recorded in page:
                after = recorded.position
                states = await self._states(recorded)
                if states:
                    yield Change(after, states)
            if len(page) < PAGE_EVENTS:
                await self.reader.moved(seen, POLL_SECONDS)

    async def _views(
        self, asked: Sequence[Named], read: Callable[[Sequence[Named]], Awaitable[list[Row]]]
    ) -> list[InstructionView]:
        """Reads rows at one moment, after the commit that was under way, and opens what is sealed of them.

        What lies in too many closed rows is read half by half: each stands as it did when its half was read.
        """
        if not asked:
            return []
        try:
            rows = await read(asked)
            clear = await self._open(rows)
            return [_view(row, clear[row.submission.stream, row.index]) for row in rows]
        except TooManyRows:
            half = len(asked) // 2
        return await self._views(asked[:half], read) + await self._views(asked[half:], read)

    async def _open(self, rows: Sequence[Row]) -> dict[tuple[bytes, int], Clear]:
        by_submission: dict[bytes, tuple[Submission, list[int]]] = {}
        for each in rows:
            by_submission.setdefault(each.submission.stream, (each.submission, []))[1].append(each.index)
        clear = {}
        for stream, (submission, indexes) in by_submission.items():
            for index, row in (await self.personal.open(submission, indexes)).items():
                clear[stream, index] = row
        return clear

    async def _states(self, recorded: Recorded) -> list[StateView]:
        """Returns the states that an event tells; for a submission that waits, what its instructions wait for."""
        event = recorded.event
        if isinstance(event, InstructionsReceived):
            return [StateView(each, Status.RECEIVED, "", "") for each in split_ids(event.instruction_ids)]
        if isinstance(event, InstructionsAdvanced):
            rows = event.reason_rows or bytes(len(event.statuses))
            reasons = [event.reasons[row] for row in rows]
            return [
                StateView(each, event.statuses[row], reasons[row], iso_reason(reasons[row], event.details.get(row, "")))
                for row, each in enumerate(split_ids(event.instruction_ids))
            ]
        if isinstance(event, SubmissionWaiting):
            return await self.submissions.writer.commit(lambda unit: self._waiting(recorded.stream, event.lane))
        return []

    def _waiting(self, stream: bytes, lane: str) -> list[StateView]:
        submission = self.submissions.state.submission(stream)
        if submission is None:
            return []
        lanes = {lane} if lane else {*LANES.values()}
        waits = [index for index, stage in enumerate(submission.stages) if LANES.get(stage) in lanes]
        cause = self.stops.now(submission)
        return [_state(submission, index, cause) for index in waits]

    def _row(self, submission: Submission, index: int) -> Row:
        changed_ns, approver = submission.changed_ns[index], submission.approvers.get(index, b"")
        state = _state(submission, index, self.stops.now(submission))
        return Row(submission, index, state, changed_ns, approver)


def _state(submission: Submission, index: int, cause: Callable[[int], str]) -> StateView:
    """Returns how an instruction stands, and what stops it as things are now."""
    return state_view(submission, index, cause(index) if submission.stages[index] in STOPPABLE else "")


def _view(row: Row, clear: Clear) -> InstructionView:
    submission, index, state = row.submission, row.index, row.state
    has_transfer = state.status in _WITH_TRANSFER
    return InstructionView(
        state=state,
        clear=clear,
        end_to_end_id=submission.end_to_end_id(index),
        amount_minor=submission.amounts_minor[index],
        currency=_alpha(submission.ledgers[index]),
        submission_id=submission.submission_id,
        transfer_id=transfer_id_of(submission.tenant, state.instruction_id) if has_transfer else b"",
        received_ns=submission.received_ns,
        changed_ns=row.changed_ns,
        maker=submission.received.maker,
        approver=row.approver,
        uetr=uetr_of(submission, index),
        instruction_identification=instruction_identification_of(submission, index),
        debtor_account=slot(submission.debtor_accounts, index),
        creditor_account=slot(submission.creditor_accounts, index) if submission.stays_in_book(index) else b"",
    )


def _alpha(ledger: int) -> str:
    try:
        return currency(ledger).alpha
    except CurrencyUnknown:
        return ""
