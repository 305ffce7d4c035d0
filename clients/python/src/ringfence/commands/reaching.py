"""Whether anybody is there: asked once before a command begins, so that it need not wait for what nobody runs."""

from __future__ import annotations

import queue
from dataclasses import asdict
from typing import Any

import grpc

from ringfence.credentials import Addresses, Credentials
from ringfence.errors import SetupError
from ringfence.transport import open_channel

_SECONDS = 3.0
_HEALTH = "/grpc.health.v1.Health/Check"
_NOBODY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


class NothingUp(SetupError):
    """No service answers at any of its addresses."""

    subject = "NOTHING_UP"


def require_somebody(addresses: Addresses, credentials: Credentials) -> None:
    """Returns as soon as one service is connected to; raises NothingUp when all refuse, or after three seconds."""
    answered: queue.SimpleQueue[Any] = queue.SimpleQueue()
    channels = [
        open_channel(address, name.replace("_", "-"), credentials)
        for name, listed in asdict(addresses).items()
        for address in listed.split(",")
    ]
    # A call, since a channel whose state is watched cannot be closed at any moment.
    for channel in channels:
        check: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_HEALTH)
        check.future(b"", timeout=_SECONDS).add_done_callback(answered.put)
    try:
        for _ in channels:
            if answered.get().code() not in _NOBODY:
                return
    finally:
        for channel in channels:
            channel.close()
    where = ", ".join(dict.fromkeys(asdict(addresses).values()))
    raise NothingUp(
        f"no service answers at {where}: start them with `ringfence up`, or name them by RINGFENCE_IDENTITY_ADDRESS, "
        "RINGFENCE_CUSTODY_ADDRESS, RINGFENCE_PAYMENT_INSTRUCTION_ADDRESS and RINGFENCE_AUDIT_ADDRESS"
    )
