"""ProposalService: map, call, map back; the same in every service that has acts of two people."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from ringfence_protos.common.v1 import proposals_pb2 as pb
from ringfence_protos.common.v1 import proposals_pb2_grpc

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.proposals.application import Decision, Proposals, Shown, Verdict
from ringfence_kernel.rpc import bounds
from ringfence_kernel.rpc.page_tokens import Question
from ringfence_kernel.rpc.server import Servicer
from ringfence_kernel.values.errors import DomainError, InvalidArgument
from ringfence_kernel.values.pacing import Pace

MAX_DECISIONS = 100
DEFAULT_PAGE = 100
MAX_PAGE = 1_000
MAX_NOTE = 280
_VERDICTS = {
    pb.PROPOSAL_VERDICT_CONFIRM: Verdict.CONFIRM,
    pb.PROPOSAL_VERDICT_REFUSE: Verdict.REFUSE,
    pb.PROPOSAL_VERDICT_WITHDRAW: Verdict.WITHDRAW,
}


class ProposalServicer(proposals_pb2_grpc.ProposalServiceServicer):
    """Serves the proposals of one service."""

    def __init__(self, proposals: Proposals) -> None:
        """Takes the proposals, with every effect registered."""
        self._proposals = proposals

    async def ListProposals(self, request: pb.ListProposalsRequest, context: Any) -> pb.ListProposalsResponse:
        """Returns a page of what waits."""
        tenant = bounds.optional_identifier("tenant_id", request.tenant_id) or b""
        most = bounds.page("page_size", request.page_size, default=DEFAULT_PAGE, maximum=MAX_PAGE)
        question = Question(request)
        (after,) = question.place()
        found, more = await self._proposals.waiting(current_caller(), tenant, after, most)
        last = found[-1].proposal.position if more else 0
        response, pace = pb.ListProposalsResponse(next_page_token=question.token(last)), Pace()
        for each in found:
            response.proposals.append(_shown(each))
            await pace.step()
        return response

    async def DecideProposals(self, request: pb.DecideProposalsRequest, context: Any) -> pb.DecideProposalsResponse:
        """Decides proposals."""
        bounds.size("decisions", len(request.decisions), maximum=MAX_DECISIONS)
        reasons = await self._proposals.decide([*map(_decision, request.decisions)], current_caller())
        return pb.DecideProposalsResponse(results=[pb.ProposalResult(reason=reason) for reason in reasons])


def servicer(proposals: Proposals) -> Servicer:
    """Returns what a service mounts beside its own."""
    return Servicer(
        proposals_pb2_grpc.add_ProposalServiceServicer_to_server,
        ProposalServicer(proposals),
        "ringfence.common.v1.ProposalService",
        heavy=frozenset({"ListProposals", "DecideProposals"}),  # small to ask, whatever waits
    )


def _shown(shown: Shown) -> pb.Proposal:
    proposal = shown.proposal
    return pb.Proposal(
        id=proposal.id,
        effect=proposal.effect,
        subject_id=proposal.subject,
        tenant_id=proposal.tenant,
        description=shown.description,
        payload_sha256=sha256(proposal.payload).digest(),
        proposer_id=proposal.proposer.principal,
        proposer_person_id=proposal.proposer.person,
        made_ns=proposal.made_ns,
        expires_ns=proposal.expires_ns,
    )


def _decision(message: pb.ProposalDecision) -> Decision | DomainError:
    try:
        proposal = bounds.identifier("proposal_id", message.proposal_id)
        if message.verdict not in _VERDICTS:
            raise InvalidArgument("verdict is missing or unknown", field="verdict")
        note = bounds.text("note", message.note, maximum=MAX_NOTE, minimum=0)
    except DomainError as refusal:
        return refusal
    return Decision(proposal, _VERDICTS[message.verdict], note)
