"""Bank notifications, taken in once per entry; the posting lane does the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, TypeVar

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.service.signal import Signal
from ringfence_kernel.service.threads import computed
from ringfence_kernel.values.clock import DAY_NS, Clock, require_past
from ringfence_kernel.values.columns import pack
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.writing.departed import LookAgain
from ringfence_kernel.writing.looking_up import while_current
from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.deposits.application.first_deposits import confirmed
from ringfence_payment_instruction.deposits.application.ports import Entries, Notification, NotificationFiles, Voucher
from ringfence_payment_instruction.deposits.application.sealing import seal_entries
from ringfence_payment_instruction.deposits.application.unsealing import clients_of
from ringfence_payment_instruction.deposits.domain.confirming import booked, by_submission
from ringfence_payment_instruction.deposits.domain.errors import BankAccountUnknown
from ringfence_payment_instruction.deposits.domain.events import EvidenceReceived
from ringfence_payment_instruction.deposits.domain.evidence import (
    BLOCKED_FOR,
    CREDITS,
    ENTRIES_PER_PART,
    BankEntry,
    Disposition,
    EvidenceFile,
    Outcome,
    evidence_stream,
    is_incoming,
)
from ringfence_payment_instruction.deposits.domain.matching import MatchedEntry, Matcher, Matching, Questions, questions
from ringfence_payment_instruction.deposits.domain.state import State
from ringfence_payment_instruction.screening.application.known import Known
from ringfence_payment_instruction.screening.application.looking import Look, Looking
from ringfence_payment_instruction.screening.application.queries import ListsInForce
from ringfence_payment_instruction.screening.domain.errors import ClientNotIndexed
from ringfence_payment_instruction.standing.application.stops import Stops
from ringfence_payment_instruction.submissions.application.ports import Identity
from ringfence_payment_instruction.submissions.application.reading import FileReading
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.domain.errors import EvidenceUnreadable
from ringfence_payment_instruction.submissions.domain.orders import Alias, ledger_of
from ringfence_payment_instruction.submissions.domain.past import Asked

POSTING_SECONDS = 5.0
INDEXING_SECONDS, INDEXING_PAUSE_SECONDS = 3.0, 0.05
Reply = TypeVar("Reply")


@dataclass(frozen=True, slots=True)
class EvidenceCounts:
    """What became of a file's entries."""

    credited: int
    suspended: int
    duplicates: int
    confirmed: int


class Taken(NamedTuple):
    """What was recorded of a file, in parts by tenant, and how many entries were known before."""

    files: list[EvidenceFile]
    duplicates: int


