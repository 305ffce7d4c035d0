"""The way out of BLOCKED: what two operators decide about a party (ADR 0020)."""

from collections.abc import Sequence
from hashlib import sha256

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.hands import Hand
from ringfence_kernel.proposals.application import Decision, Effect, Proposals, Verdict
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.values.ids import show
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.recent import LookedUp
from ringfence_kernel.writing.writer import Unit

from ringfence_identity.batches import DONE, Answer, pending
from ringfence_identity.parties.domain import parties
from ringfence_identity.parties.domain.parties import KycDecision
from ringfence_identity.parties.domain.state import Decided, State
from ringfence_identity.principals.queries import PrincipalQueries

RELEASE = "identity.ReleaseBlockedParty"


def release_effect(state: State, principals: PrincipalQueries) -> Effect:
    """Returns what leads a blocked party back to review."""

    def basis(proposal: Proposal) -> bytes:
        party = state.parties.get(proposal.subject)
        return sha256(plain.encode(party and (party.version, party.kyc, party.erased))).digest()

    def carry_out(unit: Unit, proposal: Proposal, hand: Hand) -> None:
        # A decision that was made before under its id has changed the party, or is in memory.
        nothing: LookedUp[Decided] = LookedUp(0)
        decision, by = _decision(proposal), proposal.proposer.principal
        record_of(unit, state, proposal.subject, parties.decide_kyc(state, principals, decision, by, nothing))

    def describe(proposal: Proposal) -> str:
        decision = _decision(proposal)
        return f"lead party {show(decision.party)} from BLOCKED to {decision.to}: {decision.note}"

    return Effect(name=RELEASE, basis=basis, carry_out=carry_out, describe=describe)


def propose_or_confirm(proposals: Proposals, unit: Unit, decision: KycDecision, caller: Caller) -> Answer:
    """Confirms the release that another operator has proposed of the party, or proposes it.

    Raises SecondPersonRequired, TooManyProposals.
    """
    proposals.sweep(unit)
    for waiting in proposals.about(RELEASE, decision.party):
        if waiting.proposer.principal == caller.subject:
            return pending(waiting.id)
        proposals.decide_within(unit, Decision(waiting.id, Verdict.CONFIRM, decision.note), caller)
        return Answer(DONE)
    payload = plain.encode(decision)
    made = proposals.propose(
        unit, RELEASE, subject=decision.party, payload=payload, caller=caller, tenant=decision.tenant
    )
    return pending(made)


def record_of(unit: Unit, state: State, party: bytes, events: Sequence[object]) -> None:
    """Records events of one party, after the version that its row tells."""
    known = state.parties.get(party)
    if known is not None and events:
        unit.resume(party, known.version)
    unit.record_all(party, events)


def _decision(proposal: Proposal) -> KycDecision:
    return plain.decode(memoryview(proposal.payload), KycDecision)
