"""Bank entries in clear again: whom they name, and which clients those are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from ringfence_kernel.sealing.envelopes import AssociatedData, EnvelopeBroken, unseal
from ringfence_kernel.telemetry.logs import get
from ringfence_kernel.values.ids import ZERO_ID, show

from ringfence_payment_instruction.deposits.domain.evidence import EvidenceFile
from ringfence_payment_instruction.screening.domain.screened_fields import Side
from ringfence_payment_instruction.submissions.application.ports import Identity, KeyRing
from ringfence_payment_instruction.submissions.domain.orders import Alias, NamedParty
from ringfence_payment_instruction.submissions.domain.submission import slot

_decode = msgspec.msgpack.Decoder(list[Any]).decode
_TEXTS = 5
"""An entry of an earlier release has these alone."""
_LOG = get(__name__)


class Ibans(Protocol):
    """Between whose accounts money moved, by IBAN; empty where the bank did not tell."""

    @property
    def debtor_iban(self) -> str:
        """Whose money it was."""

    @property
    def creditor_iban(self) -> str:
        """Whom it was meant for."""


@dataclass(frozen=True, slots=True)
class OpenedEntry:
    """Whom a bank's entry names; texts are empty where the bank did not tell.

    `owner` is the client that it was found to be for when it came in, or the tenant. One that does not open, as after
    the erasure of its owner, is not `is_readable`: nobody knows whom it names.
    """

    owner: bytes
    debtor_name: str = ""
    debtor_iban: str = ""
    creditor_name: str = ""
    creditor_iban: str = ""
    parties: tuple[NamedParty, ...] = ()
    is_readable: bool = True


async def open_entries(identity: Identity, file: EvidenceFile, indexes: Iterable[int]) -> dict[int, OpenedEntry]:
    """Opens entries of a file, each for itself; raises KeysUnavailable."""
    owners = {index: slot(file.event.owners, index) for index in indexes}
    ring = await identity.keys(set(owners.values()))
    return {index: _opened(file, index, owner, ring) for index, owner in owners.items()}


async def clients_behind(
    identity: Identity, tenant: bytes, entries: Mapping[int, OpenedEntry]
) -> dict[int, dict[Side, bytes]]:
    """Returns the clients behind entries: by whose IBANs they are now, and whom one was for when it came in.

    Raises IdentityUnavailable.
    """
    ibans = {iban for each in entries.values() for iban in (each.debtor_iban, each.creditor_iban) if iban}
    aliases = await identity.resolve(sorted(ibans))
    found = {index: clients_of(each, aliases) for index, each in entries.items()}
    for index, each in entries.items():
        if each.owner != tenant:
            found[index][Side.CREDITOR] = each.owner
    return found


def clients_of(entry: Ibans, aliases: Mapping[str, Alias]) -> dict[Side, bytes]:
    """Returns the clients, of whatever book, whose IBANs an entry names as payer's and payee's."""
    found = {Side.DEBTOR: aliases.get(entry.debtor_iban), Side.CREDITOR: aliases.get(entry.creditor_iban)}
    return {
        side: alias.owner_id
        for side, alias in found.items()
        if alias is not None and alias.owner_id not in (ZERO_ID, alias.tenant)
    }


def _opened(file: EvidenceFile, index: int, owner: bytes, ring: KeyRing) -> OpenedEntry:
    key, sealed = ring.keys.get(owner), file.event.sealed[index]
    if not key or not sealed:
        return OpenedEntry(owner, is_readable=False)
    try:
        content: list[Any] = _decode(unseal(key, sealed, AssociatedData(file.stream, 1, f"entry[{index}]")))
    except EnvelopeBroken:
        _LOG.error("bank_entry_broken", entry=show(slot(file.event.entry_ids, index)))
        return OpenedEntry(owner, is_readable=False)
    others = content[_TEXTS] if len(content) > _TEXTS else []
    name, iban, payee, payee_iban = content[:4]
    return OpenedEntry(owner, name, iban, payee, payee_iban, tuple([(role, text) for role, text in others if text]))
