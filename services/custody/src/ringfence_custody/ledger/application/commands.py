"""Commands: each becomes one decision on one book, committed together with whatever comes at the same time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from ringfence_kernel.proposals.application import Proposals, Said
from ringfence_kernel.store.recorder import Within
from ringfence_kernel.values.ids import ID_BYTES, ZERO_ID
from ringfence_kernel.writing.deciding import Together
from ringfence_kernel.writing.endings import Ending
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_custody.ledger.application.recording import record, seal
from ringfence_custody.ledger.application.standing_changes import StandingChanges
from ringfence_custody.ledger.application.state import State
from ringfence_custody.ledger.domain.authority import CORRECTING, PAYMENT_INSTRUCTION, Authority, Reach
from ringfence_custody.ledger.domain.book import Book
from ringfence_custody.ledger.domain.change_accounts import decide_freeze, decide_standing
from ringfence_custody.ledger.domain.columns import AccountColumns, TransferColumns, row_numbers, split_ids
from ringfence_custody.ledger.domain.create_accounts import decide_accounts
from ringfence_custody.ledger.domain.create_transfers import decide_batches
from ringfence_custody.ledger.domain.errors import AccountNotFound, EvidenceMissing, PlatformSuspended
from ringfence_custody.ledger.domain.events import TransfersEvidenced
from ringfence_custody.ledger.domain.incoming import Outcome
from ringfence_custody.ledger.domain.lifecycle import AccountStatus, Standing
from ringfence_custody.ledger.domain.migrations import window_of
from ringfence_custody.ledger.domain.result_codes import VOID
from ringfence_custody.ledger.domain.shortfall import accounts_needed
from ringfence_custody.ledger.domain.standings import Age, Standings, StandingsUnasked

EXPIRY_LIMIT = 8_190


@dataclass(frozen=True, slots=True)
class OwnerFact:
    """What identity's feed says of one owner of one tenant."""

    book_id: bytes
    owner_id: bytes
    standing: Standing
    position: int
    """In identity's feed."""


@dataclass(frozen=True, slots=True)
class ActorFact:
    """What identity's feed says of one principal, and where."""

    said: Said
    ending: Ending


