"""A statement that does not add up, shown by its alert until two people have worked it off."""

from __future__ import annotations

from ringfence.identity import require_done
from ringfence.statements import Remedy
from ringfence_local_stack.scenario import Platform

from deploy.checks.monitoring.prometheus import Prometheus
from tests.integration.stating import bank_day, state_wrongly


def test_a_statement_that_does_not_add_up(platform: Platform, prometheus: Prometheus) -> None:
    """statement-excepted: an operator finds it, proposes that it counts for nothing, and another one confirms."""
    state_wrongly(platform.bank, bank_day())
    prometheus.await_firing("RingfenceStatementExcepted")
    (first, second), where = platform.sandbox.operators, (platform.id, platform.bank.mirror.id)
    [found] = first.statements.exceptions(*where)
    proposal = first.statements.work_off(*where, found.telling_id, Remedy.VOID, found.digest, "sent by mistake")
    require_done(second.proposals["payment-instruction"].confirm([proposal]))
    prometheus.await_quiet()
