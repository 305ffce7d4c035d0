"""Rules of a book, adopted by two operators (ADR 0020)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.hands import Hand
from ringfence_kernel.proposals.application import Effect, Proposals
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.values.ids import show
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_custody.ledger.application.recording import record
from ringfence_custody.ledger.application.state import State
from ringfence_custody.ledger.domain.purposes import RulePack
from ringfence_custody.ledger.domain.rule_packs import (
    PurposeRule,
    decide_rules,
    document,
    document_of,
    parsed,
    permissions_gained,
    rules_of,
)

ADOPT = "custody.AdoptRules"


@dataclass(frozen=True, slots=True)
class RuleCommands:
    """Proposes rules; a second operator's confirmation puts them in force. The payload is their canonical text."""

    writer: GroupWriter
    state: State
    proposals: Proposals

    async def propose(
        self, book_id: bytes, version: str, rules: Sequence[PurposeRule], caller: Caller
    ) -> tuple[RulePack, bytes]:
        """Returns the rules in force and the proposal's id, empty where they are in force already.

        Raises RulesBelowMinimum, RulesVersionTaken, TooManyProposals, StoreUnavailable, Overloaded.
        """

        def decide(unit: Unit) -> tuple[RulePack, bytes]:
            book = self.state.look(book_id)
            if decide_rules(book, version, rules, caller.subject, unit.now_ns) is None:
                return book.rules, b""
            payload = document(version, rules).encode()
            made = self.proposals.propose(unit, ADOPT, subject=book_id, payload=payload, caller=caller, tenant=book_id)
            return book.rules, made

        return await self.writer.commit(decide)

    def effect(self) -> Effect:
        """Returns what a confirmation brings about, to be registered once."""
        return Effect(name=ADOPT, basis=self._basis, carry_out=self._adopt, describe=self._described)

    def _basis(self, proposal: Proposal) -> bytes:
        """Returns a digest of the rules in force: nothing but confirmed proposals changes them."""
        return sha256(document_of(self.state.look(proposal.subject).rules).encode()).digest()

    def _adopt(self, unit: Unit, proposal: Proposal, hand: Hand) -> None:
        book = self.state.book(proposal.subject)
        version, rules = parsed(proposal.payload.decode())
        event = decide_rules(book, version, rules, proposal.proposer.principal, unit.now_ns)
        record(unit, proposal.subject, book, event)

    def _described(self, proposal: Proposal) -> str:
        """Returns what would pass that does not now, then what would not any more, then all of the rules."""
        text = proposal.payload.decode()
        before, (_, after) = rules_of(self.state.look(proposal.subject).rules), parsed(text)
        more, less = permissions_gained(before, after), permissions_gained(after, before)
        heads = [f"lets pass: {each}" for each in more] + [f"no longer lets pass: {each}" for each in less]
        return "\n".join([f"rules of book {show(proposal.subject)}", *heads, text])
