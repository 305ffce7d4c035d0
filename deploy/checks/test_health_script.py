"""The program of `helm test` that asks for health, against servers of grpc.health.v1 in plaintext."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from concurrent import futures
from types import ModuleType

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from deploy.checks.chart.rendering import CHART

WELL = {"live": True, "ready": True}
Serve = Callable[..., str]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program, which waits for nobody; names of pods lead to this machine."""
    spec = importlib.util.spec_from_file_location("health_script", CHART / "files" / "tests" / "health.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    connect = grpc.insecure_channel
    monkeypatch.setattr(module.grpc, "insecure_channel", lambda at: connect(f"127.0.0.1:{at.rpartition(':')[2]}"))
    monkeypatch.setattr(module, "_SECONDS", 0.0)
    return module


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a process that answers for its health, and returns its address."""
    servers = []

    def start(pod: str, **names: bool) -> str:
        servicer = health.HealthServicer()
        states = health_pb2.HealthCheckResponse
        for name, well in names.items():
            servicer.set(name, states.SERVING if well else states.NOT_SERVING)
        server = grpc.server(futures.ThreadPoolExecutor(2))
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
        return f"{pod}.custody.custodian.svc:{port}"

    yield start
    for server in servers:
        server.stop(None)


def test_all_is_well_where_one_leads(script: ModuleType, serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    """A leader and two standbys, all of them ready."""
    addresses = [serve(f"custody-{number}", **WELL, lead=number == 1) for number in range(3)]
    assert script.main(addresses) == 0
    assert capsys.readouterr().out == "3 processes are well\n"


def test_what_is_not_well_is_named(script: ModuleType, serve: Serve) -> None:
    """A process that is not ready, one that is away, and a service that nobody leads."""
    addresses = [
        serve("custody-0", live=True, ready=False, lead=False),
        "custody-1.custody.custodian.svc:1",
        serve("payment-instruction-0", **WELL, lead=True),
    ]
    assert script.main(addresses) == 1
    assert script.problems(addresses) == [
        "custody-0 is not ready",
        "custody-1 is not live",
        "custody-1 is not ready",
        "of custody there lead: none",
    ]


def test_two_leaders_are_one_too_many(script: ModuleType, serve: Serve) -> None:
    """Of each service exactly one leads."""
    addresses = [serve(f"audit-{number}", **WELL, lead=True) for number in range(2)]
    assert script.problems(addresses) == ["of audit there lead: audit-0, audit-1"]
