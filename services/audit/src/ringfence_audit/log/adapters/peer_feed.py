"""A source's feed over gRPC."""

from __future__ import annotations

from typing import Any

from ringfence_kernel.rpc.client import Peer
from ringfence_kernel.rpc.errors import RemoteError
from ringfence_protos.common.v1 import feed_pb2
from ringfence_protos.common.v1.feed_pb2_grpc import FeedServiceStub

from ringfence_audit.log.application.sources import SourceAway
from ringfence_audit.log.domain.checkpoint import SourceHead

TIMEOUT_SECONDS = 10.0
ATTEMPT_SECONDS = 1.0
"""After so long without an answer, another process of the source is asked."""


class PeerFeed:
    """Reads the feed of one peer service."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    async def read(self, request: feed_pb2.ReadRequest) -> feed_pb2.ReadResponse:
        """Gives events after a position; raises SourceAway."""
        response: feed_pb2.ReadResponse = await self._call("Read", request)
        return response

    async def head(self) -> SourceHead:
        """Gives where the feed stands; raises SourceAway."""
        head = (await self._call("Head", feed_pb2.HeadRequest())).head
        return SourceHead(head.source, head.epoch, head.position, head.hash)

    async def _call(self, method: str, request: object) -> Any:
        try:
            return await self._peer.call(
                FeedServiceStub,
                method,
                request,
                timeout=TIMEOUT_SECONDS,
                attempt_seconds=ATTEMPT_SECONDS,
                idempotent=True,
            )
        except RemoteError as error:
            raise SourceAway(f"{error.code} {error.reason}") from error
