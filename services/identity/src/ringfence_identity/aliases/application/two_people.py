"""What two operators do with IBANs: bank mirrors, which are a way in for money, and changes on a document."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.hands import Hand
from ringfence_kernel.proposals.application import Effect, Proposals
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.writer import Unit

from ringfence_identity.aliases.domain import aliases
from ringfence_identity.aliases.domain.aliases import Action, Change
from ringfence_identity.aliases.domain.errors import IbanTaken
from ringfence_identity.aliases.domain.events import AliasRegistered
from ringfence_identity.aliases.domain.state import State
from ringfence_identity.batches import APPROVAL_PENDING, DONE, Item, decided

MIRRORS, CHANGES = "identity.RegisterMirrors", "identity.ChangeAliases"
_WORDS = {Action.CONFIRM: "confirm", Action.REMOVE: "remove", Action.MOVE: "move"}


@dataclass(frozen=True, slots=True)
class AliasActs:
    """Proposes what two operators do with IBANs, and carries it out."""

    state: State
    proposals: Proposals

    def effects(self) -> list[Effect]:
        """Returns what is registered with the proposals of the service."""
        return [
            Effect(
                name=MIRRORS,
                basis=lambda proposal: self._basis(_mirrors_of(proposal)),
                carry_out=self._register,
                describe=lambda proposal: f"register {len(_mirrors_of(proposal))} bank mirror(s)",
            ),
            Effect(
                name=CHANGES,
                basis=lambda proposal: self._basis(_changes_of(proposal)),
                carry_out=self._change,
                describe=_described,
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
        if any(each.iban_index in self.state.aliases or each.iban_index in self.state.retired for each in mirrors):
            raise IbanTaken
        self.record(unit, [replace(each, by=hand.principal) for each in mirrors])

    def _change(self, unit: Unit, proposal: Proposal, hand: Hand) -> None:
        changes = _changes_of(proposal)
        # Everything is decided before anything is recorded: no two are about one IBAN.
        for events in [aliases.change(self.state, each, hand.principal) for each in changes]:
            self.record(unit, events)

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


def _described(proposal: Proposal) -> str:
    changes = _changes_of(proposal)
    first = changes[0]
    return f"{_WORDS[first.action]} {len(changes)} IBAN(s) on the document {first.document_sha256.hex()}"
