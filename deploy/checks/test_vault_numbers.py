"""What a real OpenBao shows to Prometheus under our settings is what alerts ask for."""

from __future__ import annotations

import json
import ssl
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from ringfence_local_stack.servers.openbao import OpenBaoServer

from deploy.checks.infra.hcl import parse
from deploy.checks.platform.files import load
from deploy.checks.test_platform_rules import RULES

SECONDS = 30.0


def telemetry() -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns what production's configuration says of numbers: of the server, and of its listener."""
    config = parse(load("three-zones").values["openbao"]["server"]["ha"]["raft"]["config"])
    [listener] = [each["tcp"] for each in config["listener"]]
    of_server, of_listener = ({name: value for name, [value] in block.items()} for block in
                              (*config["telemetry"], *listener["telemetry"]))  # fmt: skip
    return of_server, of_listener


@pytest.fixture
def server(blank_openbao: OpenBaoServer) -> OpenBaoServer:
    """A server that is opened again under these settings."""
    file: Path = blank_openbao.ca_file.parents[1] / "openbao.json"
    of_server, of_listener = telemetry()
    config = json.loads(file.read_text(encoding="utf-8"))
    config["telemetry"] = of_server
    config["listener"][0]["tcp"]["telemetry"] = of_listener
    blank_openbao.stop()
    file.write_text(json.dumps(config), encoding="utf-8")
    blank_openbao._process.start()
    return blank_openbao


def shown(server: OpenBaoServer) -> str:
    """Returns the numbers, asked for without a token; nothing while the server does not answer."""
    trust = ssl.create_default_context(cafile=str(server.ca_file))
    try:
        with urllib.request.urlopen(f"{server.address}/v1/sys/metrics?format=prometheus", context=trust) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def comes_to_show(server: OpenBaoServer, *series: str) -> bool:
    """Waits, within a bound, until the server shows series that begin so."""
    end = time.monotonic() + SECONDS
    while not all(f"\n{each}" in shown(server) for each in series):
        if time.monotonic() > end:
            return False
        time.sleep(0.5)
    return True


def test_what_alerts_ask_of_the_vault_is_shown(server: OpenBaoServer) -> None:
    """A sealed server says so itself, without a token; an open one says how many losses it survives."""
    asked = " ".join(rule["expr"] for rule in RULES)
    assert {"vault_core_unsealed", "vault_autopilot_failure_tolerance"} <= set(
        asked.replace("(", " ").replace(")", " ").split()
    )
    assert comes_to_show(server, 'vault_core_unsealed{cluster=""} 0')
    server.unseal()
    assert comes_to_show(server, 'vault_core_unsealed{cluster="vault-cluster-', "vault_autopilot_failure_tolerance 0")
