"""The console of a custodian and of a supervisor over example ports: every page that there is, and no service."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Thread
from typing import Any

import uvicorn
from ringfence_console import Host, OneTimeLink, console

from clients.console.tests.desks import FakeDays, FakeParts, Payment, WholeDesk
from clients.console.tests.example import STEP_NS, ExampleFacts, ExampleLog, account, host
from clients.verifier.tests.notes import leaf

LOOPBACK = "127.0.0.1"
PAYOUT = 18
"""The fact by which the payout is booked."""
CALLED = "<b>Bank\u202e &amp; S\u00f6hne</b>\u0007\N{PILE OF POO}" + "Unbreakable" * 20


@dataclass(frozen=True)
class Served:
    """A console that answers: its address, and the links that let a browser in."""

    address: str
    links: list[str]
    work: WholeDesk
    host: Host

    @property
    def facts(self) -> ExampleFacts:
        """The log that it shows."""
        assert isinstance(self.host.facts, ExampleFacts)
        return self.host.facts

    @property
    def entrance(self) -> str:
        """The newest link."""
        return f"{self.address}/enter?key={self.links[-1]}"


class PaidOut(ExampleLog):
    """The example log, in which some of the first deposit is paid out again later."""

    def _leaf(self, number: int) -> bytes:
        if number != PAYOUT:
            return super()._leaf(number)
        ids = {"debit_account_id": account(3), "credit_account_id": account(0), "transfer_id": account(100 + number)}
        moved = {"amount_minor": 100_000, "ledger": 978, "flags": 0, "code": 2, "tenant_id": account(60)}
        times = {
            "time_ns": 1_796_048_159_914_290_969 + number * STEP_NS,
            "position": number,
            "source": "custody",
            "ordinal": 0,
        }
        return leaf("custody.transfer.v1", **times, **ids, **moved)


def whole_host(work: WholeDesk, facts: ExampleFacts | None = None) -> Host:
    """Brings everything."""
    return replace(host(facts or ExampleFacts()), work=work, days=FakeDays(), parts=FakeParts())


@contextmanager
def served(facts: ExampleFacts | None = None) -> Iterator[Served]:
    """Serves all pages to whoever has a link, of a log that may be another than the example."""
    links: list[str] = []
    work = WholeDesk(Payment())
    with socket.create_server((LOOPBACK, 0)) as listening:
        named = f"{LOOPBACK}:{listening.getsockname()[1]}"
        host_ = whole_host(work, facts)
        application = console(host_, OneTimeLink(links.append), [named])
        with answering(application, listening):
            yield Served(f"http://{named}", links, work, host_)


@contextmanager
def answering(application: Any, listening: socket.socket) -> Iterator[None]:
    """Answers in a thread of its own."""
    server = uvicorn.Server(uvicorn.Config(application, log_config=None, access_log=False, lifespan="off", ws="none"))
    thread = Thread(target=asyncio.run, args=(server.serve([listening]),), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
