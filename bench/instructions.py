"""Load on payment-instruction: payments inside the book, timed from the submission until all are settled."""

from __future__ import annotations

import time
from uuid import UUID

from ringfence.ids import new_id
from ringfence.payments import InstructionStatus, NewInstruction
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.scenario import Scenario

from bench.book import Book
from bench.controls import Controls
from bench.load import Seen
from bench.rows import Results, row
from bench.stack import MeasuredStack

REQUESTS = {1: 200, 100: 40, 1_000: 10, 8_190: 2}
LOOK_SECONDS = 0.02
SETTLE_SECONDS = 300.0
PAYERS = ("Aiko Brandt", "Jonas Falk")
FUNDS_MINOR = 1_000_000
NOBODY = "Nobody At All"


def instruction_rows(
    measured: MeasuredStack, book: Book, controls: Controls, results: Results, name: str = "instructions"
) -> None:
    """Measures payments of every size, each beside the control of the size."""
    load = InstructionLoad(measured.sandbox)
    for per_request, requests in REQUESTS.items():
        measured.settle(book)
        control = controls.measure(measured, per_request)
        seen = Seen()
        with measured.cpu.during(seen.cpu):
            load.settle(per_request, requests, seen)
        results.add(row(name, per_request, 1, seen, control))


class InstructionLoad:
    """A platform with money on two clients' accounts, who pay each other one cent at a time."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Opens the platform and takes its clients' deposits."""
        scenario = Scenario(sandbox)
        scenario.import_list([NOBODY], "bench")
        self.platform = scenario.platform(*PAYERS)
        self.payers = self.platform.customers(*PAYERS)
        for customer in self.payers:
            self.platform.bank.deposit(customer, FUNDS_MINOR)

    def settle(self, per_request: int, requests: int, seen: Seen) -> None:
        """Submits requests one after the other, then waits until every instruction of all has settled."""
        payments = self.platform.client.payments
        started = time.perf_counter()
        last = []
        for _ in range(requests):
            orders = [self.order(number) for number in range(per_request)]
            began = time.perf_counter()
            payments.submit(new_id(), orders)
            seen.latencies_ms.append((time.perf_counter() - began) * 1_000)
            last.append(orders[-1].id)
            seen.rows += per_request
        for at in range(0, len(last), 1_000):
            self.await_settled(last[at : at + 1_000])
        seen.seconds = time.perf_counter() - started

    def await_settled(self, ids: list[UUID]) -> None:
        """Waits until instructions have settled, at most 1,000."""
        end = time.monotonic() + SETTLE_SECONDS
        while True:
            found = self.platform.client.payments.instructions(ids)
            if len(found) == len(ids) and all(each.state.status is InstructionStatus.SETTLED for each in found):
                return
            if time.monotonic() > end:
                raise RuntimeError("instructions do not settle")
            time.sleep(LOOK_SECONDS)

    def order(self, number: int) -> NewInstruction:
        """Returns a payment of one cent between two clients, there and back in turns."""
        one, other = self.payers
        debtor, creditor = (one, other) if number % 2 else (other, one)
        return self.platform.order(debtor.iban, creditor.iban, creditor.name, 1, end_to_end_id=f"E{number}")
