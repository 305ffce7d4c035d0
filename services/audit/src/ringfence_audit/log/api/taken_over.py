"""TakenOverService: tells a source how far its feed is under a signed checkpoint."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.service import Servicer
from ringfence_protos.audit.v1 import taken_over_pb2, taken_over_pb2_grpc

from ringfence_audit.log.domain.checkpoint import SourceHead
from ringfence_audit.log.domain.state import GENESIS, LogPosition


class TakenOverServicer(taken_over_pb2_grpc.TakenOverServiceServicer):
    """Answers from where the log stands."""

    def __init__(self, standing: Callable[[], Awaitable[LogPosition]]) -> None:
        """Asks `standing` at each call."""
        self._standing = standing

    async def GetTakenOver(
        self, request: taken_over_pb2.GetTakenOverRequest, context: Any
    ) -> taken_over_pb2.GetTakenOverResponse:
        """Answers for the feed of the workload that calls; see the proto."""
        source = current_caller().service or ""
        signed = (await self._standing()).signed
        heads = {each.source: each for each in signed.heads} if signed else {}
        head = heads.get(source, SourceHead(source, 1, 0, GENESIS))
        return taken_over_pb2.GetTakenOverResponse(epoch=head.epoch, position=head.position, hash=head.hash)


def served(standing: Callable[[], Awaitable[LogPosition]]) -> Servicer:
    """Gives the service."""
    return Servicer(
        taken_over_pb2_grpc.add_TakenOverServiceServicer_to_server,
        TakenOverServicer(standing),
        "ringfence.audit.v1.TakenOverService",
    )
