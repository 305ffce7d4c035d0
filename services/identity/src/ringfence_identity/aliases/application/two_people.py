"""What two operators do with IBANs: bank mirrors, which are a way in for money, and changes on a document."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.hands import Hand
from ringfence_kernel.proposals.application import Effect, Proposals
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.values.ids import show
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.writer import Unit

from ringfence_identity.aliases.domain import aliases
from ringfence_identity.aliases.domain.aliases import Action, Change
from ringfence_identity.aliases.domain.errors import IbanTaken
from ringfence_identity.aliases.domain.events import AliasRegistered
from ringfence_identity.aliases.domain.state import State
from ringfence_identity.batches import APPROVAL_PENDING, DONE, Item, decided
from ringfence_identity.principals.queries import PrincipalQueries

MIRRORS, CHANGES = "identity.RegisterMirrors", "identity.ChangeAliases"
_WORDS = {Action.CONFIRM: "confirm", Action.REMOVE: "remove", Action.MOVE: "move"}


@dataclass(frozen=True, slots=True)
class AliasActs:
    """Proposes what two operators do with IBANs, and carries it out."""

    state: State
    principals: PrincipalQueries
    proposals: Proposals

    def effects(self) -> list[Effect]:
        """Returns what is registered with the proposals of the service."""
        return [
            Effect(
                name=MIRRORS,
                basis=self._basis_of_mirrors,
                carry_out=self._register,
                describe=self._shown_mirrors,
            ),
            Effect(
                name=CHANGES,
                basis=lambda proposal: self._basis(_changes_of(proposal)),
                carry_out=self._change,
                describe=self._shown_changes,
            ),
        ]

    def propose_mirrors(self, unit: Unit, tenant: bytes, mirrors: Sequence[AliasRegistered], caller: Caller) -> bytes:
        """Returns the id of the proposal, empty where there is nothing to propose."""
        if not mirrors:
            return b""
        payload = plain.encode(list(mirrors))
        return self.proposals.propose(unit, MIRRORS, subject=tenant, tenant=tenant, payload=payload, caller=caller)

    def propose_changes(
        self, unit: Unit, tenant: bytes, changes: Sequence[Item[Change]], caller: Caller
    ) -> tuple[list[str], bytes]:
        """Returns a reason per change, and the id of the proposal of those that wait, empty where none does."""
        waiting: list[Change] = []

        def decide(unit: Unit, wanted: Change) -> str:
            if not aliases.change(self.state, wanted, caller.subject):
                return DONE
            waiting.append(wanted)
            return APPROVAL_PENDING

        reasons = decided(unit, changes, decide)
        if not waiting:
            return reasons, b""
        payload = plain.encode(waiting)
        proposal = self.proposals.propose(unit, CHANGES, subject=tenant, tenant=tenant, payload=payload, caller=caller)
        return reasons, proposal

    def record(self, unit: Unit, events: Iterable[Any]) -> None:
        """Records events of aliases, each after the version that its row tells."""
        for event in events:
            if version := self.state.version(event.owner, event.iban_index):
                unit.resume(event.stream, version)
            unit.record(event.stream, event)

    def _register(self, unit: Unit, proposal: Proposal, hand: Hand) -> None:
        mirrors = _mirrors_of(proposal)
        self.principals.require_tenant(proposal.tenant)
        for each in mirrors:
            aliases.require_feed(self.principals, each.bank_feed)
        if any(each.iban_index in self.state.aliases or each.iban_index in self.state.retired for each in mirrors):
            raise IbanTaken
        self.record(unit, [replace(each, by=hand.principal) for each in mirrors])

    def _shown_mirrors(self, proposal: Proposal) -> str:
        mirrors = _mirrors_of(proposal)
        named = "; ".join(
            f"IBAN of index {each.iban_index.hex()} of owner {show(each.owner)} for account {show(each.account)}, "
            "on the word of bank feed " + self._shown_feed(each.bank_feed)
            for each in mirrors
        )
        return f"register {len(mirrors)} bank mirror(s) of platform {show(proposal.tenant)}: {named}"

    def _shown_feed(self, bank_feed: bytes) -> str:
        feed = self.principals.get(bank_feed)
        return f"{feed.name} ({show(bank_feed)})" if feed else show(bank_feed)

    def _shown_changes(self, proposal: Proposal) -> str:
        changes = _changes_of(proposal)
        first = changes[0]
        document = f"on the document {first.document_sha256.hex()}"
        heading = f"{_WORDS[first.action]} {len(changes)} IBAN(s) of platform {show(proposal.tenant)} {document}"
        return f"{heading}: {'; '.join(map(self._shown_change, changes))}"

    def _shown_change(self, wanted: Change) -> str:
        """Returns whose IBAN it becomes, for which account, and whom it is taken from: operators alone read it."""
        owner, index = wanted.owner, wanted.iban_index
        stands = self.state.aliases.get(index)
        own = self.state.claim(owner, index) or self.state.held(owner, index)
        shown = f"IBAN of index {index.hex()}, owner {show(owner)}, account {show(own.account) if own else 'none'}"
        if wanted.action is Action.REMOVE or stands is None or stands.owner == owner:
            return shown
        taken = f"owner {show(stands.owner)} of platform {show(stands.tenant)}, account {show(stands.account)}"
        return f"{shown}, taken from {taken}"

    def _change(self, unit: Unit, proposal: Proposal, hand: Hand) -> None:
        changes = _changes_of(proposal)
        # Everything is decided before anything is recorded: no two are about one IBAN.
        for events in [aliases.change(self.state, each, hand.principal) for each in changes]:
            self.record(unit, events)

    def _basis_of_mirrors(self, proposal: Proposal) -> bytes:
        """Returns a digest of the IBANs, and of the platform and the banks' feeds; these count their changes."""
        mirrors = _mirrors_of(proposal)
        concerned = [self.principals.get(each) for each in (proposal.tenant, *(each.bank_feed for each in mirrors))]
        return sha256(self._basis(mirrors) + plain.encode(concerned)).digest()

    def _basis(self, rows: Sequence[AliasRegistered] | Sequence[Change]) -> bytes:
        """Returns a digest of how each IBAN stands; a version rises with every change."""
        found = sha256()
        for each in rows:
            alias, version = self.state.aliases.get(each.iban_index), self.state.version(each.owner, each.iban_index)
            found.update(repr((alias, version, each.iban_index in self.state.retired)).encode())
        return found.digest()


def _mirrors_of(proposal: Proposal) -> list[AliasRegistered]:
    return plain.decode(memoryview(proposal.payload), list[AliasRegistered])


def _changes_of(proposal: Proposal) -> list[Change]:
    return plain.decode(memoryview(proposal.payload), list[Change])
