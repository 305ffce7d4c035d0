"""Payments of ours, and money that deposits have brought, as far as entries of a telling name them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.deposits.application.ports import Entries
from ringfence_payment_instruction.deposits.domain.evidence import (
    CREDIT,
    BankEntry,
    KnownEntries,
    entry_digest,
    entry_id,
)
from ringfence_payment_instruction.deposits.domain.matching import Payment, payment_at, unconfirmed
from ringfence_payment_instruction.statements.application.ports import PastMovements
from ringfence_payment_instruction.statements.domain.movements import Movements
from ringfence_payment_instruction.statements.domain.naming import earlier_entries
from ringfence_payment_instruction.statements.domain.sources import OurPayments, coming_back, is_return, names_of
from ringfence_payment_instruction.statements.domain.statement import DEBIT, Detail, Entry, Heading
from ringfence_payment_instruction.statements.domain.told import Told, all_references
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.domain.named import PaymentNames, keys_of_names, payments_named
from ringfence_payment_instruction.submissions.domain.orders import Alias
from ringfence_payment_instruction.submissions.domain.past import Asked, InstructionRef
from ringfence_payment_instruction.submissions.domain.returning import return_entry_id
from ringfence_payment_instruction.submissions.domain.state import State


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier release has posted, by the places of entries: under which id, or what an entry takes back."""

    posted: Mapping[int, bytes]
    origins: Mapping[int, bytes]
    known: KnownEntries


@dataclass(frozen=True, slots=True)
class Naming:
    """Finds out what entries name, as it is committed."""

    submissions: Submissions
    entries: Entries
    past: PastMovements

    async def payments(self, mirror: Alias, entries: Sequence[Entry]) -> OurPayments:
        """Returns the payments that debits are, and what undoes or returns such; raises StoreUnavailable."""
        named, unshown = await self._named(mirror.account_id, entries), await self._unshown(mirror, entries)
        return replace(named, unshown=unshown)

    async def _unshown(self, mirror: Alias, entries: Sequence[Entry]) -> list[Payment]:
        """Returns the payments under way that an account has yet to show, where entries say that money went out."""
        if not any(each.direction == DEBIT and not each.reversal for each in entries):
            return []
        state = self.submissions.state
        found = await self.submissions.writer.commit(lambda unit: unconfirmed(state, mirror.tenant, mirror.account_id))
        back = [each.transfer_id for each in found if each.has_come_back]
        shown = await asyncio.to_thread(self.past.shown, mirror.account_id, back) if back else frozenset[bytes]()
        return [each for each in found if each.transfer_id not in shown]

    async def _named(self, mirror: bytes, entries: Sequence[Entry]) -> OurPayments:
        details = [each for entry in entries if entry.direction == DEBIT or is_return(entry) for each in entry.details]
        wanted = {names_of(each): each for each in details}
        if not wanted:
            return OurPayments()

        def command(unit: Unit) -> dict[PaymentNames, Payment]:
            state = self.submissions.state
            found = {names: _payment(state, each) for names, each in wanted.items()}
            return {names: payment_at(state, ref) for names, ref in found.items() if ref is not None}

        keys = keys_of_names(each for names in wanted for each in _ways(names))
        found = await self.submissions.knowing(Asked(keys), command)
        back = {each.instruction_id: each for each in found.values() if each.has_come_back}
        if not back:
            return OurPayments(found)
        returns = {key: return_entry_id(each.tenant, key) for key, each in back.items()}
        known = (await asyncio.to_thread(self.entries.look_up, list(returns.values()))).digests
        moved = await asyncio.to_thread(self.past.moved_by, mirror, list(returns.values()))
        shown = await asyncio.to_thread(self.past.shown, mirror, [each.transfer_id for each in back.values()])
        free = {key: entry for key, entry in returns.items() if entry in known and entry not in moved}
        return OurPayments(found, shown, free)

    async def earlier(self, mirror: Alias, heading: Heading, entries: Sequence[Entry]) -> Earlier:
        """Returns what an earlier release has posted of entries, or of what they take back; raises StoreUnavailable."""
        named = earlier_entries(heading, entries)
        ids = [[entry_id(mirror.tenant, each) for each in entry] for entry in named]
        asked = [each for entry in ids for each in entry]
        found_entries = await asyncio.to_thread(self.entries.look_up, asked)
        known, posted, origins = found_entries.digests, {}, {}
        for number, (found, of) in enumerate(zip(ids, named, strict=True)):
            if not all(each in known for each in found):
                continue
            if all(known[each] == entry_digest(entry) for each, entry in zip(found, of, strict=True)):
                posted[number] = found[0]
            elif len(of) == 1 and known[found[0]] == entry_digest(_brought(of[0])):
                origins[number] = found[0]
        return Earlier(posted, origins, found_entries)

    async def origins(self, mirror: bytes, told: Mapping[bytes, Told], known: Movements) -> dict[bytes, bytes]:
        """Returns the rows that have brought what entries take back, by their ids, of days that memory has let go of.

        Where several movements fit, none is told. Raises StoreUnavailable.
        """
        wanted = {key: all_references(each) for key, each in told.items() if not each.incoming and each.reversal}
        references = {each for found in wanted.values() for each in found}
        if not references:
            return {}
        past = await asyncio.to_thread(self.past.by_references, mirror, references)
        found: dict[bytes, bytes] = {}
        for key, named in wanted.items():
            fitting = {
                each.entry_id
                for movement, each in past.items()
                if each.told.references & named and _is_undone(each.told, told[key]) and movement not in known.known
            }
            if len(fitting) == 1:
                found[key] = fitting.pop()
        return found


def payers(entries: Iterable[Entry], payments: OurPayments, mirror: Alias, currency: str) -> dict[int, Payment | None]:
    """Returns by transaction whose money comes back; nobody's where it may be a part of a payment, or came before."""
    found: dict[int, Payment | None] = {}
    for entry in entries:
        if not is_return(entry) or entry.direction == DEBIT:
            continue
        named = {each.number: each for each in coming_back(entry, payments, mirror, currency)}
        for number, detail in enumerate(entry.details):
            if not entry.reversal and detail.returned is None:
                continue
            back = named.get(number)
            is_payers = back is not None and payments.is_sure(back.payment) and back.payment.account != ZERO_ID
            is_whole = back is not None and back.amount_minor == back.payment.amount_minor
            found[id(detail)] = back.payment if back is not None and is_payers and is_whole else None
    return found


def _payment(state: State, detail: Detail) -> InstructionRef | None:
    """Returns the one payment that a transaction names, in one way or another."""
    for names in _ways(names_of(detail)):
        found = payments_named(state, names)
        if len(found) == 1:
            return found[0]
    return None


def _ways(names: PaymentNames) -> list[PaymentNames]:
    """Returns in which ways a transaction may name a payment: a bank gives ids of its own beside ours."""
    ways = [PaymentNames(transaction_id=names.transaction_id), PaymentNames(uetr=names.uetr)]
    if names.message_id:
        ways.append(replace(names, transaction_id="", uetr=""))
    return [each for each in ways if each != PaymentNames()]


def _brought(entry: BankEntry) -> BankEntry:
    return replace(entry, credit_debit=CREDIT)


def _is_undone(brought: Told, taken: Told) -> bool:
    is_deposit = brought.incoming and not brought.reversal
    return is_deposit and brought.amount_minor == taken.amount_minor
