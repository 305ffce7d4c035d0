"""Every service tells what it does, and a payment can be followed from one to the next."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.scenario import Platform

from .collector import Collector
from .traffic import Traffic, open_platform

SERVICES = ("identity", "custody", "payment-instruction", "audit")
SECONDS = 30.0


@pytest.fixture(scope="module")
def platform(sandbox: Sandbox) -> Platform:
    """A platform that has paid, and a regulator who has looked."""
    platform = open_platform(sandbox)
    with Traffic(platform) as traffic:
        traffic.wait_for_more(20)
    traffic.await_all_settled()
    sandbox.regulator.audit.checkpoint()
    return platform


def eventually(condition: Callable[[], bool]) -> bool:
    """Waits for what is exported in batches."""
    end = time.monotonic() + SECONDS
    while not condition() and time.monotonic() < end:
        time.sleep(0.2)
    return condition()


@pytest.mark.parametrize("service", SERVICES)
def test_service_emits_spans_and_metrics_of_its_calls(collector: Collector, platform: Platform, service: str) -> None:
    """Each service sends spans named after its methods, and the duration of its calls."""
    assert eventually(lambda: "rpc.server.call.duration" in collector.metrics[service])
    assert eventually(lambda: any("ringfence." in name for name in collector.spans[service]))
    assert "rpc.system.name" in collector.attributes[service]


def test_one_trace_spans_the_services_that_a_payment_passes(collector: Collector, platform: Platform) -> None:
    """A submission's trace goes on in identity, which authorises it."""
    assert eventually(
        lambda: any({"payment-instruction", "identity"} <= services for services in collector.services_in.values())
    )


def test_follower_links_to_the_trace_of_the_event(collector: Collector, platform: Platform) -> None:
    """What audit takes over links to traces in which custody and payment-instruction took part."""
    assert eventually(lambda: any(service == "audit" for service, _ in collector.linked))
    linked = {trace for service, trace in collector.linked if service == "audit"}
    assert eventually(lambda: any(collector.services_in[trace] - {"audit"} for trace in linked))
