"""Payments that wait, each shown by its alert until somebody does what the runbook says."""

from __future__ import annotations

import time
from typing import Any

import psycopg
from ringfence.payments import Decision
from ringfence_local_stack.sandbox.birth import spool_folder
from ringfence_local_stack.scenario import Platform, Scenario
from ringfence_local_stack.scenario.ibans import new_iban
from ringfence_local_stack.scenario.messages import report_row, status_report
from ringfence_local_stack.scenario.payment import Status

from deploy.checks.monitoring.prometheus import Prometheus

from .conftest import PAYEE, PAYER
from .rail import closed_outbox

DAY_NS = 86_400 * 10**9
ABOVE_LIMIT_MINOR = 1_100_000
SECONDS = 60.0


def asked(scenario: Scenario, statement: str) -> list[tuple[Any, ...]]:
    """Returns what payment-instruction's database answers its owner."""
    with psycopg.connect(scenario.stack.databases["payment-instruction"].owner_conninfo) as connection:
        return connection.execute(statement.encode()).fetchall()


def test_a_held_payment(scenario: Scenario, platform: Platform, prometheus: Prometheus) -> None:
    """payments-held: the statement tells whose it is; the second person decides, and it ends."""
    payer, payee = platform.customers(PAYER, PAYEE)
    held = platform.pay(payer, payee.iban, payee.name, ABOVE_LIMIT_MINOR)
    prometheus.await_firing("RingfencePaymentsHeld")
    [(tenant, count)] = asked(scenario, "SELECT tenant, count(*) FROM instructions WHERE status = 5 GROUP BY tenant")
    assert (tenant, count) == (platform.id, 1)
    platform.approver.payments.decide([held.id], Decision.APPROVE, "as ordered")
    held.wait_for(Status.SETTLED, seconds=SECONDS)
    prometheus.await_quiet()


def test_a_bank_that_does_not_answer(scenario: Scenario, platform: Platform, prometheus: Prometheus) -> None:
    """payments-unknown: instruction and message are found by the statements; the bank's late answer decides."""
    payment = platform.pay(platform.customer(PAYER), new_iban(), "Somebody Elsewhere", 100)
    prometheus.await_firing("RingfencePaymentsUnknown")
    found = asked(scenario, "SELECT instruction_id FROM instructions WHERE status = 14")
    assert found == [(payment.id,)]
    rows = asked(scenario, "SELECT message_id, written_at, delivered_at FROM rail_outbox ORDER BY written_at DESC")
    assert rows[0][2] is not None
    assert platform.bank.answer(payment, "ACSC") == "archive"
    payment.wait_for(Status.SETTLED, seconds=SECONDS)
    prometheus.await_quiet()


def test_an_answer_that_fits_no_payment(scenario: Scenario, platform: Platform, prometheus: Prometheus) -> None:
    """answer-excepted: it is listed with the ids that the bank names; two people dismiss it, and it ends."""
    report = status_report("RF" + "f" * 32, [report_row("RJCT", transaction_id="f" * 32)])
    assert platform.bank.lay_in(report) == "archive"
    prometheus.await_firing("RingfenceAnswerExcepted")
    first, second = scenario.operators
    (found,) = first.answers.exceptions()
    assert (found.transaction_id, found.candidates) == ("f" * 32, ())
    proposal = first.answers.dismiss(found.id, b"d" * 32, "the bank takes it back")
    assert second.proposals["payment-instruction"].confirm([proposal])[0].reason == ""
    prometheus.await_quiet()


def test_a_closed_way_to_the_bank_and_a_foreign_message(
    scenario: Scenario, platform: Platform, prometheus: Prometheus
) -> None:
    """rail: a folder that takes nothing, then something else under the message's name; both are mended."""
    with closed_outbox(scenario.stack) as closed:
        payment = platform.pay(platform.customer(PAYER), new_iban(), "Somebody Elsewhere", 100)
        prometheus.await_firing("RingfenceOutboxOld")
        [(message_id,)] = asked(scenario, "SELECT message_id FROM rail_outbox WHERE delivered_at IS NULL")
        (closed / f"{message_id}.xml").write_bytes(b"something else")
    prometheus.await_firing("RingfenceRailContradiction", beside=["RingfenceOutboxOld"])
    (spool_folder(scenario.stack.directory) / "outbox" / f"{message_id}.xml").unlink()
    payment.wait_for(Status.SENT, Status.UNKNOWN, seconds=SECONDS)
    assert platform.bank.answer(payment, "ACSC") == "archive"
    payment.wait_for(Status.SETTLED, seconds=SECONDS)
    assert asked(scenario, "SELECT message_id FROM rail_outbox WHERE delivered_at IS NULL") == []
    prometheus.await_quiet()


def test_a_list_that_ages(scenario: Scenario, platform: Platform, prometheus: Prometheus) -> None:
    """screening-list-stale: first a warning, then payments wait; with the current edition they go on by themselves."""
    now_ns = time.time_ns()
    scenario.import_list(["Nobody Else"], "ageing", published_ns=now_ns - 6 * DAY_NS)
    prometheus.await_firing("RingfenceScreeningListOld")
    scenario.import_list(["Nobody Else"], "older", published_ns=now_ns - 8 * DAY_NS)
    prometheus.await_firing("RingfenceScreeningListOld", "RingfenceScreeningListStale")
    payer, payee = platform.customers(PAYER, PAYEE)
    payment = platform.pay(payer, payee.iban, payee.name, 100)
    for name in ("ageing", "older"):
        scenario.import_list(["Nobody Else"], name)
    payment.wait_for(Status.SETTLED, seconds=SECONDS)
    prometheus.await_quiet()
