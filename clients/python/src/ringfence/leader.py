"""Several addresses of one service, of which one leads: calls go where the last one was taken."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import grpc

from ringfence.errors import is_unavailable


def health_options(service: str) -> tuple[tuple[str, str], ...]:
    """Options of a channel whose calls fail at once while its server does not say SERVING (gRFC A17)."""
    config = {"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": service}}
    return (("grpc.service_config", json.dumps(config)),)


class LeaderChannel:
    """A channel for each address; stands in for a channel.

    A call of one request that a server cannot take is made at the next address, within its deadline. gRPC's own
    balancing over a list takes literal addresses only: names are kept here, and resolved again when a server has moved.
    """

    def __init__(self, channels: Sequence[grpc.Channel]) -> None:
        self._channels = channels
        self._leader = 0
        self._is_closed = False

    def unary_unary(self, *arguments: Any, **options: Any) -> Callable[..., Any]:
        """A method with one reply."""
        methods = [each.unary_unary(*arguments, **options) for each in self._channels]

        def call(request: Any, timeout: float, **options: Any) -> Any:
            end, refusals = time.monotonic() + timeout, list[grpc.RpcError]()
            for address in self._addresses():
                try:
                    reply = methods[address](request, timeout=end - time.monotonic(), **options)
                except grpc.RpcError as error:
                    refusals.append(error)
                    if _is_lost(error):
                        self._leave(address)
                    if not is_unavailable(error) or self._is_closed:
                        break
                else:
                    self._leader = address
                    return reply
            # The others say no more than that they do not lead.
            raise refusals[0] if is_unavailable(refusals[-1]) else refusals[-1]

        return call

    def unary_stream(self, *arguments: Any, **options: Any) -> Callable[..., Any]:
        """A method with many replies; a stream that breaks is opened at the next address the next time."""
        methods = [each.unary_stream(*arguments, **options) for each in self._channels]

        def call(*arguments: Any, **options: Any) -> Any:
            address = self._leader
            replies = methods[address](*arguments, **options)

            def ended() -> None:
                # Not CANCELLED: it is this side that ends most streams so.
                if replies.code() is grpc.StatusCode.UNAVAILABLE:
                    self._leave(address)

            replies.add_callback(ended)
            return replies

        return call

    def stream_unary(self, *arguments: Any, **options: Any) -> Callable[..., Any]:
        """A method with many requests, which are gone once they are sent: made again, it goes to the next address."""
        methods = [each.stream_unary(*arguments, **options) for each in self._channels]

        def call(*arguments: Any, **options: Any) -> Any:
            address = self._leader
            try:
                return methods[address](*arguments, **options)
            except grpc.RpcError as error:
                if _is_lost(error):
                    self._leave(address)
                raise

        return call

    def close(self) -> None:
        """Ends all connections; a call that this ends is not made at the next address."""
        self._is_closed = True
        for each in self._channels:
            each.close()

    def _addresses(self) -> Iterator[int]:
        count, first = len(self._channels), self._leader
        return ((first + step) % count for step in range(count))

    def _leave(self, address: int) -> None:
        if self._leader == address:
            self._leader = (address + 1) % len(self._channels)


def _is_lost(error: grpc.RpcError) -> bool:
    """Whether another address may know more of a call."""
    return is_unavailable(error) or error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
