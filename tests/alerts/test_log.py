"""A log and followers that stand still, each shown by its alert until somebody does what the runbook says."""

from __future__ import annotations

from pathlib import Path

import pytest
from ringfence.audit import Audit, Flaw
from ringfence.remembered import LogForked, Remembered
from ringfence_local_stack.scenario import Platform, Scenario

from deploy.checks.monitoring.prometheus import Prometheus
from tests.integration.posing import Entry, Poser

from .conftest import CALLS_FAIL, PAYER, lines, renamed


def test_a_sealed_vault(scenario: Scenario, platform: Platform, prometheus: Prometheus) -> None:
    """checkpoint-old, calls-fail, vault-sealed: audit's log names the reason; unsealed, a checkpoint covers all."""
    scenario.processes.openbao.seal()
    try:
        platform.fund([platform.customer(PAYER).account], 1, platform.bank.mirror)
        prometheus.await_firing("RingfenceCheckpointOld", beside=CALLS_FAIL)
        said = scenario.stack.log_file("audit").read_text()
        assert '"event":"checkpoint_waits"' in said
        assert "KEYS_UNAVAILABLE" in said
    finally:
        scenario.processes.openbao.unseal()
    prometheus.await_quiet()


def signed_size(audit: Audit) -> int:
    """How many leaves the newest checkpoint covers; that it is asked for is a leaf of its own."""
    return int(audit.checkpoint().splitlines()[1])


def test_a_log_that_was_restored(scenario: Scenario, prometheus: Prometheus, tmp_path: Path) -> None:
    """log-rolled-back: restored to an earlier point it signs nothing, however far it grows; to the newest it does."""
    audit, of_regulator = scenario.processes.service("audit"), scenario.regulator.audit
    audit.stop()
    with scenario.processes.postgres.superuser() as administrator:
        administrator.execute("CREATE DATABASE early TEMPLATE audit OWNER audit_owner")
    audit.start()
    early = signed_size(of_regulator)
    prometheus.eventually(lambda: signed_size(of_regulator) > early + 1)
    key, remembered = scenario.sandbox.log_key(), Remembered(tmp_path)
    newest = of_regulator.verified_checkpoint(key, remembered).size
    audit.stop()
    renamed(scenario, {"audit": "newest", "early": "audit"})
    audit.start()
    for _ in range(2 * (newest - early)):
        of_regulator.prove_transfers()
    prometheus.await_firing("RingfenceLogRolledBack", beside=["RingfenceCheckpointOld", *CALLS_FAIL])
    assert lines(scenario, "audit", event="log_rolled_back")
    assert signed_size(of_regulator) == early
    with pytest.raises(LogForked, match=f"it ends at {early}, and has signed {newest}"):
        of_regulator.verified_checkpoint(key, remembered)
    audit.stop()
    renamed(scenario, {"audit": "early", "newest": "audit"})
    audit.start()
    prometheus.await_quiet()
    assert of_regulator.verified_checkpoint(key, remembered).size >= newest


def test_a_source_that_is_away(scenario: Scenario, prometheus: Prometheus) -> None:
    """follower-lags, standing-stale: without identity all say that they wait for it; they catch up by themselves."""
    scenario.processes.service("identity").stop()
    try:
        prometheus.await_firing("RingfenceMetricsMissing", "RingfenceFollowerLags", "RingfenceStandingStale")
        assert '"event":"feed_waits"' in scenario.stack.log_file("custody").read_text()
    finally:
        scenario.processes.service("identity").start()
    prometheus.await_quiet()


def test_what_no_bank_has_said(scenario: Scenario, platform: Platform, prometheus: Prometheus) -> None:
    """evidence-unproven: a booking waits for its source, then is a finding, which the regulator is shown for good."""
    away = scenario.processes.service("payment-instruction")
    away.stop()
    try:
        client = platform.customer(PAYER).account
        transfer = Poser(scenario).deposit(platform, client, 1, Entry(bytes(31) + b"f", bytes(15) + b"e", bytes(16)))
        prometheus.await_firing(
            "RingfenceMetricsMissing", "RingfenceFollowerLags", "RingfenceEvidenceWaits", beside=CALLS_FAIL
        )
        assert scenario.regulator.audit.prove_transfers().open == 1
        assert lines(scenario, "audit", event="evidence_waits")
    finally:
        away.start()
    prometheus.await_firing("RingfenceEvidenceUnproven", beside=["RingfenceFollowerLags", *CALLS_FAIL])
    [line] = lines(scenario, "audit", event="evidence_unproven")
    assert (line["flaw"], line["transfer"]) == ("FILE_UNKNOWN", str(transfer))
    prometheus.await_quiet()
    [found] = scenario.regulator.audit.prove_transfers().unproven
    assert (found.transfer_id, found.flaw) == (transfer, Flaw.FILE_UNKNOWN)
