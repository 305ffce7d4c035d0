"""A submission in memory: its rows as columns, and where each instruction stands."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from ringfence_kernel.values.columns import split_ids, unpack
from ringfence_kernel.values.ids import ID_BYTES, ZERO_ID, external_id, show
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.journal import Journal

from ringfence_payment_instruction.submissions.domain.chunks import Chunk, Sealed
from ringfence_payment_instruction.submissions.domain.events import (
    HitsReleased,
    InstructionsAdvanced,
    InstructionsDirected,
    InstructionsReceived,
    InstructionsRescreened,
    SubmissionReceived,
)
from ringfence_payment_instruction.submissions.domain.orders import OrderPurpose
from ringfence_payment_instruction.submissions.domain.reasons import SANCTIONS_HIT
from ringfence_payment_instruction.submissions.domain.status import (
    CAME_TO_NOTHING,
    FINAL_OR_SETTLED,
    KEEPING,
    LANES,
    OUTDATED,
    SCREENING,
    Directive,
    Stage,
    Status,
    require_listed,
    stage_of,
)
from ringfence_payment_instruction.submissions.domain.tallies import Approved, Counted, approver_key, day_of

# Rows per InstructionsReceived event: keeps every event far below the feed's 4 MiB.
ROWS_PER_EVENT = 1_000
MAX_INSTRUCTIONS = 8_190
Entry = tuple[str, bytes]
"""List and the publisher's own number of an entry, and SHA-256 of it as it stood."""


def stream_of(tenant: bytes, submission_id: bytes) -> bytes:
    """Returns the stream of a tenant's submission; two tenants may choose the same id."""
    return external_id("submission", tenant, show(submission_id))


def transfer_id_of(tenant: bytes, instruction_id: bytes) -> bytes:
    """Returns the transfer that moves an instruction's money, the same at every retry and in audit."""
    return external_id("transfer", tenant, show(instruction_id))


def slot(packed: bytes, index: int) -> bytes:
    """Returns one 16-byte value of a column."""
    return packed[index * ID_BYTES : (index + 1) * ID_BYTES]


