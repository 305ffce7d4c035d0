"""Tellings of banks, one after the other: each is decided by what is known, and recorded whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from hashlib import sha256
from typing import NamedTuple

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.service.threads import computed
from ringfence_kernel.store.recorder import Within
from ringfence_kernel.values.clock import DAY_NS, Clock, require_past
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.values.money import currency
from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.deposits.application.first_deposits import confirmed
from ringfence_payment_instruction.deposits.application.ports import Voucher
from ringfence_payment_instruction.deposits.application.receiving import EvidenceCounts, Origin, RowsTaking, Taken
from ringfence_payment_instruction.deposits.domain.errors import BankAccountUnknown, EarlierEntriesWait
from ringfence_payment_instruction.deposits.domain.evidence import Disposition, EvidenceFile, KnownEntries
from ringfence_payment_instruction.screening.application.known import Known
from ringfence_payment_instruction.screening.application.looking import Look, Looking
from ringfence_payment_instruction.screening.application.queries import ListsInForce
from ringfence_payment_instruction.settlement.application.ports import Custody
from ringfence_payment_instruction.standing.application.stops import Stops
from ringfence_payment_instruction.statements.application.handed import Handed
from ringfence_payment_instruction.statements.application.keeping import Keeping
from ringfence_payment_instruction.statements.application.looking import (
    Clients,
    clients_in,
    ibans_of,
    look_at,
    named_in,
)
from ringfence_payment_instruction.statements.application.payments import Earlier, Naming, payers
from ringfence_payment_instruction.statements.application.ports import BusinessDays, PastMovements, StatementFiles
from ringfence_payment_instruction.statements.domain.checking import without_repetitions
from ringfence_payment_instruction.statements.domain.columns import forget_rows
from ringfence_payment_instruction.statements.domain.deciding import with_past
from ringfence_payment_instruction.statements.domain.events import PagesDecided
from ringfence_payment_instruction.statements.domain.outcome import Outcome, outcome_of
from ringfence_payment_instruction.statements.domain.paging import pages_id
from ringfence_payment_instruction.statements.domain.sources import OurPayments, Sources
from ringfence_payment_instruction.statements.domain.state import State, stream_of
from ringfence_payment_instruction.statements.domain.statement import Detail, Entry, Kind, Statement, StatementFile
from ringfence_payment_instruction.statements.domain.taking import entries_of, take_telling, telling_of
from ringfence_payment_instruction.statements.domain.told import EPOCH, Telling
from ringfence_payment_instruction.submissions.application.ports import Identity
from ringfence_payment_instruction.submissions.application.reading import FileReading
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.domain.errors import EvidenceRefused, EvidenceUnreadable
from ringfence_payment_instruction.submissions.domain.named import reference_of
from ringfence_payment_instruction.submissions.domain.orders import Alias, ledger_of
from ringfence_payment_instruction.submissions.domain.past import Asked
from ringfence_payment_instruction.submissions.domain.returning import came_back, has_come_back

REMEMBERED_BUSINESS_DAYS = 3
"""How long a bank's day stays in memory after its statement."""
_SAYS_NOTHING = frozenset({Disposition.CONFIRM, Disposition.UNMATCHED})
"""Rows that bring or take no money of clients: they need nobody's word."""


class _Said(NamedTuple):
    """What it says: entries in the order of those that are told; `owners` are those of clients' accounts."""

    statement: Statement
    entries: list[Entry]
    clients: Clients
    told: Telling
    owners: Mapping[bytes, bytes]
    origins: Mapping[bytes, bytes] = {}


