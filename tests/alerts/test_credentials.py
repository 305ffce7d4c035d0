"""Credentials that are not renewed, shown by their alerts until Vault gives them again, as the services ask anyway."""

from __future__ import annotations

import json

from ringfence_bootstrap.vault.reconciling import apply
from ringfence_local_stack.scenario import Scenario
from ringfence_local_stack.servers.sandbox import SANDBOX

from deploy.checks.monitoring.prometheus import Prometheus

from .conftest import CALLS_FAIL, lines

SERVICE = "audit"
TOKEN_SECONDS, CERTIFICATE_SECONDS = 180, 60
AWAY = (
    "RingfenceMetricsMissing",
    "RingfenceFollowerLags",
    "RingfenceStandingStale",
    "RingfenceCheckpointOld",
    *CALLS_FAIL,
)
NO_MORE = {"path": {"auth/token/lookup-self": {"capabilities": ["read"]}}}
"""A policy under which a service may neither renew its token nor have a certificate signed."""


def test_a_policy_that_was_narrowed(scenario: Scenario, prometheus: Prometheus) -> None:
    """credentials-end: the log names both; the bootstrap puts all right, and both last long again without a restart."""
    with scenario.processes.openbao.root() as root:
        root.write(f"auth/approle/role/{SERVICE}", token_period=TOKEN_SECONDS)
        role = root.read(f"pki-workload/roles/{SERVICE}")["data"]
        root.write(f"pki-workload/roles/{SERVICE}", **role | {"ttl": CERTIFICATE_SECONDS})
        scenario.processes.restart(SERVICE)
        root.write(f"sys/policies/acl/{SERVICE}", policy=json.dumps(NO_MORE))
        prometheus.await_firing("RingfenceVaultTokenEnds", "RingfenceCertificateEnds", beside=AWAY)
        for event in ("vault_token_not_renewed", "certificate_not_renewed"):
            prometheus.eventually(lambda event=event: bool(lines(scenario, SERVICE, event=event, error="VaultRefused")))
        pid = scenario.processes.service(SERVICE).pid
        apply(root, SANDBOX)
    prometheus.await_quiet()
    assert scenario.processes.service(SERVICE).pid == pid
