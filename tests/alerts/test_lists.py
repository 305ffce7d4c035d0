"""Lists that name somebody, each shown by its alert until two people say that it is somebody else."""

from __future__ import annotations

from uuid import UUID

from ringfence.identity import KycDecision, KycStatus
from ringfence.ids import new_id
from ringfence.payments import Decision
from ringfence_local_stack.scenario import Platform, Scenario
from ringfence_local_stack.scenario.ibans import new_iban
from ringfence_local_stack.scenario.payment import Status

from deploy.checks.monitoring.prometheus import Prometheus

from .conftest import CALLS_FAIL, PAYER, lines

SECONDS = 60.0
ABOVE_LIMIT_MINOR = 1_100_000
AWAY = ("RingfenceMetricsMissing", "RingfenceFollowerLags", "RingfenceStandingStale", *CALLS_FAIL)
"""What fires beside while identity is away."""


def test_a_list_that_names_a_payee(scenario: Scenario, platform: Platform, prometheus: Prometheus) -> None:
    """client-listed: a held payment is stopped; two people let it go on, a third decides, and it ends."""
    payee, (first, second) = f"Zora {new_id().hex}", scenario.operators
    held = platform.pay(platform.customer(PAYER), new_iban(), payee, ABOVE_LIMIT_MINOR)
    held.wait_for(Status.HELD)
    scenario.import_list([payee])
    prometheus.await_firing("RingfenceClientListed", beside=["RingfencePaymentsHeld"])
    assert lines(scenario, "payment-instruction", event="unsent_payments_hit", tenant=str(platform.id)) != []
    proposal = first.payments.release_hits(platform.id, [held.id], "born in another century")
    assert second.proposals["payment-instruction"].confirm([proposal])[0].done
    platform.approver.payments.decide([held.id], Decision.REJECT, "not wanted any more")
    held.wait_for(Status.REJECTED, seconds=SECONDS)
    prometheus.await_quiet()


def test_a_list_that_names_a_client_while_identity_is_away(scenario: Scenario, prometheus: Prometheus) -> None:
    """client-listed: found all the same; identity back, he is blocked, and two people release him."""
    name, (first, second) = f"Nora {new_id().hex}", scenario.operators
    platform = scenario.platform(name)
    party = platform.customer(name).party.id
    scenario.import_list(["Nobody Else"])
    scenario.processes.service("identity").stop()
    try:
        scenario.import_list([name])
        prometheus.await_firing("RingfenceClientListed", "RingfenceClientNotBlocked", beside=AWAY)
    finally:
        scenario.processes.service("identity").start()
    [line] = lines(scenario, "payment-instruction", event="client_listed", party=str(party))
    assert line["tenant"] == str(platform.id)
    prometheus.await_firing("RingfenceClientListed", beside=AWAY)
    prometheus.eventually(lambda: status(platform, party) is KycStatus.BLOCKED)
    release = KycDecision(party_id=party, to=KycStatus.REVIEW, note="born in another century")
    [result] = first.identity.decide_kyc(platform.id, [release])
    assert result.proposal_id is not None
    assert second.proposals["identity"].confirm([result.proposal_id])[0].done
    assert status(platform, party) is KycStatus.REVIEW
    prometheus.await_quiet()


def status(platform: Platform, party: UUID) -> KycStatus:
    """Returns what identity says of a client."""
    return platform.client.identity.parties([party])[0].kyc_status
