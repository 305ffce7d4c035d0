"""Asks a service for its health over mutual TLS (grpc.health.v1, without its generated code)."""

from pathlib import Path

import grpc
from ringfence_local_stack.servers.certificates import CertificateFiles

_SECONDS = 2.0
# HealthCheckResponse{status: SERVING}.
_SERVING = b"\x08\x01"


def is_serving(address: str, ca_file: Path, certificate: CertificateFiles, service: str = "") -> bool:
    """Whether the server at `address` (host:port) says SERVING; an unreachable one does not.

    The empty name asks for the process as a whole, a proto service's full name (at most 127 bytes) for that alone.
    """
    name = service.encode()
    request = bytes((0x0A, len(name))) + name if name else b""
    credentials = grpc.ssl_channel_credentials(
        ca_file.read_bytes(), certificate.key.read_bytes(), certificate.certificate.read_bytes()
    )
    with grpc.secure_channel(address, credentials) as channel:
        check: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/grpc.health.v1.Health/Check")
        try:
            return bool(check(request, timeout=_SECONDS) == _SERVING)
        except grpc.RpcError:
            return False