@dataclass(frozen=True, slots=True)
class Poster:
    """Who creates transfers, and on what they rest; see `Authority`."""

    owner: bytes
    reach: Reach
    identity_position: int | None = None
    """Up to where it has followed identity; None for one that does not."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What transfers rest on, one each per row: SHA-256 of the bank's file, the entry in it, and who vouched for it.

    Zeros as SHA-256 mean none: only what voids may name none, where the bank never had the payment.
    """

    sha256: Sequence[bytes]
    entry_ids: Sequence[bytes]
    feed_ids: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands of the ledger; all raise Overloaded and StoreUnavailable."""

    writer: GroupWriter
    state: State
    statements_follow: Callable[[], Awaitable[None]]
    """Waits while the read model is too far behind."""
    proposals: Proposals
    identity_is_heard: Callable[[], Awaitable[bool]]
    """Takes in what identity has said until now; tells whether it could, in time."""
    take_on: Callable[[int], AbstractContextManager[None]]
    """Counts rows to be posted for the block; raises Overloaded. Who waits for identity has none counted."""
    changes: StandingChanges = field(default_factory=StandingChanges)

    async def create_accounts(self, book_id: bytes, columns: AccountColumns) -> tuple[bytes, list[int]]:
        """Opens accounts; returns a status and a time per row. Raises ColumnsMalformed."""
        columns.check()

        def decide(unit: Unit) -> tuple[bytes, list[int]]:
            book = self.state.book(book_id)
            event, status, timestamps = decide_accounts(book, columns, unit.now_ns)
            record(unit, book_id, book, event)
            return status, timestamps

        return await self.writer.commit(decide, weight=len(columns))

    async def require_open(self, book_id: bytes) -> None:
        """Raises PlatformSuspended where the platform is suspended whose book it is, whoever posts into it.

        Identity is asked before: the platform may have been activated again.
        """
        stopped = self.proposals.state.stopped
        if book_id in stopped:
            await self.identity_is_heard()
            if book_id in stopped:
                raise PlatformSuspended

    async def create_transfers(
        self, book_id: bytes, columns: TransferColumns, poster: Poster, *, with_balances: bool
    ) -> Outcome:
        """Creates transfers; those that a group decides in a row are one event.

        Raises ColumnsMalformed, and MigrationWindowClosed to an importer.
        """

        async def commit(age: Age) -> Outcome | None:
            standings = Standings(age, self._news_to(poster, book_id))

            def decide(unit: Unit, batches: list[TransferColumns]) -> list[Outcome | None]:
                book = self._begin(unit, book_id)
                imports = poster.reach is Reach.MIGRATION
                window = window_of(book, unit.now_ns) if imports else ZERO_ID
                authority = Authority(poster.owner, poster.reach, window)
                return _decided(book, batches, unit, authority, standings, with_balances=with_balances)

            # What a retry compares depends on whether it names a value date.
            kind = book_id, poster, with_balances, bool(columns.value_date_days), age
            return await self.writer.commit(Together(kind, columns, decide), weight=len(columns))

        return await self._on_standings(columns, commit)

    def _news_to(self, poster: Poster, book_id: bytes) -> Callable[[bytes], bool]:
        """Returns what tells whether an owner's standing has changed after all that a poster has taken in."""
        position = poster.identity_position
        if position is None:
            return lambda owner: False
        return lambda owner: self.changes.is_after(position, book_id, owner)

    async def _on_standings(
        self, columns: TransferColumns, commit: Callable[[Age], Awaitable[Outcome | None]]
    ) -> Outcome:
        """Commits what rests on nobody's standing at once, anything else once identity was asked how they stand.

        What identity answered its callers before they called here is known then. Where it cannot be asked, the rows
        that would be refused stay unsettled, and all others are decided.
        """
        rows = len(columns)
        with self.take_on(rows):
            columns.check()
            await self.statements_follow()
            outcome = await commit(Age.UNASKED)
        while outcome is None:
            age = Age.CURRENT if await self.identity_is_heard() else Age.OLD
            with self.take_on(rows):
                outcome = await commit(age)
        return outcome

    async def book_evidence(self, book_id: bytes, columns: TransferColumns, evidence: Evidence) -> Outcome:
        """Creates transfers on the bank's word alone; raises ColumnsMalformed, EvidenceMissing.

        What is created and what it rests on is committed together; an account for what the platform owes is opened
        where it is named first.
        """

        async def commit(age: Age) -> Outcome | None:
            def decide(unit: Unit) -> Outcome | None:
                book = self.state.book(book_id)
                if (needed := accounts_needed(book.accounts, columns)) is not None:
                    record(unit, book_id, book, decide_accounts(book, needed, unit.now_ns, own=True)[0])
                self._begin(unit, book_id)
                (outcome,) = _decided(book, [columns], unit, AUTHORITY_OF_EVIDENCE, Standings(age))
                if outcome is not None:
                    record(unit, book_id, book, _evidenced(columns, outcome, evidence))
                return outcome

            flags = row_numbers(columns.flags, len(columns))
            if any(sha == NO_EVIDENCE and not flag & VOID for sha, flag in zip(evidence.sha256, flags, strict=True)):
                raise EvidenceMissing
            return await self.writer.commit(decide, weight=len(columns))

        return await self._on_standings(columns, commit)

    def post_decided(self, unit: Unit, book_id: bytes, columns: TransferColumns) -> Outcome:
        """Creates the correction that two people have decided, within their unit; raises ColumnsMalformed.

        Whoever does not want all that was created takes it back by raising. It is recorded before this returns.
        """
        columns.check()
        book = self._begin(unit, book_id)
        (outcome,) = _decided(book, [columns], unit, AUTHORITY_OF_CORRECTIONS, Standings())
        if outcome is None:
            raise AssertionError("how owners stand is taken as it is known")
        seal(unit, book_id, book)
        return outcome

    def _begin(self, unit: Unit, book_id: bytes) -> Book:
        """Returns a book whose transfers are taken back with the commit, and recorded at its end."""
        book = self.state.book(book_id)
        unit.journal.call(book.undo, len(book.open), len(book.open.burnt), book.last_timestamp)
        unit.before_commit(book_id, lambda closing: seal(closing, book_id, book))
        return book

    async def set_freeze(
        self, book_id: bytes, account_ids: Sequence[bytes], order_reference: str, ordered_by: bytes
    ) -> list[AccountStatus]:
        """Freezes accounts by order; raises AccountNotFound for any that is not there."""

        def decide(unit: Unit) -> list[AccountStatus]:
            book = self.state.look(book_id)
            accounts = accounts_of(book, account_ids)
            record(unit, book_id, book, decide_freeze(book, accounts, order_reference, ordered_by, unit.now_ns))
            return [book.accounts.shown_status(each) for each in accounts]

        return await self.writer.commit(decide, weight=len(account_ids))

    async def note_identity(self, facts: Sequence[OwnerFact | ActorFact], save_cursor: Within) -> None:
        """Takes in a page of identity's feed and, in the same transaction, the cursor after it."""

        def decide(unit: Unit) -> None:
            for fact in facts:
                if isinstance(fact, ActorFact):
                    self.proposals.hear(unit, fact.said, fact.ending)
                    continue
                book = self.state.book(fact.book_id)
                event = decide_standing(book, fact.owner_id, fact.standing, unit.now_ns)
                record(unit, fact.book_id, book, event)
                if event is not None:
                    self.changes.note(fact.book_id, fact.owner_id, fact.position)
            unit.commit_also(save_cursor)

        await self.writer.commit(decide, weight=1 + len(facts))

    async def expire(self) -> int:
        """Releases pending transfers whose time is over; returns how many."""

        def decide(unit: Unit) -> int:
            count = 0
            for book_id, book in self.state.books.items():
                event = book.decide_expiry(unit.now_ns, EXPIRY_LIMIT)
                record(unit, book_id, book, event)
                count += len(event.id) // ID_BYTES if event else 0
            return count

        return await self.writer.commit(decide)


