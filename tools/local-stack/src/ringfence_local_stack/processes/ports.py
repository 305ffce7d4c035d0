"""Free TCP ports on the loopback address, found by binding and never assumed."""

import random
import socket
from collections import deque
from pathlib import Path

from ringfence_local_stack.errors import LocalStackError

LOOPBACK = "127.0.0.1"
_LOWEST = 15_000
_ATTEMPTS = 50
_CLAIMS = 256
# Ports that this process gave out, which their servers may not have bound yet: others see the names of the newest.
_given: set[int] = set()
_claims: deque[socket.socket] = deque()
_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(count: int) -> list[int]:
    """Returns `count` different ports that were free a moment ago, and that no process has just been given.

    Ports below the kernel's ephemeral range are preferred: a server that is killed and started again must find its
    port again, and one from the ephemeral range could by then belong to some outgoing connection.
    """
    held: list[socket.socket] = []
    try:
        for _ in range(count):
            held.append(_bind_any())
        ports = [int(sock.getsockname()[1]) for sock in held]
        _given.update(ports)
        return ports
    finally:
        for sock in held:
            sock.close()


def free_port() -> int:
    """Returns one free port; see `free_ports`."""
    return free_ports(1)[0]


def _bind_any() -> socket.socket:
    ceiling = _ephemeral_floor()
    for _ in range(_ATTEMPTS):
        port = random.randrange(_LOWEST, ceiling) if ceiling > _LOWEST else 0
        if port not in _given and (sock := _bind(port)):
            if not port or _claim(port):
                return sock
            sock.close()
    raise LocalStackError(f"no free port was found in {_ATTEMPTS} attempts")


def _bind(port: int) -> socket.socket | None:
    sock = socket.socket()
    try:
        sock.bind((LOOPBACK, port))
    except OSError:
        sock.close()
        return None
    return sock


def _claim(port: int) -> bool:
    """Tells whether no other process has claimed the port; the name of a claim ends with its process (`unix(7)`)."""
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0ringfence-port-{port}")
    except OSError:
        claim.close()
        return False
    _claims.append(claim)
    if len(_claims) > _CLAIMS:
        _claims.popleft().close()
    return True


def _ephemeral_floor() -> int:
    """The first ephemeral port, or 0 where the system does not tell."""
    try:
        return int(_EPHEMERAL_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0
