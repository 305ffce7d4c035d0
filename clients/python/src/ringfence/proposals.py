"""Acts of two people: what waits for the second, in the service that would carry it out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

import grpc
from ringfence_protos.common.v1 import proposals_pb2 as pb
from ringfence_protos.common.v1 import proposals_pb2_grpc

from ringfence.identity import ItemResult
from ringfence.ids import optional
from ringfence.transport import Connection

_PAGE = 1_000
MAX_DECISIONS = 100


class Verdict(IntEnum):
    """What becomes of a proposal: the proposer's own person withdraws it, another confirms or refuses it."""

    CONFIRM = 1
    REFUSE = 2
    WITHDRAW = 3


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What somebody proposed and nobody decided yet; times in UTC nanoseconds.

    `effect` is its kind, such as "custody.AdoptRules", and `subject_id` what it is about; without a tenant it stands
    above all platforms. `payload_sha256` is of what would be done: this is confirmed, and nothing else.
    """

    id: UUID
    effect: str
    subject_id: UUID
    tenant_id: UUID | None
    description: str
    payload_sha256: bytes
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
        """What waits, the oldest first, of one platform or of all; fetched page by page."""
        token, tenant = "", tenant_id.bytes if tenant_id else b""
        while True:
            request = pb.ListProposalsRequest(tenant_id=tenant, page_size=_PAGE, page_token=token)
            page = self._connection.call(self._stub.ListProposals, request)
            yield from map(_proposal, page.proposals)
            if not (token := page.next_page_token):
                return

    def decide(self, proposal_ids: Sequence[UUID], verdict: Verdict, note: str = "") -> list[str]:
        """Decides proposals, at most 100; one reason per id, empty for done, now or before. No personal data in notes.

        A confirmation and what it brings about are one commit.
        """
        decisions = [
            pb.ProposalDecision(proposal_id=each.bytes, verdict=pb.ProposalVerdict.ValueType(verdict), note=note)
            for each in proposal_ids
        ]
        reply = self._connection.call(self._stub.DecideProposals, pb.DecideProposalsRequest(decisions=decisions))
        return [each.reason for each in reply.results]

    def confirm(self, proposal_ids: Sequence[UUID], note: str = "") -> list[ItemResult]:
        """Has them carried out; whoever proposed is refused with SECOND_PERSON_REQUIRED."""
        return [ItemResult(each) for each in self.decide(proposal_ids, Verdict.CONFIRM, note)]

    def refuse(self, proposal_ids: Sequence[UUID], note: str = "") -> list[ItemResult]:
        """Voids them for good."""
        return [ItemResult(each) for each in self.decide(proposal_ids, Verdict.REFUSE, note)]

    def withdraw(self, proposal_ids: Sequence[UUID], note: str = "") -> list[ItemResult]:
        """Takes back what the caller's person has proposed."""
        return [ItemResult(each) for each in self.decide(proposal_ids, Verdict.WITHDRAW, note)]


def _proposal(read: pb.Proposal) -> Proposal:
    return Proposal(
        id=UUID(bytes=read.id),
        effect=read.effect,
        subject_id=UUID(bytes=read.subject_id),
        tenant_id=optional(read.tenant_id),
        description=read.description,
        payload_sha256=read.payload_sha256,
        proposer_id=UUID(bytes=read.proposer_id),
        proposer_person_id=UUID(bytes=read.proposer_person_id),
        made_ns=read.made_ns,
        expires_ns=read.expires_ns,
    )
