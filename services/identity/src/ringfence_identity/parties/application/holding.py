"""Handlers of legal holds: one operator places them, two lift them."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.hands import Hand
from ringfence_kernel.proposals.application import Effect, Proposals
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.values.ids import show
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_identity.batches import APPROVAL_PENDING, DONE, decide_each, decided
from ringfence_identity.parties.application.recording import record_of_party
from ringfence_identity.parties.domain import legal_holds
from ringfence_identity.parties.domain.state import State
from ringfence_identity.principals.queries import PrincipalQueries

LIFT = "identity.LiftLegalHold"


@dataclass(frozen=True, slots=True)
class Lift:
    """A party that an order is to hold no longer."""

    tenant: bytes
    party: bytes
    order_reference: str


@dataclass(frozen=True, slots=True)
class LegalHolds:
    """Places legal holds, and has two operators lift them."""

    writer: GroupWriter
    state: State
    principals: PrincipalQueries
    proposals: Proposals

    def effects(self) -> list[Effect]:
        """Returns what is registered with the proposals of the service."""
        return [Effect(name=LIFT, basis=self._basis, carry_out=self._lift, describe=_described)]

    async def hold(self, tenant: bytes, parties: Sequence[bytes], order_reference: str, by: bytes) -> list[str]:
        """Returns one reason per party; raises OperatorRequired."""
        self.principals.require_operator(by)

        def hold_one(unit: Unit, party: bytes) -> str:
            events = legal_holds.hold(self.state, tenant, party, order_reference, by)
            record_of_party(unit, self.state, self.state.subject_of(tenant, party), events)
            return DONE

        return await decide_each(self.writer, parties, hold_one)

    async def propose_lifting(
        self, tenant: bytes, parties: Sequence[bytes], order_reference: str, caller: Caller
    ) -> tuple[list[str], bytes]:
        """Returns one reason per party, and the proposal of those that are held by the order, empty where none is."""
        self.principals.require_operator(caller.subject)

        def propose(unit: Unit) -> tuple[list[str], bytes]:
            waiting: list[Lift] = []

            def decide(unit: Unit, party: bytes) -> str:
                if not legal_holds.lift(self.state, tenant, party, order_reference, caller.subject):
                    return DONE
                waiting.append(Lift(tenant, party, order_reference))
                return APPROVAL_PENDING

            reasons = decided(unit, list(dict.fromkeys(parties)), decide)
            if not waiting:
                return reasons, b""
            payload = plain.encode(waiting)
            proposal = self.proposals.propose(unit, LIFT, subject=tenant, tenant=tenant, payload=payload, caller=caller)
            return reasons, proposal

        return await self.writer.commit(propose, weight=len(parties))

    def _lift(self, unit: Unit, proposal: Proposal, hand: Hand) -> None:
        lifted = [
            (each, legal_holds.lift(self.state, each.tenant, each.party, each.order_reference, hand.principal))
            for each in _lifts_of(proposal)
        ]
        for each, events in lifted:
            record_of_party(unit, self.state, self.state.subject_of(each.tenant, each.party), events)

    def _basis(self, proposal: Proposal) -> bytes:
        found = sha256()
        for each in _lifts_of(proposal):
            party = self.state.parties.get(self.state.subject_of(each.tenant, each.party))
            found.update(repr(party and (party.id, party.version)).encode())
        return found.digest()


def _lifts_of(proposal: Proposal) -> list[Lift]:
    return plain.decode(memoryview(proposal.payload), list[Lift])


def _described(proposal: Proposal) -> str:
    lifts = _lifts_of(proposal)
    named = ", ".join(show(each.party) for each in lifts)
    held = f"held by the order {lifts[0].order_reference}"
    return f"let go of {len(lifts)} client(s) of platform {show(proposal.tenant)} {held}: {named}"
