"""A server, and many clients that connect at the same time, in a process that may crash: `python handshakes.py`."""

from __future__ import annotations

import asyncio
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from ringfence_kernel.telemetry import logs

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.authorities import Issued
from tests.probe_service import SERVICE
from tests.rpc_world import World

THREADS, SECONDS = 16, 4.0


def connect_on_and_on(world: World, client: Issued, until: float) -> int:
    """Makes connections and one call on each; returns how many were answered."""
    credentials = grpc.ssl_channel_credentials(
        world.workload_ca.pem, client.bundle.private_key_pem, client.bundle.certificate_chain_pem
    )
    answered = 0
    while time.monotonic() < until:
        with grpc.secure_channel(
            f"localhost:{world.port}", credentials, [("grpc.use_local_subchannel_pool", 1)]
        ) as channel:
            call: Any = channel.unary_unary(f"/{SERVICE}/Open")
            call(b"", timeout=10)
            answered += 1
    return answered


async def main() -> None:
    """Prints how many connections were answered."""
    logs.configure("probe", "WARNING")
    world = World()
    client, until = world.client_ca.principal(), time.monotonic() + SECONDS
    async with world.served():
        with ThreadPoolExecutor(THREADS) as threads:
            loop = asyncio.get_running_loop()
            calls = [loop.run_in_executor(threads, connect_on_and_on, world, client, until) for _ in range(THREADS)]
            print(sum(await asyncio.gather(*calls)))


asyncio.run(main())
