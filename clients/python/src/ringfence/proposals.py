"""What one person has proposed and another decides, in one of the services."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import grpc
from ringfence_protos.common.v1 import proposals_pb2 as pb
from ringfence_protos.common.v1 import proposals_pb2_grpc

from ringfence.identity import ItemResult
from ringfence.transport import Connection

_PAGE = 1_000


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What waits for a second person; `tenant_id` is None for what stands above all platforms.

    What is confirmed is `payload_sha256` (hexadecimal) and nothing else. Times are UTC nanoseconds.
    """

    id: UUID
    effect: str
    subject_id: UUID
    tenant_id: UUID | None
    description: str
    payload_sha256: str
    proposer_id: UUID
    proposer_person_id: UUID
    made_ns: int
    expires_ns: int


class Proposals:
    """The proposals of one service, as far as the caller may decide them or has made them."""

    def __init__(self, channel: grpc.Channel, connection: Connection) -> None:
        self._connection = connection
        self._stub = proposals_pb2_grpc.ProposalServiceStub(channel)

    def waiting(self, tenant_id: UUID | None = None) -> Iterator[Proposal]:
        """Those that wait, the oldest first: of one platform, or all."""
        request = pb.ListProposalsRequest(tenant_id=tenant_id.bytes if tenant_id else b"", page_size=_PAGE)
        while True:
            page = self._connection.call(self._stub.ListProposals, request)
            yield from map(_proposal, page.proposals)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def confirm(self, proposal_ids: Sequence[UUID], note: str = "") -> list[ItemResult]:
        """Has them carried out; whoever proposed is refused with SECOND_PERSON_REQUIRED."""
        return self._decide(proposal_ids, pb.PROPOSAL_VERDICT_CONFIRM, note)

    def refuse(self, proposal_ids: Sequence[UUID], note: str = "") -> list[ItemResult]:
        """Voids them for good."""
        return self._decide(proposal_ids, pb.PROPOSAL_VERDICT_REFUSE, note)

    def withdraw(self, proposal_ids: Sequence[UUID], note: str = "") -> list[ItemResult]:
        """Takes back what the caller's person has proposed."""
        return self._decide(proposal_ids, pb.PROPOSAL_VERDICT_WITHDRAW, note)

    def _decide(
        self, proposal_ids: Sequence[UUID], verdict: pb.ProposalVerdict.ValueType, note: str
    ) -> list[ItemResult]:
        decisions = [pb.ProposalDecision(proposal_id=each.bytes, verdict=verdict, note=note) for each in proposal_ids]
        request = pb.DecideProposalsRequest(decisions=decisions)
        return [ItemResult(each.reason) for each in self._connection.call(self._stub.DecideProposals, request).results]


def _proposal(shown: pb.Proposal) -> Proposal:
    return Proposal(
        id=UUID(bytes=shown.id),
        effect=shown.effect,
        subject_id=UUID(bytes=shown.subject_id),
        tenant_id=UUID(bytes=shown.tenant_id) if shown.tenant_id else None,
        description=shown.description,
        payload_sha256=shown.payload_sha256.hex(),
        proposer_id=UUID(bytes=shown.proposer_id),
        proposer_person_id=UUID(bytes=shown.proposer_person_id),
        made_ns=shown.made_ns,
        expires_ns=shown.expires_ns,
    )
