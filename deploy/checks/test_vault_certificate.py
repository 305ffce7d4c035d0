"""The container beside OpenBao, with a real server: a certificate that was replaced is shown without a restart."""

from __future__ import annotations

import os
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ringfence_local_stack.processes.ports import LOOPBACK
from ringfence_local_stack.servers.certificates import Authority, infrastructure_id
from ringfence_local_stack.servers.openbao import OpenBaoServer

from deploy.checks.platform.files import load

SECONDS = 30.0


@contextmanager
def beside(server: OpenBaoServer, certificate: Path) -> Iterator[None]:
    """Runs what the container runs, for as long as the block lasts; it looks every second, and at this server alone."""
    [container] = load("three-zones").values["openbao"]["server"]["extraContainers"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    own = {
        "CERTIFICATE": str(certificate),
        "SERVER": f"{variables['SERVER']} -config={certificate.parents[1]}/",
        "INTERVAL": "1",
    }
    assert own.keys() == variables.keys()
    process = subprocess.Popen([*container["command"], *container["args"]], env={"PATH": os.environ["PATH"]} | own)
    try:
        yield
        assert process.poll() is None
    finally:
        process.terminate()
        process.wait(10)


def shown(server: OpenBaoServer) -> str:
    """Returns the certificate that the server shows."""
    return ssl.get_server_certificate((LOOPBACK, server.port)).strip()


def replaced(tls: Path) -> str:
    """Puts another certificate and key in their place, as kubelet does with a Secret that was renewed."""
    Authority("Ringfence OpenBao listener").issue(infrastructure_id("openbao"), tls, "server")
    return (tls / "server.pem").read_text(encoding="ascii")


def comes_to_show(server: OpenBaoServer, certificate: str) -> bool:
    """Waits, within a bound, until the server shows a certificate."""
    end = time.monotonic() + SECONDS
    while shown(server) not in certificate:
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def test_a_renewed_certificate_is_shown_without_a_restart(blank_openbao: OpenBaoServer) -> None:
    """Also one that was renewed while nobody looked; the server's process stays the same, and unsealed."""
    pid, tls = blank_openbao.pid, blank_openbao.ca_file.parent
    before = shown(blank_openbao)
    first = replaced(tls)
    assert shown(blank_openbao) == before
    with beside(blank_openbao, tls / "server.pem"):
        assert comes_to_show(blank_openbao, first)
        assert comes_to_show(blank_openbao, replaced(tls))
    assert blank_openbao.pid == pid
