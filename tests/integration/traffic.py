"""Payments that keep flowing while something is done to the platform, and the count afterwards."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from uuid import UUID

from ringfence.audit import Finding
from ringfence.client import Client
from ringfence.identity import KycStatus
from ringfence.ledger import AccountClass
from ringfence.payments import InstructionStatus
from ringfence_local_stack.sandbox.onboarding import decide_kyc
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.scenario import Platform, Scenario

PAYERS = ("Aiko Brandt", "Jonas Falk")
FUNDS_MINOR = 1_000_000
BATCH = 20
PAUSE_SECONDS = 0.05
END_SECONDS = 90.0
ACTIVE_SECONDS = 60.0


def open_platform(sandbox: Sandbox) -> Platform:
    """Opens a platform with two clients who have money, a third who is still being looked at, and own accounts."""
    platform = Scenario(sandbox).platform(*PAYERS)
    for customer in platform.customers(*PAYERS):
        platform.bank.deposit(customer, FUNDS_MINOR)
    for account_class in (AccountClass.FEE, AccountClass.PLATFORM):
        platform.account(account_class)
    doubtful = platform.party("Rosa Lindqvist", verified=False)
    platform.account(AccountClass.CLIENT, owner=doubtful, active=False)
    for status in (KycStatus.CHECKING, KycStatus.REVIEW):
        decide_kyc(sandbox.operators[0], platform.id, [doubtful.id], status, "the photograph does not match")
    return platform


@dataclass
class Traffic:
    """Two clients pay each other one cent at a time, in batches, for as long as the block lasts."""

    platform: Platform
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
        one, other = self.platform.customers(*PAYERS)
        ways = [((one, other), (other, one))[number % 2] for number in range(BATCH)]
        orders = [self.platform.order(debtor.iban, creditor.iban, creditor.name, 1) for debtor, creditor in ways]
        self.platform.submit(orders)
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
                for each in self.platform.client.payments.instructions(self.instruction_ids[at : at + 1_000])
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


def transfer_count(client: Client) -> int:
    """Returns how many transfers the caller's book has, having seen that it balances."""
    totals = client.custody.totals()
    debits = sum(each.balances.debits_posted_minor for each in totals.classes)
    credits = sum(each.balances.credits_posted_minor for each in totals.classes)
    assert debits == credits
    return totals.transfers


def await_log_complete(sandbox: Sandbox) -> None:
    """Waits until the log has reached the head of every source, and agrees with it event by event."""
    end = time.monotonic() + ACTIVE_SECONDS
    while True:
        compared = sandbox.regulator.audit.verify_sources(recompute=True)
        assert len(compared) == 3
        assert all(each.finding is not Finding.DIFFERS for each in compared), compared
        behind = [each for each in compared if each.finding is not Finding.AGREES or each.logged_position == 0]
        if not behind and all(each.logged_position == each.current_position for each in compared):
            return
        assert time.monotonic() < end, compared
        time.sleep(0.5)