NO_EVIDENCE = bytes(32)
AUTHORITY_OF_EVIDENCE = Authority(PAYMENT_INSTRUCTION, Reach.EVIDENCE)
AUTHORITY_OF_CORRECTIONS = Authority(CORRECTING, Reach.CORRECTION)


def _decided(
    book: Book,
    batches: Sequence[TransferColumns],
    unit: Unit,
    authority: Authority,
    standings: Standings,
    *,
    with_balances: bool = False,
) -> list[Outcome | None]:
    """Decides batches in one go; None for one that cannot be decided before identity was asked, the others alone."""
    try:
        return [
            *decide_batches(
                book,
                batches,
                unit.now_ns,
                authority=authority,
                with_balances=with_balances,
                rules=book.rules,
                standings=standings,
            )
        ]
    except StandingsUnasked:
        if len(batches) == 1:
            return [None]
        alone = ([each] for each in batches)
        return [
            outcome
            for each in alone
            for outcome in _decided(book, each, unit, authority, standings, with_balances=with_balances)
        ]


def _evidenced(columns: TransferColumns, outcome: Outcome, evidence: Evidence) -> TransfersEvidenced | None:
    """Returns the event of what was created and names evidence, None where there is none."""
    rows = [row for row, status in enumerate(outcome.status) if not status and evidence.sha256[row] != NO_EVIDENCE]
    if not rows:
        return None
    ids = split_ids(columns.id)
    return TransfersEvidenced(
        timestamp_ns=outcome.timestamp_ns[rows[0]],
        id=b"".join(ids[row] for row in rows),
        evidence_sha256=b"".join(evidence.sha256[row] for row in rows),
        entry_id=b"".join(evidence.entry_ids[row] for row in rows),
        feed_id=b"".join(evidence.feed_ids[row] for row in rows),
    )


def accounts_of(book: Book, account_ids: Sequence[bytes]) -> list[int]:
    """Returns the indexes of accounts; raises AccountNotFound unless all are in the book."""
    if any(each not in book.accounts.index for each in account_ids):
        raise AccountNotFound
    return [book.accounts.index[each] for each in account_ids]
