"""The way out of BLOCKED: what two operators decide about a party (ADR 0020)."""

from hashlib import sha256

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.hands import Hand
from ringfence_kernel.proposals.application import Effect, Proposals
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.values.ids import show
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.recent import LookedUp
from ringfence_kernel.writing.writer import Unit

from ringfence_identity.batches import Answer, pending
from ringfence_identity.parties.application.recording import record_of_party
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
        record_of_party(unit, state, proposal.subject, parties.decide_kyc(state, principals, decision, by, nothing))

    def describe(proposal: Proposal) -> str:
        decision = _decision(proposal)
        whose = f"party {show(decision.party)} of platform {show(decision.tenant)}"
        # Another finding makes the party another, and so voids the proposal: these are those of its making.
        findings = ", ".join(each.hex() for each in state.findings.get(proposal.subject, ())) or "none"
        named = f" by decision {show(decision.id)}" if decision.id else ""
        about = f"where findings {findings} name somebody else: {decision.note}"
        return f"lead {whose} from BLOCKED to {decision.to}{named}, {about}"

    return Effect(name=RELEASE, basis=basis, carry_out=carry_out, describe=describe)


def release_waits(proposals: Proposals, subject: bytes) -> bool:
    """Whether a release of the party waits for a second operator."""
    return bool(proposals.about(RELEASE, subject))


def propose_release(proposals: Proposals, unit: Unit, subject: bytes, decision: KycDecision, caller: Caller) -> Answer:
    """Proposes the release of a party, or names the proposal that waits; only its id confirms it.

    Raises SecondPersonRequired, TooManyProposals.
    """
    proposals.sweep(unit)
    for waiting in proposals.about(RELEASE, subject):
        return pending(waiting.id)
    payload = plain.encode(decision)
    made = proposals.propose(unit, RELEASE, subject=subject, payload=payload, caller=caller, tenant=decision.tenant)
    return pending(made)


def _decision(proposal: Proposal) -> KycDecision:
    return plain.decode(memoryview(proposal.payload), KycDecision)
