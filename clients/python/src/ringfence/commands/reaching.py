"""Whether anybody is there: asked once before a command begins, so that it need not wait for what nobody runs."""

from __future__ import annotations

import queue
import time
from dataclasses import asdict

import grpc

from ringfence.credentials import Addresses, Credentials
from ringfence.errors import SetupError
from ringfence.transport import open_channel

_SECONDS = 3.0


class NothingUp(SetupError):
    """No service answers at any of its addresses."""

    subject = "NOTHING_UP"


def require_somebody(addresses: Addresses, credentials: Credentials) -> None:
    """Returns as soon as one service is connected to; raises NothingUp when all refuse, or after three seconds."""
    found: queue.SimpleQueue[grpc.ChannelConnectivity] = queue.SimpleQueue()
    channels = [
        open_channel(address, name.replace("_", "-"), credentials)
        for name, listed in asdict(addresses).items()
        for address in listed.split(",")
    ]
    for channel in channels:
        channel.subscribe(_Verdict(found), try_to_connect=True)
    end = time.monotonic() + _SECONDS
    try:
        for _ in channels:
            if found.get(timeout=max(0.0, end - time.monotonic())) is grpc.ChannelConnectivity.READY:
                return
    except queue.Empty:
        pass
    finally:
        for channel in channels:
            channel.close()
    where = ", ".join(dict.fromkeys(asdict(addresses).values()))
    raise NothingUp(
        f"no service answers at {where}: start them with `ringfence up`, or name them by RINGFENCE_IDENTITY_ADDRESS, "
        "RINGFENCE_CUSTODY_ADDRESS, RINGFENCE_PAYMENT_INSTRUCTION_ADDRESS and RINGFENCE_AUDIT_ADDRESS"
    )


class _Verdict:
    """Puts the first of ready and refused that a channel comes to into the queue."""

    def __init__(self, found: queue.SimpleQueue[grpc.ChannelConnectivity]) -> None:
        self._found, self._is_known = found, False

    def __call__(self, state: grpc.ChannelConnectivity) -> None:
        is_verdict = state in (grpc.ChannelConnectivity.READY, grpc.ChannelConnectivity.TRANSIENT_FAILURE)
        if is_verdict and not self._is_known:
            self._is_known = True
            self._found.put(state)