@dataclass(frozen=True, slots=True)
class EvidenceReceiving:
    """Takes in bank notifications."""

    submissions: Submissions
    state: State
    entries: Entries
    files: NotificationFiles
    reading: FileReading
    identity: Identity
    known: Known
    lists: ListsInForce
    looking: Looking
    stops: Stops
    committed: Signal
    clock: Clock
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def hand_in(self, caller: Caller, content: bytes) -> EvidenceCounts:
        """Takes a file in, waits a little for custody, and says what became of its entries.

        Raises as `take_in`, TooManyFiles, and EvidenceUnreadable for a notification without entries.
        """
        file = await self.reading.read(caller, self.files.read, content)
        if not file.entries:
            raise EvidenceUnreadable("not a notification with entries")
        taken = await self._take_in(caller, file)
        return await self._once_posted(taken)

    async def take_in(self, source: Caller | Voucher, content: bytes) -> Taken:
        """Records the new entries of a file from the inbox, which are read one after the other, if it has any.

        The posting lane does the rest.

        What the rail brings is vouched for only where it brings money; a debit that confirms a payment needs no word. A
        bank speaks for the accounts that it keeps: another's account is as unknown as one that is none.

        Raises EvidenceUnreadable, BankAccountUnknown, EvidenceConflict, ScreeningListStale, ClientNotIndexed,
        IdentityUnavailable, KeysUnavailable, AuthorisationRefused, PrincipalSuspended.
        """
        file = await asyncio.to_thread(self.files.read, content)
        return await self._take_in(source, file) if file.entries else Taken([], 0)

    async def _take_in(self, source: Caller | Voucher, file: Notification) -> Taken:
        ibans = {
            iban
            for entry in file.entries
            for iban in (entry.account_iban, entry.creditor_iban, entry.debtor_iban)
            if iban
        }
        aliases = await self.identity.resolve(sorted(ibans))
        aliases |= await confirmed(self.identity, source, file, aliases)
        asked, read_ns = questions(file.entries, aliases), self.clock.now_ns()
        # One file at a time: two that share an entry would otherwise both find it new.
        async with self._turn:
            while True:
                position = self.known.changed_position
                look = await self._look(file.entries, aliases)
                matching = await self._knowing(asked, partial(self._match, aliases, file, look))
                new = matching.new()
                prepared = [
                    await self._prepare(
                        source, file, read_ns // DAY_NS, part, matched[first : first + ENTRIES_PER_PART]
                    )
                    for matched in matching.by_tenant.values()
                    for part, first in enumerate(range(0, len(matched), ENTRIES_PER_PART))
                ]
                files = await self._record(asked, prepared, new, file.digest, read_ns, position)
                if files is not None:
                    return Taken(files, matching.duplicates)

    async def _knowing(self, asked: Questions, command: Callable[[Unit], Reply], weight: int = 1) -> Reply:
        """Runs a decision that asks about entries and payments of any age; see `Submissions.knowing`."""

        async def attempt() -> Reply:
            known = await asyncio.to_thread(self.entries.look_up, asked.entries)

            def recalling(unit: Unit) -> Reply | None:
                if known.position < self.state.forgotten_position:
                    return None
                with self.state.recalling(known):
                    return command(unit)

            reply = await self.submissions.knowing(Asked(asked.payments), recalling, weight=weight)
            if reply is None:  # the entries are looked up again too, not the payments alone
                raise LookAgain
            return reply

        return await while_current(attempt)

    async def _look(self, entries: Sequence[BankEntry], aliases: Mapping[str, Alias]) -> Look:
        """Returns a look at the clients that entries name, once they are known to screening; raises as `look`."""
        incoming = [entry for entry in entries if is_incoming(entry)]
        subjects = {subject for entry in incoming for subject in clients_of(entry, aliases).values()}
        until = asyncio.get_running_loop().time() + INDEXING_SECONDS
        while True:
            try:
                return await self.looking.look(self.lists.current(), subjects)
            except ClientNotIndexed:
                if asyncio.get_running_loop().time() > until:
                    raise
            await asyncio.sleep(INDEXING_PAUSE_SECONDS)

    def _match(self, aliases: Mapping[str, Alias], file: Notification, look: Look, unit: Unit) -> Matching:
        """Matches entries; raises ScreeningListStale where money came in and its payers cannot be looked up."""

        def blocked_for(entry: BankEntry) -> str:
            hit = next(look.hits(entry, clients_of(entry, aliases)), None)
            return "" if hit is None else BLOCKED_FOR[hit.side]

        matching = Matcher(self.state, self.submissions.state, aliases, blocked_for).match(file.entries)
        if any(is_incoming(each.entry) for each in matching.new()):
            self.lists.fresh()
        return matching

    async def _record(
        self,
        asked: Questions,
        prepared: list[EvidenceReceived],
        new: list[MatchedEntry],
        digest: bytes,
        read_ns: int,
        position: int,
    ) -> list[EvidenceFile] | None:
        """Returns the file's parts; None where they are to be matched again.

        One of its entries was taken in meanwhile, another list has come into force, or a client was found on one.
        """

        def command(unit: Unit) -> list[EvidenceFile] | None:
            require_past(read_ns, unit.now_ns)
            if self.known.changed_position != position:
                return None
            if any(self.state.entry_digest(each.id) is not None for each in new):
                return None
            files = []
            for event in prepared:
                unit.record(event.evidence_id, event)
                recorded = unit.recorded[-1].position
                files.append(self.state.file(event.evidence_id) or EvidenceFile(event.evidence_id, recorded, event))
            source_id = prepared[0].source if prepared else ZERO_ID
            for stream, indexes in by_submission(new).items():
                submission = self.submissions.state.known(stream)
                self.submissions.record(unit, stream, booked(submission, indexes, digest, source_id))
            return files

        if not new:
            return []
        (files,) = await self._knowing(asked, lambda unit: (command(unit),), weight=len(new))
        return files

    async def _vouching(self, source: Voucher) -> Caller:
        """Returns who vouches for what the rail brings, which has come through no edge; raises PrincipalSuspended."""
        caller = await source.caller()
        self.stops.require_active(caller)
        return caller

    async def _prepare(
        self, source: Caller | Voucher, file: Notification, today: int, part: int, matched: list[MatchedEntry]
    ) -> EvidenceReceived:
        """Seals entries of one tenant, whose mirror the source speaks for; without a value date they have `today`'s."""
        tenant = matched[0].mirror.tenant
        stream = evidence_stream(tenant, file.digest, part)
        ring = await self.identity.keys({tenant, *(each.owner for each in matched)})
        source_id = ZERO_ID
        if isinstance(source, Caller) or any(each.disposition in CREDITS for each in matched):
            caller = source if isinstance(source, Caller) else await self._vouching(source)
            source_id = caller.subject
            if any(each.mirror.bank_feed != source_id for each in matched):
                raise BankAccountUnknown
        return EvidenceReceived(
            tenant=tenant,
            evidence_id=stream,
            digest=file.digest,
            message_id=file.message_id,
            source=source_id,
            # The bank's word needs nobody's leave; in events of earlier releases stands an authorisation.
            authorisation="",
            authorisation_expires_ns=0,
            entry_ids=b"".join([each.id for each in matched]),
            entry_digests=b"".join([each.digest for each in matched]),
            references=tuple(each.entry.reference for each in matched),
            purposes=bytes([each.disposition for each in matched]),
            mirror_accounts=b"".join([each.mirror.account_id for each in matched]),
            client_accounts=b"".join([each.client.account_id if each.client else ZERO_ID for each in matched]),
            owners=b"".join([each.owner for each in matched]),
            instruction_ids=b"".join([each.instruction_id for each in matched]),
            amounts_minor=pack("Q", [each.entry.amount_minor for each in matched]),
            ledgers=pack("H", [ledger_of(each.entry.currency) for each in matched]),
            value_days=pack("i", [each.entry.value_day or today for each in matched]),
            reasons=tuple(each.reason for each in matched),
            sealed=await computed(len(matched), seal_entries, stream, matched, ring),
        )

    async def _once_posted(self, taken: Taken) -> EvidenceCounts:
        """Counts once custody has posted the entries, or after a bound: what is late goes on by itself.

        The state may show postings that are taken back yet: what counts is seen through the writer.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + POSTING_SECONDS

        def is_late() -> bool:
            return any(file.waiting() for file in taken.files)

        while True:
            while is_late() and loop.time() < until:
                await self.committed.wait(until - loop.time())
            counts, late = await self.submissions.writer.commit(
                lambda unit: (count(taken.files, taken.duplicates), is_late())
            )
            if not late or loop.time() >= until:
                return counts


def count(files: Sequence[EvidenceFile], duplicates: int) -> EvidenceCounts:
    """Counts entries by what became of them, or by where they are to go while custody has not answered."""
    credited = suspended = confirmed = 0
    for file in files:
        for disposition, outcome, reason in zip(file.event.purposes, file.outcomes, file.reasons, strict=True):
            late = outcome == Outcome.WAITING
            credited += outcome == Outcome.CREDITED or (late and not reason)
            suspended += outcome == Outcome.SUSPENDED or (late and bool(reason))
            confirmed += disposition == Disposition.CONFIRM
    return EvidenceCounts(credited, suspended, duplicates, confirmed)