class Submission:
    """A batch or file that was taken in."""

    __slots__ = (
        "alone_days",
        "amounts_minor",
        "approvers",
        "approving_hands",
        "changed_ns",
        "chunks",
        "closed_position",
        "counted_days",
        "creditor_accounts",
        "debtor_accounts",
        "details",
        "directives",
        "evidence",
        "execution_days",
        "first_reasons",
        "first_statuses",
        "hits",
        "ids",
        "last_position",
        "ledgers",
        "messages",
        "mirrors",
        "position",
        "reasons",
        "received",
        "received_ns",
        "references",
        "released",
        "screened_position",
        "stages",
        "statuses",
        "stream",
        "version",
        "waiting",
    )

    def __init__(self, recorded: Recorded) -> None:
        """Starts from its SubmissionReceived event; rows follow by `receive`."""
        received: SubmissionReceived = recorded.event
        self.stream = recorded.stream
        self.received = received
        self.position = recorded.position
        self.received_ns = recorded.recorded_at_ns
        self.chunks: list[Chunk] = []
        self.ids = self.debtor_accounts = self.creditor_accounts = b""
        self.amounts_minor, self.ledgers, self.execution_days = array("Q"), array("H"), array("i")
        self.statuses, self.directives, self.stages = bytearray(), bytearray(), bytearray()
        self.reasons: list[str] = []
        self.changed_ns = array("q")
        self.counted_days = array("H")  # when it passed on one person's word, days since 1970-01-01; 0 for not
        self.details: dict[int, str] = {}
        self.approvers: dict[int, bytes] = {}
        self.approving_hands: dict[int, bytes] = {}
        self.alone_days: dict[int, int] = {}  # when one approver let it pass alone, days since 1970-01-01
        self.references: dict[int, str] = {}
        self.evidence: dict[int, tuple[bytes, bytes]] = {}  # SHA-256 of the bank's file, and who vouched for it
        self.mirrors: dict[int, bytes] = {}  # by which bank mirror reserved money leaves
        self.hits: dict[int, Entry] = {}  # what a list has named since it was first screened, until it is released
        self.released: dict[int, tuple[Entry, ...]] = {}  # entries that two people found to name somebody else
        self.screened_position = 0  # as of which all that was screened has been screened
        self.first_statuses = b""
        self.first_reasons: list[str] = []
        self.messages: dict[str, int] = {}  # id of a message to the bank -> when it was decided, UTC nanoseconds
        self.waiting: tuple[tuple[str, str], ...] = ()  # lanes and reasons noted since it last went on
        self.version, self.last_position, self.closed_position = recorded.version, recorded.position, 0

    @property
    def tenant(self) -> bytes:
        """Platform whose book it is about."""
        return self.received.tenant

    @property
    def submission_id(self) -> bytes:
        """The platform's id of the submission."""
        return self.received.submission_id

    def receive(self, recorded: Recorded) -> None:
        """Takes in rows; they belong to the same commit as the submission, so no journal is needed."""
        event: InstructionsReceived = recorded.event
        count = len(event.end_to_end_ids)
        self.version, self.last_position = recorded.version, recorded.position
        self.chunks.append(Chunk(recorded.version, event))
        self.ids += event.instruction_ids
        self.debtor_accounts += event.debtor_accounts
        self.creditor_accounts += event.creditor_accounts
        self.amounts_minor.extend(unpack("Q", event.amounts_minor))
        self.ledgers.extend(unpack("H", event.ledgers))
        self.execution_days.extend(unpack("i", event.execution_days))
        self.statuses += bytes([Status.RECEIVED]) * count
        self.directives += bytes(count)
        self.stages += bytes(count)
        self.reasons += [""] * count
        self.changed_ns.extend([recorded.recorded_at_ns] * count)
        self.counted_days.extend([0] * count)

    def came_to_nothing(self, recorded: Recorded) -> list[Approved]:
        """Returns what counts no more with whom had let it pass alone, by the event that `advance` takes next."""
        event: InstructionsAdvanced = recorded.event
        return [
            self._approved(index, self.alone_days[index], counts=False)
            for index, status in zip(unpack("I", event.indexes), event.statuses, strict=True)
            if status in CAME_TO_NOTHING and index in self.alone_days
        ]

    def advance(self, recorded: Recorded, journal: Journal) -> list[Counted]:
        """Takes the steps of an event; raises TransitionUnlisted before anything is changed.

        Returns the rows that count since then on a day's sums, and those that did until then.
        """
        event: InstructionsAdvanced = recorded.event
        indexes = unpack("I", event.indexes)
        steps = list(zip(indexes, event.statuses, strict=True))
        reached: dict[int, int] = {}
        for index, status in steps:
            require_listed(reached.get(index, self.statuses[index]), status)
            reached[index] = status
        self._remember(recorded, journal)
        reason_rows = event.reason_rows or bytes(len(steps))
        counted: list[Counted] = []
        for (index, status), reason_row in zip(steps, reason_rows, strict=True):
            if status in _COUNTING:
                self._count(index, status, recorded.recorded_at_ns, counted)
            self.statuses[index] = status
            self.directives[index] = Directive.NONE
            self.reasons[index] = event.reasons[reason_row]
            self.stages[index] = stage_of(status, Directive.NONE)
            self.changed_ns[index] = recorded.recorded_at_ns
        for row, detail in event.details.items():
            self.details[indexes[row]] = detail
        for index, mirror in zip(indexes, split_ids(event.mirror_accounts), strict=False):
            if mirror != ZERO_ID:
                self.mirrors[index] = mirror
        self.waiting = ()
        if event.cause == SCREENING and not self.screened_position:
            self.screened_position = recorded.position
        if not self.first_statuses:
            self.first_statuses, self.first_reasons = bytes(self.statuses), list(self.reasons)
        return counted

    def _count(self, index: int, status: int, at_ns: int, counted: list[Counted]) -> None:
        """Counts a row that passes screening, until it is held at once or comes to nothing."""
        before = self.counted_days[index]
        after = day_of(at_ns) if status == Status.SCREENED else 0
        if status == Status.HELD and self.statuses[index] != Status.SCREENED:
            return  # it had passed, and is stopped later
        if after != before:
            self.counted_days[index] = after
            counted.append(Counted(index, after or before, bool(after)))

    def _approved(self, index: int, day: int, *, counts: bool) -> Approved:
        amount_minor = self.amounts_minor[index]
        key = approver_key(self.tenant, self.approvers[index], self.ledgers[index])
        return Approved(day, key, amount_minor if counts else -amount_minor)

    def direct(self, recorded: Recorded, journal: Journal) -> list[Approved]:
        """Takes a directive for rows; returns what an approver lets pass alone by it."""
        approved: list[Approved] = []
        event: InstructionsDirected = recorded.event
        self._remember(recorded, journal)
        for row, index in enumerate(unpack("I", event.indexes)):
            is_second = self.directives[index] == Directive.COUNTERSIGN
            self.directives[index] = event.directive
            self.stages[index] = stage_of(self.statuses[index], event.directive)
            self.reasons[index] = event.reason
            if event.reference:
                self.references[index] = event.reference
            if event.directive in (Directive.SETTLE, Directive.FAIL) and event.evidence:
                self.evidence[index] = event.evidence, event.actor or ZERO_ID
            if event.directive in (Directive.APPROVE, Directive.COUNTERSIGN):
                self.approvers[index] = event.actor
                self.approving_hands[index] = event.actor_hand
            if event.directive == Directive.APPROVE and not is_second:
                self.alone_days[index] = day_of(recorded.recorded_at_ns)
                approved.append(self._approved(index, self.alone_days[index], counts=True))
            if row in event.details:
                self.details[index] = event.details[row]
        if event.directive == Directive.SEND:
            self.messages[event.reference] = recorded.recorded_at_ns
        self.waiting = ()
        return approved

    def rescreen(self, recorded: Recorded, journal: Journal) -> None:
        """Takes what a list names, or no longer names, of what was screened before."""
        event: InstructionsRescreened = recorded.event
        self._remember(recorded, journal)
        indexes = unpack("I", event.indexes)
        for row, reference in event.hits.items():
            self.hits[indexes[row]] = reference, event.hit_digests[row]
        self.screened_position = recorded.position
        self.waiting = ()

    def release(self, recorded: Recorded, journal: Journal) -> None:
        """Takes that two people have let rows go on."""
        event: HitsReleased = recorded.event
        self._remember(recorded, journal)
        for index in unpack("I", event.indexes):
            if (entry := self.hits.pop(index, None)) is not None:
                self.released[index] = (*self.released.get(index, ()), entry)
        # Only one entry that named somebody was shown: the next look tells whether there are others.
        self.screened_position = OUTDATED
        self.waiting = ()

    def unsent(self) -> list[int]:
        """Returns the indexes of what was screened and is not handed over to the bank, or settled in the book."""
        return [index for index, status in enumerate(self.statuses) if status in UNSENT]

    def wait(self, recorded: Recorded, journal: Journal) -> None:
        """Notes why the submission does not go on."""
        journal.call(self._restore, [(name, getattr(self, name)) for name in ("waiting", "version", "last_position")])
        self.waiting += ((recorded.event.lane, recorded.event.reason),)
        self.version, self.last_position = recorded.version, recorded.position

    def _remember(self, recorded: Recorded, journal: Journal) -> None:
        """Lets the journal put back everything that an event may change, and notes the event itself."""
        saved = [
            (name, getattr(self, name)[:] if name not in _TABLES else dict(getattr(self, name))) for name in _CHANGING
        ]
        journal.call(self._restore, saved + [(name, getattr(self, name)) for name in _REPLACED])
        self.version, self.last_position = recorded.version, recorded.position

    def _restore(self, saved: list[tuple[str, object]]) -> None:
        for name, value in saved:
            setattr(self, name, value)

    def __len__(self) -> int:
        """Returns the number of instructions."""
        return len(self.statuses)

    def at_stage(self, stage: int) -> Iterator[int]:
        """Yields the indexes that wait for a kind of work."""
        index = self.stages.find(stage)
        while index >= 0:
            yield index
            index = self.stages.find(stage, index + 1)

    def is_done(self, index: int) -> bool:
        """Tells whether the instruction will not move by itself any more."""
        return self.statuses[index] in FINAL_OR_SETTLED

    def is_closed(self) -> bool:
        """Tells whether none of the instructions will move by itself any more."""
        return not self.statuses.translate(None, _DONE)

    def content(self) -> bytes:
        """Returns everything that events have said of it, for a digest."""
        columns: tuple[bytes | bytearray, ...] = (self.ids, self.statuses, self.directives, self.stages)
        columns += (self.changed_ns.tobytes(), self.counted_days.tobytes())
        people = (self.approvers, self.approving_hands, self.alone_days)
        named = (self.details, *people, self.references, self.messages, self.evidence, self.hits, self.released)
        tables = [sorted(each.items()) for each in (*named, self.mirrors)]
        numbers = (self.position, self.version, self.last_position, self.closed_position, self.screened_position)
        return b"".join(columns) + repr((numbers, self.reasons, tables, self.waiting)).encode()

    def with_status(self, status: int) -> Iterator[int]:
        """Yields the indexes in a state."""
        index = self.statuses.find(status)
        while index >= 0:
            yield index
            index = self.statuses.find(status, index + 1)

    @property
    def id_list(self) -> list[bytes]:
        """Instruction ids by index."""
        return split_ids(self.ids)

    def instruction_id(self, index: int) -> bytes:
        """Returns the platform's id of an instruction."""
        return slot(self.ids, index)

    def stays_in_book(self, index: int) -> bool:
        """Tells whether the creditor has an account in the same book."""
        return slot(self.creditor_accounts, index) != ZERO_ID

    def is_reserved(self, index: int) -> bool:
        """Tells whether custody has set the money aside: a payment that was stopped keeps it."""
        status, directive = self.statuses[index], self.directives[index]
        return status == Status.RESERVED or (status == Status.HELD and directive in KEEPING)

    def leaves_by(self, index: int, mirror: bytes) -> bool:
        """Tells whether a payment leaves by a bank mirror; of one that was reserved long ago nobody knows otherwise."""
        return self.mirrors.get(index, mirror) == mirror

    def may_be_reserved(self, index: int) -> bool:
        """Tells whether custody has set the money aside, or may have without our having heard of it."""
        return self.is_reserved(index) or self.stages[index] == Stage.TRANSFER

    def owners(self, index: int) -> tuple[bytes, bytes]:
        """Returns whose money it is, and whose it is to be; of strangers it is the tenant."""
        event, row = self.chunks[index // ROWS_PER_EVENT].event, index % ROWS_PER_EVENT
        return slot(event.debtor_owners, row), slot(event.creditor_owners, row)

    def sealed(self, index: int) -> Sealed:
        """Returns an instruction's personal data, sealed."""
        return self.chunks[index // ROWS_PER_EVENT].sealed(index % ROWS_PER_EVENT)

    def fingerprint(self, index: int) -> bytes:
        """Returns by what the same payment is known when it is ordered once more; empty for an order of long ago."""
        return slot(self.chunks[index // ROWS_PER_EVENT].event.fingerprints, index % ROWS_PER_EVENT)

    def purpose(self, index: int) -> OrderPurpose:
        """Returns what an instruction is for."""
        packed = self.chunks[index // ROWS_PER_EVENT].event.purposes
        if not packed:
            return OrderPurpose.PAYMENT
        at = 2 * (index % ROWS_PER_EVENT)
        return OrderPurpose(int.from_bytes(packed[at : at + 2], "big"))

    def mandate(self, index: int) -> bytes:
        """Returns what an instruction rests on where it is no payment, else the instruction itself."""
        mandate = slot(self.chunks[index // ROWS_PER_EVENT].event.mandates, index % ROWS_PER_EVENT)
        return mandate if mandate.strip(b"\0") else self.instruction_id(index)

    def end_to_end_id(self, index: int) -> str:
        """Returns the payer's own reference."""
        return self.chunks[index // ROWS_PER_EVENT].event.end_to_end_ids[index % ROWS_PER_EVENT]

    def reason_of(self, index: int) -> str:
        """Returns why an instruction was refused or waits, empty when neither."""
        if index in self.hits and not self.is_done(index):
            return SANCTIONS_HIT
        if self.reasons[index] or self.is_done(index):
            return self.reasons[index]
        lanes = ("", LANES.get(self.stages[index], ""))  # an event of an earlier release names none
        return next((reason for lane, reason in reversed(self.waiting) if lane in lanes), "")


UNSENT = frozenset({Status.SCREENED, Status.HELD, Status.RESERVED})
_PEOPLE = ("approvers", "approving_hands", "alone_days")
_TABLES = frozenset({"details", *_PEOPLE, "references", "messages", "evidence", "mirrors", "hits", "released"})
_CHANGING = ("statuses", "directives", "stages", "reasons", "changed_ns", "counted_days", *_TABLES)
_REPLACED = ("waiting", "first_statuses", "first_reasons", "version", "last_position", "screened_position")
_DONE = bytes(FINAL_OR_SETTLED)
_COUNTING = frozenset({Status.SCREENED, Status.HELD, Status.REJECTED, Status.CANCELLED, Status.EXPIRED, Status.FAILED})
