"""`/metrics`: what is scraped is what is measured, asked of the event loop, and gone with the process."""

from __future__ import annotations

import asyncio
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from ringfence_kernel.telemetry import gauges as observed
from ringfence_kernel.telemetry.gauges import Gauges, Reading
from ringfence_kernel.telemetry.scraping import Scraping
from ringfence_kernel.telemetry.tracing import Telemetry
from ringfence_local_stack.processes.ports import LOOPBACK, free_port
from structlog.testing import capture_logs


@pytest.fixture
def scraped() -> Iterator[tuple[Telemetry, int]]:
    """Telemetry that can be scraped at a port."""
    scraping, port = Scraping(), free_port()
    telemetry = Telemetry.start("probe", metric_reader=scraping.reader)
    end = scraping.listen(LOOPBACK, port)
    yield telemetry, port
    end()


def scrape(port: int) -> str:
    """What Prometheus would get."""
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        return str(answer.read().decode())


def test_scrape_shows_own_instruments_with_the_service_and_nothing_else(scraped: tuple[Telemetry, int]) -> None:
    """A counter bears its unit, its attributes and the service; nothing of the library's own is shown."""
    telemetry, port = scraped
    telemetry.meter.create_counter("ringfence.probe.waits", "s", "Seconds waited.").add(2.5, {"ringfence.source": "x"})
    shown = [line for line in scrape(port).splitlines() if not line.startswith("#")]
    assert shown == ['ringfence_probe_waits_seconds_total{ringfence_source="x",service_name="probe"} 2.5']


async def test_gauges_are_looked_at_on_the_event_loop_when_somebody_scrapes(scraped: tuple[Telemetry, int]) -> None:
    """A look runs in the loop's thread, once per scrape, and never by itself; one `aside` runs where it is asked."""
    telemetry, port = scraped
    looks: list[int] = []

    def look() -> list[tuple[float, dict[str, str]]]:
        looks.append(threading.get_ident())
        return [(len(looks), {"ringfence.source": "x"})]

    gauges = Gauges(telemetry.meter)
    gauges.observe("ringfence.probe.looks", "{look}", "Looks.", look)
    gauges.observe("ringfence.probe.looks", "{look}", "Looks.", lambda: [(7, {"ringfence.source": "y"})])
    gauges.observe("ringfence.probe.thread", "1", "Thread.", lambda: [(threading.get_ident(), {})], aside=True)
    await asyncio.sleep(0.05)
    assert looks == []
    first, second = [await asyncio.to_thread(scrape, port) for _ in range(2)]
    assert looks == [threading.get_ident()] * 2
    assert 'ringfence_probe_looks{ringfence_source="x",service_name="probe"} 1.0' in first
    assert 'ringfence_probe_looks{ringfence_source="x",service_name="probe"} 2.0' in second
    assert 'ringfence_probe_looks{ringfence_source="y",service_name="probe"} 7.0' in second
    assert f'ringfence_probe_thread{{service_name="probe"}} {float(threading.get_ident())}' not in second
    assert "ringfence_probe_thread{" in second