@dataclass(frozen=True, slots=True)
class StatementReceiving:
    """Takes in what banks tell."""

    submissions: Submissions
    state: State
    rows: RowsTaking
    naming: Naming
    files: StatementFiles
    reading: FileReading
    identity: Identity
    custody: Custody
    known: Known
    lists: ListsInForce
    looking: Looking
    stops: Stops
    days: BusinessDays
    past: PastMovements
    keeping: Keeping
    clock: Clock
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _ledgers: dict[bytes, int] = field(default_factory=dict)

    async def hand_in(self, caller: Caller, content: bytes) -> EvidenceCounts:
        """Takes a file in, waits a little for custody, and says what became of its entries.

        Raises as `take_in`, TooManyFiles, and EvidenceUnreadable for news without entries.
        """
        file = await self.reading.read(caller, self.files.read, content)
        if not any(each.entries or each.heading.kind is Kind.STATEMENT for each in file.statements):
            raise EvidenceUnreadable("neither entries nor balances")
        return await self.rows.once_posted(await self._take_in(caller, file, content))

    async def take_in(self, source: Caller | Voucher, content: bytes) -> Taken:
        """Records what a file from the inbox tells; the posting lane does the rest.

        What the rail brings is vouched for but where it only confirms payments. A bank speaks for the accounts that it
        keeps: another's account is as unknown as one that is none, and keeps nobody from what the file tells of others.
        Neither does anything else that is wrong with one account.

        Raises EvidenceUnreadable, BankAccountUnknown, ScreeningListStale, ClientNotIndexed, IdentityUnavailable,
        KeysUnavailable, CustodyUnavailable, AuthorisationRefused, PrincipalSuspended.
        """
        return await self._take_in(source, await asyncio.to_thread(self.files.read, content), content)

    async def _take_in(self, source: Caller | Voucher, file: StatementFile, content: bytes) -> Taken:
        told = [each for each in file.statements if each.entries or each.heading.kind is Kind.STATEMENT]
        aliases = await self.aliases_of(told)
        taken, faults = Taken([]), list[DomainError]()
        for number, statement in enumerate(told):
            mirror = aliases.get(str(statement.heading.account))
            if mirror is None or not mirror.bank_mirror or not _speaks_for(source, mirror):
                faults.append(BankAccountUnknown())
                continue
            digest = sha256(file.sha256 + number.to_bytes(4)).digest() if number else file.sha256
            handed = Handed(source, file, statement, digest, mirror, aliases, content)
            page = statement.heading.page
            is_page = page is not None and not (page.number == 1 and page.last)
            try:
                taken = _together(taken, await (self._stage(handed) if is_page else self.decide(handed)))
            except DomainError as error:
                faults.append(error)
        if faults:
            # What may do later goes before what never will: the file comes again, and what was taken is known then.
            raise min(faults, key=lambda error: isinstance(error, EvidenceRefused))
        return taken

    async def aliases_of(self, told: Iterable[Statement]) -> Mapping[str, Alias]:
        """Returns what the IBANs stand for that tellings name; raises IdentityUnavailable."""
        ibans = {iban for each in told for iban in (str(each.heading.account), *ibans_of(each.entries))}
        return await self.identity.resolve(sorted(filter(None, ibans)))

    async def _stage(self, handed: Handed) -> Taken:
        await self._vouched(handed)
        is_new = await self.keeping.stage(handed, self.clock.now_ns() // DAY_NS)
        return Taken([], staged=1) if is_new else Taken([], duplicates=len(handed.statement.entries))

    async def decide(self, telling: Handed) -> Taken:
        """Decides on a whole telling, and records what it brings about; raises as `take_in`."""
        entries = entries_of(telling.statement)
        named = named_in(telling.statement.heading, entries)
        source, digest = telling.source, telling.file.sha256
        more = await confirmed(self.identity, source, named, digest, telling.aliases) if source else {}
        telling = replace(telling, aliases={**telling.aliases, **more})
        ledger = await self.ledger_of(telling.mirror)
        # One telling at a time: two that share an entry would otherwise both find it new.
        async with self._turn:
            while True:
                position, read_ns = self.known.changed_position, self.clock.now_ns()
                look = await look_at(self.looking, self.lists, named, telling.aliases)
                payments = await self.naming.payments(telling.mirror, entries)
                change = self.state.changes.get(telling.mirror.account_id, 0)
                earlier = await self.naming.earlier(
                    telling.mirror, telling.statement.heading, telling.statement.entries
                )
                today = EPOCH + timedelta(days=self.days.newest(ledger, read_ns // DAY_NS))
                code = currency(ledger).alpha if ledger else ""
                said = await computed(len(entries), _read, telling, look, today, payments, code)
                origins = await self._origins(telling.mirror.account_id, said, earlier)
                said = said._replace(told=await self._with_past(telling.mirror.account_id, said.told), origins=origins)
                decide = partial(computed, len(entries), self._decide, telling, said, ledger, payments, earlier, today)
                outcome = await decide({})
                if outcome.undone:
                    outcome = await decide(await self._lacking(telling.mirror.tenant, outcome.undone))
                taken = await self._record(telling, outcome, change, read_ns, position, earlier.known)
                if taken is not None:
                    forget_rows()
                    known = 0 if outcome.excepted else len(entries) - outcome.new - outcome.held
                    return Taken(taken, max(0, known), outcome.held, int(outcome.excepted))

    async def ledger_of(self, mirror: Alias) -> int:
        """Returns the currency of a mirror, 0 of one that custody does not have; raises CustodyUnavailable.

        Nothing is told of a mirror before its currency is known: what is told cannot be taken back.
        """
        for fresh in (False, True):
            if mirror.account_id not in self._ledgers:
                self._ledgers.update((await self.custody.book_accounts(mirror.tenant, fresh=fresh)).ledgers())
        return self._ledgers.get(mirror.account_id, 0)

    async def _with_past(self, mirror: bytes, told: Telling) -> Telling:
        """Returns a telling with what it tells of days that memory has let go of.

        A statement tells of none unless it does not follow the last, and people have let it count.
        """
        movements = self.state.movements(mirror)
        last, is_new = movements.last, told.kind is Kind.STATEMENT and told.id not in movements.accepted
        if is_new or last is None or all(each.day > last.last_day for each in told.entries):
            return told
        references = {each for entry in told.entries if entry.day <= last.last_day for each in entry.references}
        found = await asyncio.to_thread(self.past.by_references, mirror, references) if references else {}
        known = self.state.movements(mirror).known
        return with_past(told, [each.told for key, each in found.items() if key not in known])

    async def _origins(self, mirror: bytes, said: _Said, earlier: Earlier) -> dict[bytes, bytes]:
        """Returns the rows that have brought what entries take back, where memory does not know them."""
        return await self.naming.origins(mirror, dict(said.told.items()), self.state.movements(mirror))

    async def _lacking(self, tenant: bytes, takings: Collection[bytes]) -> dict[bytes, int]:
        """Returns what nobody gave for rows of takings; raises EarlierEntriesWait while one waits, CustodyUnavailable.

        What one lacks is for good once it is posted: what was given for it, and what has come to be owed.
        """
        if self.rows.state.waits_for(tenant, takings):
            raise EarlierEntriesWait
        rows = list(takings)
        found = zip(rows, await self.custody.takings(tenant, rows), strict=True)
        return {row: each.taken_minor - each.given_minor for row, each in found}

    def _decide(
        self,
        telling: Handed,
        said: _Said,
        ledger: int,
        payments: OurPayments,
        earlier: Earlier,
        today: date,
        lacking: Mapping[bytes, int],
    ) -> Outcome:
        """Decides what a telling brings about; nothing else changes the mirror meanwhile."""
        mirror, told, heading = telling.mirror, said.told, said.statement.heading
        entries = telling.statement.entries
        posted = {id(entries[number]): found for number, found in earlier.posted.items()}
        taken = {id(entries[number]): found for number, found in earlier.origins.items()}
        by_id = dict(zip(told.entry_ids, said.entries, strict=True))
        code = currency(ledger).alpha if ledger else ""
        sources = Sources(
            mirror=mirror,
            heading=heading,
            entries=by_id,
            reason_of=said.clients.reason_of,
            payments=payments,
            earlier={key: posted[id(each)] for key, each in by_id.items() if id(each) in posted},
            origins={key: taken[id(each)] for key, each in by_id.items() if id(each) in taken} | dict(said.origins),
            clients=said.clients.by_iban,
            owners=said.owners,
            currency=code or heading.currency or next((each.currency for each in said.entries), ""),
            lacking=lacking,
        )
        known = self.state.movements(mirror.account_id)
        events = take_telling(known, mirror.account_id, code, said.statement, told, telling.digest, today)
        said_ledger = ledger or (ledger_of(sources.currency) if sources.currency else 0)
        return outcome_of(known, events, told.id, said_ledger, sources, partial(self.forget_before, said_ledger))

    def forget_before(self, ledger: int, last_day: int) -> int:
        """Returns up to which day a mirror's days leave memory once the statement of a day is taken."""
        return self.days.before(ledger, last_day, REMEMBERED_BUSINESS_DAYS)

    async def _record(
        self, telling: Handed, outcome: Outcome, change: int, read_ns: int, position: int, known: KnownEntries
    ) -> list[EvidenceFile] | None:
        """Returns the rows' parts; None where the telling is to be decided again.

        Another list has come into force, a client was found on one, or something of the mirror has changed meanwhile.
        """
        if not outcome.events and not telling.pages:
            return []
        mirror, rows, stream = telling.mirror, outcome.rows, stream_of(telling.mirror.account_id)
        source = await self._source(telling, outcome)
        origin = Origin(
            mirror.tenant, telling.file.sha256, telling.statement.heading.message_id, telling.digest, change, source
        )
        prepared = await self.rows.prepare(rows, origin, read_ns // DAY_NS)
        brings_money = any(each.disposition not in _SAYS_NOTHING for each in rows)
        kept = await self._kept(telling, outcome)

        def command(unit: Unit) -> list[EvidenceFile] | None:
            require_past(read_ns, unit.now_ns)
            if brings_money:
                self.lists.fresh()
            if self.known.changed_position != position:
                return None
            if self.state.changes.get(mirror.account_id, 0) != change:
                return None
            if self._has_come_back_since(outcome):
                return None
            unit.record_all(stream, outcome.events)
            if telling.pages and telling.pages in self.state.pages:
                unit.record(stream, PagesDecided(mirror.account_id, telling.pages, mirror.tenant))
            for each in kept:
                unit.commit_also(each)
            # What the table did not have yet is not known to be new.
            with self.rows.state.recalling(known):
                files = self.rows.record(unit, prepared, rows, origin)
            self._return(unit, outcome, origin.digest)
            return files

        streams = {each.instruction.stream for each in rows if each.instruction is not None}
        asked = Asked(streams=sorted(streams | {ref.stream for ref in outcome.returned}))
        (files,) = await self.submissions.knowing(asked, lambda unit: (command(unit),), weight=len(rows) + 1)
        return files

    def _has_come_back_since(self, outcome: Outcome) -> bool:
        """Tells whether the money of a payment has come in another way, so that a row would move it twice."""
        state = self.submissions.state
        return any(has_come_back(state.known(ref.stream), ref.index) for ref in outcome.returned)

    def _return(self, unit: Unit, outcome: Outcome, digest: bytes) -> None:
        """Records that money of payments has come back, by the messages in which these were sent."""
        state = self.submissions.state
        messages: dict[tuple[bytes, str], dict[int, str]] = {}
        for ref, code in outcome.returned.items():
            messages.setdefault((ref.stream, reference_of(state, ref)), {})[ref.index] = code
        for (stream, message_id), codes in messages.items():
            self.submissions.record(unit, stream, came_back(state.known(stream), codes, digest, message_id))

    async def _kept(self, telling: Handed, outcome: Outcome) -> list[Within]:
        """Returns what keeps the file of a statement that is an exception, or lets go of one that is none any more."""
        if telling.statement.heading.kind is not Kind.STATEMENT:
            return [self.keeping.drop(telling.pages)] if telling.pages else []
        if outcome.excepted:
            return [await self.keeping.keep_file(telling)] if telling.content else []
        return [self.keeping.drop(pages_id(telling.mirror.account_id, telling.statement.heading))]

    async def _vouched(self, telling: Handed) -> bytes:
        """Returns whose word a telling is; raises BankAccountUnknown for another than the account's bank's.

        Raises PrincipalSuspended, AuthorisationRefused, IdentityUnavailable.
        """
        source = telling.source
        if source is None:
            return telling.mirror.bank_feed
        caller = source
        if not isinstance(caller, Caller):
            # It has come through no edge.
            caller = await caller.caller()
            self.stops.require_active(caller)
        if telling.mirror.bank_feed != caller.subject:
            raise BankAccountUnknown
        return caller.subject

    async def _source(self, telling: Handed, outcome: Outcome) -> bytes:
        """Returns whose word it is, zero where it needs none and nobody gives it; raises as `_vouched`."""
        is_statement = telling.statement.heading.kind is Kind.STATEMENT
        moves = any(each.disposition not in _SAYS_NOTHING for each in outcome.rows)
        if is_statement or moves or isinstance(telling.source, Caller):
            return await self._vouched(telling)
        try:
            return await self._vouched(telling)
        except DomainError:
            return ZERO_ID  # what confirms a payment counts all the same


def _speaks_for(source: Caller | Voucher, mirror: Alias) -> bool:
    """Tells whether a bank may tell of an account; who vouches for what the rail brings is asked where it matters."""
    return not isinstance(source, Caller) or source.subject == mirror.bank_feed


def _read(telling: Handed, look: Look, today: date, payments: OurPayments, currency: str) -> _Said:
    """Reads a telling by what is known of whom it names."""
    statement = without_repetitions(telling.statement)
    entries = entries_of(statement)
    clients = clients_in(statement.heading, entries, telling.mirror.tenant, telling.aliases, look)
    back = payers(entries, payments, telling.mirror, currency)

    def client_of(detail: Detail) -> bytes:
        if id(detail) not in back:
            return clients.client_of(detail)
        payer = back[id(detail)]
        return ZERO_ID if payer is None or clients.is_blocked(detail) else payer.account

    told = telling_of(telling.mirror.account_id, statement, telling.digest, today, client_of, clients.is_blocked)
    owners = {each.account_id: each.owner_id for each in clients.by_iban.values()}
    owners |= {each.account: each.owner for each in back.values() if each is not None}
    return _Said(statement, entries, clients, told, owners)


def _together(one: Taken, other: Taken) -> Taken:
    return Taken([*one.files, *other.files], *(sum(pair) for pair in zip(one[1:], other[1:], strict=True)))
