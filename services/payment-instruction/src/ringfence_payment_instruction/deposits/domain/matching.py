"""Taking in a bank's notification: each entry once, in whatever file it comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.values.money import currency

from ringfence_payment_instruction.deposits.domain.errors import BankAccountUnknown
from ringfence_payment_instruction.deposits.domain.evidence import (
    BOOKED,
    BankEntry,
    Disposition,
    disposition_of_credit,
    entry_digest,
    entry_id,
    is_incoming,
)
from ringfence_payment_instruction.deposits.domain.state import State
from ringfence_payment_instruction.submissions.domain.errors import EvidenceConflict
from ringfence_payment_instruction.submissions.domain.orders import Alias
from ringfence_payment_instruction.submissions.domain.past import InstructionRef, bank_key
from ringfence_payment_instruction.submissions.domain.reasons import ON_ACCOUNT
from ringfence_payment_instruction.submissions.domain.state import State as Submissions
from ringfence_payment_instruction.submissions.domain.status import Directive, Status

CONFIRMABLE = frozenset({Status.RESERVED, Status.SENT, Status.UNKNOWN, Status.SETTLED})


@dataclass(frozen=True, slots=True)
class MatchedEntry:
    """A new entry, with what it was found to be."""

    id: bytes
    digest: bytes
    entry: BankEntry
    mirror: Alias
    disposition: Disposition
    client: Alias | None = None
    instruction: InstructionRef | None = None
    instruction_id: bytes = ZERO_ID
    reason: str = ""

    @property
    def owner(self) -> bytes:
        """Subject whose key seals its personal data: the client found, else the tenant (it is about a stranger)."""
        return self.client.owner_id if self.client is not None else self.mirror.tenant


@dataclass(frozen=True, slots=True)
class Matching:
    """What a file brings: new entries by tenant, and how many had been handed in before."""

    by_tenant: Mapping[bytes, list[MatchedEntry]]
    duplicates: int

    def new(self) -> list[MatchedEntry]:
        """Returns the new entries of all tenants."""
        return [entry for matched in self.by_tenant.values() for entry in matched]


@dataclass(frozen=True, slots=True)
class Matcher:
    """Finds out what entries are good for, by what is known at this moment.

    `aliases` tells whose IBANs these are; `blocked_for` why money that came in belongs to nobody, as one whom the entry
    names is on a sanctions list in force, or is empty.
    """

    entries: State
    submissions: Submissions
    aliases: Mapping[str, Alias]
    blocked_for: Callable[[BankEntry], str]
    _confirmed: set[InstructionRef] = field(default_factory=set)

    def match(self, entries: Sequence[BankEntry]) -> Matching:
        """Finds out what each booked entry is good for.

        Raises BankAccountUnknown for an account that is no safeguarding account, EvidenceConflict for an entry that was
        handed in before with other content.
        """
        by_tenant: dict[bytes, list[MatchedEntry]] = {}
        seen: dict[bytes, bytes] = {}
        duplicates = 0
        for entry in entries:
            mirror = self.aliases.get(entry.account_iban)
            if mirror is None or not mirror.bank_mirror:
                raise BankAccountUnknown
            if entry.status != BOOKED:
                continue
            identifier, digest = entry_id(mirror.tenant, entry), entry_digest(entry)
            known = self.entries.entry_digest(identifier) or seen.get(identifier)
            if known is not None and known != digest:
                raise EvidenceConflict("an entry reference was used before with other content")
            duplicates += known is not None
            if known is None:
                seen[identifier] = digest
                new = MatchedEntry(identifier, digest, entry, mirror, Disposition.UNMATCHED)
                by_tenant.setdefault(mirror.tenant, []).append(self._match(new))
        return Matching(by_tenant, duplicates)

    def _match(self, new: MatchedEntry) -> MatchedEntry:
        entry, tenant = new.entry, new.mirror.tenant
        if is_incoming(entry):
            creditor = self.aliases.get(entry.creditor_iban)
            disposition, reason = disposition_of_credit(tenant, creditor, self.blocked_for(entry))
            client = creditor if disposition is Disposition.CREDIT_CLIENT else None
            return replace(new, disposition=disposition, reason=reason, client=client)
        ref = None if entry.reversal else self.submissions.sent(entry.transaction_id)
        if ref is None or ref in self._confirmed or not self._is_payment(ref, new):
            return new
        self._confirmed.add(ref)
        instruction_id = self.submissions.known(ref.stream).instruction_id(ref.index)
        return replace(new, disposition=Disposition.CONFIRM, instruction=ref, instruction_id=instruction_id)

    def _is_payment(self, ref: InstructionRef, new: MatchedEntry) -> bool:
        submission = self.submissions.known(ref.stream)
        return (
            submission.tenant == new.mirror.tenant
            # Another bank of the platform's has nothing to say about it.
            and submission.leaves_by(ref.index, new.mirror.account_id)
            and submission.amounts_minor[ref.index] == new.entry.amount_minor
            and currency(submission.ledgers[ref.index]).alpha == new.entry.currency
            # A second debit for the same payment, or one for a failed payment, is the bank's to explain.
            and submission.statuses[ref.index] in CONFIRMABLE
            and submission.directives[ref.index] != Directive.FAIL
            and submission.details.get(ref.index) != ON_ACCOUNT
        )


class Questions(NamedTuple):
    """What matching a file asks about: ids of entries, and the transfers that its debits name."""

    entries: list[bytes]
    payments: list[bytes]


def questions(entries: Sequence[BankEntry], aliases: Mapping[str, Alias]) -> Questions:
    """Returns everything that has to be looked up before a file is matched."""
    mirrors = [(entry, mirror) for entry in entries if (mirror := aliases.get(entry.account_iban)) is not None]
    return Questions(
        [entry_id(mirror.tenant, entry) for entry, mirror in mirrors],
        [bank_key(entry.transaction_id) for entry in entries if entry.transaction_id],
    )