async def test_busy_loop_costs_a_gauge_and_not_the_scrape(
    scraped: tuple[Telemetry, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the loop does not answer in time, or is about to end, the gauge is left out and the rest is shown."""
    monkeypatch.setattr(observed, "LOOK_SECONDS", 0.05)
    telemetry, port = scraped
    telemetry.meter.create_counter("ringfence.probe.events").add(1)
    gauges = Gauges(telemetry.meter)
    gauges.observe("ringfence.probe.looks", "{look}", "Looks.", lambda: [(1, {})])
    scraping = threading.Thread(target=lambda: texts.append(scrape(port)))
    texts: list[str] = []
    scraping.start()
    scraping.join()  # holds the loop up until the scrape has ended
    gauges.close()
    texts.append(await asyncio.to_thread(scrape, port))
    for text in texts:
        assert "ringfence_probe_events_total" in text
        assert "ringfence_probe_looks" not in text


async def test_a_scrape_waits_for_the_loop_once(
    scraped: tuple[Telemetry, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many gauges there are, a busy loop costs the time for one look, and one line in the log."""
    monkeypatch.setattr(observed, "LOOK_SECONDS", 0.05)
    telemetry, port = scraped
    gauges = Gauges(telemetry.meter)
    for number in range(3):
        gauges.observe(f"ringfence.probe.looks_{number}", "{look}", "Looks.", lambda: [(1, {})])
    scraping = threading.Thread(target=scrape, args=(port,))
    with capture_logs() as lines:
        scraping.start()
        scraping.join()  # holds the loop up until the scrape has ended
    assert [(line["event"], line.get("gauges")) for line in lines] == [("gauges_left_out", 3)]
    assert (await asyncio.to_thread(scrape, port)).count("# TYPE ringfence_probe_looks_") == 3


async def test_a_look_that_fails_costs_its_gauge_alone(scraped: tuple[Telemetry, int]) -> None:
    """What one look raises is in nobody else's way, though all are taken together."""
    telemetry, port = scraped
    gauges = Gauges(telemetry.meter)
    gauges.observe("ringfence.probe.broken", "1", "Broken.", lambda: [(1 // 0, {})])
    gauges.observe("ringfence.probe.whole", "1", "Whole.", lambda: [(1, {})])
    shown = await asyncio.to_thread(scrape, port)
    assert "ringfence_probe_whole" in shown
    assert "ringfence_probe_broken" not in shown


async def test_a_start_and_a_scrape_do_not_wait_for_each_other(scraped: tuple[Telemetry, int]) -> None:
    """Until all gauges are there a scrape asks the loop for nothing: it might be waiting to add the next one."""
    telemetry, port = scraped
    telemetry.meter.create_counter("ringfence.probe.events").add(1)
    gauges = Gauges(telemetry.meter, is_open=False)
    gauges.observe("ringfence.probe.looks", "{look}", "Looks.", lambda: [(1, {})])
    texts: list[str] = []
    scraping = threading.Thread(target=lambda: texts.append(scrape(port)))
    with capture_logs() as lines:
        scraping.start()
        scraping.join()  # holds the loop up until the scrape has ended
    assert lines == []
    assert "ringfence_probe_events_total" in texts[0]
    gauges.open()
    assert "ringfence_probe_looks" in await asyncio.to_thread(scrape, port)


def test_only_reading_is_answered_and_the_port_is_free_afterwards() -> None:
    """A POST is refused; once ended, the port can be taken again; a port that is taken is refused."""
    scraping, port = Scraping(), free_port()
    Telemetry.start("probe", metric_reader=scraping.reader)
    end = scraping.listen(LOOPBACK, port)
    with pytest.raises(urllib.error.HTTPError, match="405"):
        urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", data=b"x", timeout=10)
    with pytest.raises(OSError, match="in use"):
        Scraping().listen(LOOPBACK, port)
    end()
    with pytest.raises(urllib.error.URLError):
        scrape(port)
    Scraping().listen(LOOPBACK, port)()


async def test_readings_are_of_the_last_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked at on the loop, and then gone through in a thread; one that fails there is left out, as one that fails
    at once; and whoever asks again soon is told the same."""
    looks, gone_through = list[int](), list[int]()
    gauges = Gauges(MeterProvider().get_meter("test"))

    def failing() -> Iterator[tuple[float, dict[str, str]]]:
        gone_through.append(threading.get_ident())
        yield 1, {}
        raise RuntimeError

    def look() -> list[tuple[float, dict[str, str]]]:
        looks.append(threading.get_ident())
        return [(len(looks), {"b": "y", "a": "x"})]

    gauges.observe("ringfence.probe.broken", "1", "Broken.", failing)
    gauges.observe("ringfence.probe.failed", "1", "Failed.", lambda: [(1 // 0, {})])
    gauges.observe("ringfence.probe.looks", "{look}", "Looks.", look)
    first, second = await asyncio.gather(gauges.readings(), gauges.readings())
    assert first == second == [Reading("ringfence.probe.looks", "{look}", "a=x,b=y", 1.0)]
    assert looks == [threading.get_ident()]
    assert len(gone_through) == 1
    assert gone_through != looks
    monkeypatch.setattr(observed, "READING_SECONDS", 0)
    assert [each.value for each in await gauges.readings()] == [2.0]
