"""Payments that keep flowing while something is done to the platform, and the count afterwards."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from uuid import UUID

from ringfence.ids import new_id
from ringfence.payments import InstructionStatus, NewInstruction
from ringfence_local_stack.demo import onboarding
from ringfence_local_stack.demo.deposits import receive
from ringfence_local_stack.demo.onboarding import Stage
from ringfence_local_stack.demo.script import platforms
from ringfence_local_stack.sandbox.bank import simulated_bank
from ringfence_local_stack.sandbox.birth import spool_folder
from ringfence_local_stack.sandbox.sandbox import Sandbox

BATCH = 20
PAUSE_SECONDS = 0.05
END_SECONDS = 90.0


def open_stage(sandbox: Sandbox) -> Stage:
    """Onboards the example wallet with its clients, accounts, IBANs and deposits."""
    platform = platforms()[1]
    stage, operator = onboarding.enter(sandbox, platform), sandbox.operators[0]
    onboarding.onboard_clients(stage, operator)
    onboarding.open_book(stage)
    onboarding.register_ibans(stage, operator, sandbox.bank_feed)
    onboarding.import_sanctions(operator)
    with simulated_bank(sandbox.stack, [platform.safeguarding_iban]):
        receive(stage, spool_folder(sandbox.stack.directory), sandbox.bank_feed)
    return stage


@dataclass
class Traffic:
    """Two clients pay each other one cent at a time, in batches, for as long as the block lasts."""

    stage: Stage
    instruction_ids: list[UUID] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _failure: BaseException | None = None

    def __enter__(self) -> Traffic:
        """Starts to pay."""
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *reason: object) -> None:
        """Stops, and raises what stopped the traffic before, if anything did."""
        self._stop.set()
        assert self._thread is not None
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._submit()
                time.sleep(PAUSE_SECONDS)
        except BaseException as failure:
            self._failure = failure

    def _submit(self) -> None:
        one, other = self.stage.platform.clients[:2]
        orders = [
            NewInstruction(
                id=new_id(),
                end_to_end_id=f"T{number}",
                debtor_iban=(one, other)[number % 2].iban,
                creditor_iban=(other, one)[number % 2].iban,
                creditor_name=(other, one)[number % 2].name,
                amount_minor=1,
                currency="EUR",
            )
            for number in range(BATCH)
        ]
        self.stage.client.payments.submit(new_id(), orders)
        self.instruction_ids += [order.id for order in orders]

    def wait_for_more(self, count: int) -> None:
        """Waits until as many more instructions have been taken in."""
        until, end = len(self.instruction_ids) + count, time.monotonic() + END_SECONDS
        while len(self.instruction_ids) < until:
            assert self._failure is None, self._failure
            assert time.monotonic() < end, f"{len(self.instruction_ids)} of {until} instructions"
            time.sleep(PAUSE_SECONDS)

    def await_all_settled(self) -> None:
        """Waits until every instruction taken in has settled, each by one transfer of its own."""
        end = time.monotonic() + END_SECONDS
        while True:
            found = [
                each
                for at in range(0, len(self.instruction_ids), 1_000)
                for each in self.stage.client.payments.instructions(self.instruction_ids[at : at + 1_000])
            ]
            open_now = [each for each in found if each.state.status is not InstructionStatus.SETTLED]
            if len(found) == len(self.instruction_ids) and not open_now:
                break
            shown = {(each.state.status.name, each.state.reason) for each in open_now}
            assert time.monotonic() < end, f"{len(open_now)} not settled: {shown}"
            time.sleep(0.2)
        transfers = {each.transfer_id for each in found}
        assert None not in transfers
        assert len(transfers) == len(found)


def transfer_count(stage: Stage) -> int:
    """Returns how many transfers the book has, having seen that it balances."""
    totals = stage.client.custody.totals()
    debits = sum(each.balances.debits_posted_minor for each in totals.classes)
    credits = sum(each.balances.credits_posted_minor for each in totals.classes)
    assert debits == credits
    return totals.transfers
