"""A log and followers that stand still, each shown by its alert until somebody does what the runbook says."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from typing import cast

import pytest
from ringfence.audit import Audit
from ringfence.remembered import LogForked, Remembered
from ringfence.unproven import Flaw
from ringfence_local_stack.processes.ports import free_ports
from ringfence_local_stack.scenario import Platform, Scenario
from ringfence_verifier import Policy, VerificationError, VerifierKey
from ringfence_verifier.witness.answering import Answering
from ringfence_verifier.witness.keys import make_keys, read_keys
from ringfence_verifier.witness.seen import Seen
from ringfence_verifier.witness.serving import WitnessServer

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


def test_a_log_whose_witness_is_away(
    scenario: Scenario, prometheus: Prometheus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """checkpoint-unwitnessed: published all the same, as the site lets it be; the witness is back, and it is over."""
    audit, of_regulator, key = scenario.processes.service("audit"), scenario.regulator.audit, scenario.sandbox.log_key()
    make_keys(tmp_path, "witness.example/w")
    Seen.make(tmp_path, "witness.example/w")
    [by_ed25519, _] = keys = read_keys(tmp_path, "witness.example/w")
    [port] = free_ports(1)
    policy = f"log {key}\nwitness w {by_ed25519.public.text()} http://127.0.0.1:{port}\nquorum w\n"
    settings = cast(dict[str, dict[str, str]], scenario.stack.service_settings)
    more = {"RINGFENCE_WITNESS_POLICY": policy, "RINGFENCE_WITNESS_QUORUM": "alarmed"}
    with monkeypatch.context() as patched:
        patched.setitem(settings, "audit", {**settings["audit"], **more})
        audit.stop()
        audit.start()
        before = signed_size(of_regulator)
        of_regulator.prove_transfers()
        prometheus.await_firing("RingfenceCheckpointUnwitnessed")
        prometheus.eventually(lambda: signed_size(of_regulator) > before)
        assert lines(scenario, "audit", event="witness_quorum_lapsed", missing="w")
        with pytest.raises(VerificationError, match="quorum"):
            Policy.parse(policy.encode()).verify(of_regulator.checkpoint())
        answering = Answering(Seen(tmp_path), keys, {VerifierKey.parse(key).name: [VerifierKey.parse(key)]})
        with WitnessServer(("127.0.0.1", port), answering) as server:
            Thread(target=server.serve_forever, args=(0.05,)).start()
            try:
                prometheus.await_quiet()
                prometheus.eventually(lambda: bool(cosigned(of_regulator, policy)))
            finally:
                server.shutdown()
    audit.stop()
    audit.start()
    prometheus.await_quiet()


def cosigned(audit: Audit, policy: str) -> set[bytes]:
    """Who of a policy has cosigned the newest checkpoint; nobody where they are no quorum."""
    try:
        return set(Policy.parse(policy.encode()).verify(audit.checkpoint())[1])
    except VerificationError:
        return set()


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
