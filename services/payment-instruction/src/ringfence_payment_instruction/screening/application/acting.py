"""What two people do about a list: adopt an edition that lacks much, confirm a quiet one, retire one."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.hands import Hand
from ringfence_kernel.proposals.application import Effect, Proposals
from ringfence_kernel.proposals.domain.errors import ProposalVoid
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_payment_instruction.screening.domain import acts
from ringfence_payment_instruction.screening.domain.acts import Adoption, Statement
from ringfence_payment_instruction.screening.domain.errors import SanctionsListNotFound
from ringfence_payment_instruction.screening.domain.events import (
    SanctionsEditionAdopted,
    SanctionsListConfirmed,
    SanctionsListRetired,
)
from ringfence_payment_instruction.screening.domain.state import State


@dataclass(frozen=True, slots=True)
class ListActs:
    """Proposes acts about lists, and carries them out."""

    writer: GroupWriter
    state: State
    proposals: Proposals

    def effects(self) -> list[Effect]:
        """Returns what this module lets two people bring about."""
        return [
            Effect(
                name=acts.ADOPT,
                basis=lambda proposal: self._basis(Adoption.of(proposal.payload).list_name),
                carry_out=self._adopt,
                describe=lambda proposal: str(Adoption.of(proposal.payload)),
            ),
            Effect(
                name=acts.CONFIRM,
                basis=self._stated,
                carry_out=self._confirm,
                describe=lambda proposal: self._said(proposal, "is still its publisher's: its age counts from now"),
            ),
            Effect(
                name=acts.RETIRE,
                basis=self._stated,
                carry_out=self._retire,
                describe=lambda proposal: self._said(proposal, "is no more used: nobody on it alone is stopped"),
            ),
        ]

    async def propose_confirmation(self, caller: Caller, list_name: str, note: str) -> bytes:
        """Returns the proposal that the edition in force is what its publisher has now; its age counts from now.

        Raises SanctionsListNotFound, and what a proposal raises.
        """
        return await self._propose(caller, acts.CONFIRM, list_name, note)

    async def propose_retirement(self, caller: Caller, list_name: str, note: str) -> bytes:
        """Returns the proposal to use a list no more; raises SanctionsListNotFound, and what a proposal raises."""
        return await self._propose(caller, acts.RETIRE, list_name, note)

    async def _propose(self, caller: Caller, effect: str, list_name: str, note: str) -> bytes:
        def command(unit: Unit) -> bytes:
            current = self.state.lists.get(list_name)
            if current is None:
                raise SanctionsListNotFound
            payload = Statement(list_name, current.digest, note).payload()
            subject = acts.stream_of(list_name)
            return self.proposals.propose(unit, effect, subject=subject, payload=payload, caller=caller)

        return await self.writer.commit(command)

    def _basis(self, list_name: str) -> bytes:
        return self.state.changed.get(list_name, 0).to_bytes(8, "big")

    def _stated(self, proposal: Proposal) -> bytes:
        return self._basis(Statement.of(proposal.payload).list_name)

    def _said(self, proposal: Proposal, what: str) -> str:
        statement = Statement.of(proposal.payload)
        return f"edition {statement.digest.hex()} of sanctions list {statement.list_name} {what}. {statement.note}"

    def _adopt(self, unit: Unit, proposal: Proposal, hand: Hand) -> None:
        adoption = Adoption.of(proposal.payload)
        waiting = self.state.waiting.get(adoption.list_name)
        if waiting is None or waiting.digest != adoption.digest:
            raise ProposalVoid
        unit.record(
            proposal.subject, SanctionsEditionAdopted(adoption.list_name, adoption.digest, adopted_by=hand.principal)
        )

    def _confirm(self, unit: Unit, proposal: Proposal, hand: Hand) -> None:
        statement = Statement.of(proposal.payload)
        unit.record(
            proposal.subject,
            # The publisher was looked at by the proposal at the latest, not by its confirmation.
            SanctionsListConfirmed(statement.list_name, statement.digest, proposal.made_ns, hand.principal),
        )

    def _retire(self, unit: Unit, proposal: Proposal, hand: Hand) -> None:
        statement = Statement.of(proposal.payload)
        unit.record(
            proposal.subject,
            SanctionsListRetired(statement.list_name, statement.digest, statement.note, hand.principal),
        )
