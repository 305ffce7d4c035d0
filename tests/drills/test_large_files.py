"""Six files as large as any may be are read at once: it costs bounded memory, and others their payments nothing.

Some have as many elements as may be read, and are read to the end before they are refused; some have many times more.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from ringfence.errors import RingfenceError
from ringfence.transport import Patience
from ringfence_local_stack.scenario import Platform, Scenario
from ringfence_local_stack.scenario.payment import Status

FILES, FILE_BYTES = 6, 32 * 1024 * 1024
MOST_MIB = 1_024
"""Six files as they came, and two that are read at a time of one tenant (300 MiB each, README of the service)."""
READ_MIB = 100
"""So much a process has had at least that has kept a whole file and its tree."""
SETTLED_SECONDS, LONGEST_SECONDS = 20.0, 60.0
PAYER, PAYEE = "Aiko Brandt", "Jonas Falk"
NAMESPACE = b"urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
BEGIN = b'<?xml version="1.0"?><Document xmlns="%b"><CstmrCdtTrfInitn><!--%d-->'
END = b"</CstmrCdtTrfInitn></Document>"
KINDS = (
    (b"<a/>", "more than 500,000 elements and attributes"),
    (b"<a>%b</a>" % (b"x" * 61), "This element is not expected"),
)
"""Elements, of which the second are nearly as many as may be, and what the answer says of a file of nothing else."""


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    """A stack of its own, whose callers wait for long answers."""
    with Scenario.private(patience=Patience(call_seconds=120, retry_seconds=120)) as started:
        yield started


@pytest.fixture(scope="module")
def other(scenario: Scenario) -> Platform:
    """A platform that has nothing to do with it, with two clients, one of whom has money."""
    made = scenario.platform(PAYER, PAYEE)
    made.bank.deposit(made.customer(PAYER), 10_000)
    return made


def file_of(elements: bytes, number: int) -> bytes:
    """Returns a pain.001 of nothing but these elements, as large as a file may be; no two are the same."""
    begin = BEGIN % (NAMESPACE, number)
    return begin + elements * ((FILE_BYTES - len(begin) - len(END)) // len(elements)) + END


def peak_mib(pid: int) -> int:
    """Returns the most memory that a process has had resident, in MiB (proc(5), VmHWM)."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) // 1024


def peaks_aside(pid: int) -> dict[int, int]:
    """Returns the peak of each process that a service reads files in, in MiB: one that has just ended has none."""
    peaks = {}
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in children.read_text().split():
                with suppress(OSError, AssertionError):
                    peaks[int(child)] = peak_mib(int(child))
    return peaks


def pay(other: Platform) -> float:
    """Returns after how many seconds another platform's payment has settled."""
    began, payee = time.monotonic(), other.customer(PAYEE)
    other.pay(other.customer(PAYER), payee.iban, PAYEE, 1).wait_for(Status.SETTLED, seconds=LONGEST_SECONDS)
    return time.monotonic() - began


def test_six_large_files_cost_bounded_memory_and_nobody_else_a_payment(scenario: Scenario, other: Platform) -> None:
    """Each is read and refused for what it is; another platform's payments settle all the time."""
    sender, pid = scenario.platform(banked=False), scenario.processes.parts["payment-instruction"].pid
    assert pid is not None
    before, aside = peak_mib(pid), dict[int, int]()

    def send(number: int) -> str:
        elements, told = KINDS[number % len(KINDS)]
        try:
            report = sender.client.payments.submit_file(file_of(elements, number)).status_report
        except RingfenceError as error:
            return error.reason
        return told if told.encode() in report else report.decode()

    with ThreadPoolExecutor(FILES) as pool:
        sending = [pool.submit(send, number) for number in range(FILES)]
        took = [pay(other)]
        while not all(each.done() for each in sending):
            took.append(pay(other))
            aside |= peaks_aside(pid)
    aside |= peaks_aside(pid)
    answers, grown = [each.result() for each in sending], peak_mib(pid) - before
    print(f"{answers}; {grown} MiB more at most, aside {aside}; {len(took)} payments, {max(took):.2f} s at worst")
    assert answers == [KINDS[number % len(KINDS)][1] for number in range(FILES)]
    assert max(aside.values()) >= READ_MIB
    assert grown + sum(aside.values()) <= MOST_MIB
    assert max(took) <= SETTLED_SECONDS
    assert scenario.processes.parts["payment-instruction"].pid == pid
