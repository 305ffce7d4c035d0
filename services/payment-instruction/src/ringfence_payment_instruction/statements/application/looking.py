"""What is known of whom a telling names before anything is decided: clients by IBAN, and who is on a list."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ringfence_kernel.values.ids import ZERO_ID

from ringfence_payment_instruction.deposits.application.unsealing import clients_of
from ringfence_payment_instruction.deposits.domain.evidence import BLOCKED_FOR, BankEntry, is_incoming
from ringfence_payment_instruction.screening.application.looking import Look, Looking
from ringfence_payment_instruction.screening.application.queries import ListsInForce
from ringfence_payment_instruction.screening.domain.errors import ClientNotIndexed
from ringfence_payment_instruction.statements.domain.naming import part_of, whole_of
from ringfence_payment_instruction.statements.domain.statement import Detail, Entry, Heading
from ringfence_payment_instruction.submissions.domain.orders import Alias

INDEXING_SECONDS, INDEXING_PAUSE_SECONDS = 3.0, 0.05
_SIDES = ("Dbtr", "Cdtr")


@dataclass(frozen=True, slots=True)
class Clients:
    """The clients of a mirror's tenant by IBAN, and why lists keep the money of entries and of their transactions.

    `reasons` go by the identity of the object: entries of one file are alike more often than not.
    """

    by_iban: Mapping[str, Alias]
    reasons: Mapping[int, str]

    def client_of(self, detail: Detail) -> bytes:
        """Returns the account whom a transaction is for, zero where nobody is found or a list names somebody."""
        client = self.by_iban.get(detail.party("Cdtr").account.iban)
        return ZERO_ID if client is None or self.is_blocked(detail) else client.account_id

    def reason_of(self, named: Entry | Detail) -> str:
        """Returns why a list keeps the money, empty where none does."""
        return self.reasons.get(id(named), "")

    def is_blocked(self, named: Entry | Detail) -> bool:
        """Tells whether a list names somebody."""
        return id(named) in self.reasons


def ibans_of(entries: Iterable[Entry]) -> set[str]:
    """Returns the IBANs that entries name as payer's and payee's."""
    parties = (each.party(role) for entry in entries for each in entry.details for role in _SIDES)
    return {party.account.iban for party in parties if party.account.iban}


def named_in(heading: Heading, entries: Iterable[Entry]) -> list[BankEntry]:
    """Returns the transactions of entries that brought money, in clear."""
    parts = (part_of(heading, entry, number) for entry in entries for number in range(max(1, len(entry.details))))
    return [part for part in parts if is_incoming(part)]


async def look_at(
    looking: Looking, lists: ListsInForce, named: Sequence[BankEntry], aliases: Mapping[str, Alias]
) -> Look:
    """Returns a look at the clients that entries name, once they are known to screening; raises as `look`."""
    subjects = {subject for entry in named for subject in clients_of(entry, aliases).values()}
    until = asyncio.get_running_loop().time() + INDEXING_SECONDS
    while True:
        try:
            return await looking.look(lists.current(), subjects)
        except ClientNotIndexed:
            if asyncio.get_running_loop().time() > until:
                raise
        await asyncio.sleep(INDEXING_PAUSE_SECONDS)


def clients_in(
    heading: Heading, entries: Iterable[Entry], tenant: bytes, aliases: Mapping[str, Alias], look: Look
) -> Clients:
    """Returns the tenant's clients, and whom lists name in entries that brought money."""
    clients = {
        iban: alias
        for iban, alias in aliases.items()
        if alias.tenant == tenant and not alias.bank_mirror and not alias.erased
    }
    reasons: dict[int, str] = {}

    def reason_of(named: BankEntry) -> str:
        hit = next(look.hits(named, clients_of(named, aliases)), None)
        return "" if hit is None else BLOCKED_FOR[hit.side]

    for entry in entries:
        whole = whole_of(heading, entry)
        if not is_incoming(whole):
            continue
        found = {id(each): reason_of(part_of(heading, entry, n)) for n, each in enumerate(entry.details)}
        found = {key: reason for key, reason in found.items() if reason}
        reason = next(iter(found.values()), "") or ("" if entry.details else reason_of(whole))
        if reason:
            reasons |= {**found, id(entry): reason}
    return Clients(clients, reasons)
