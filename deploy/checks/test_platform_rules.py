"""Alerts about what stands below the services: each fires when it should and only then, and leads to a page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.checks.monitoring.rules import alerts
from deploy.checks.platform.files import PLATFORM, ROOT, load
from deploy.checks.test_rules import FIRING, promtool

FILES = sorted((PLATFORM / "monitoring").glob("*rules.yaml"))
SPECS: list[dict[str, Any]] = [yaml.safe_load(file.read_text(encoding="utf-8"))["spec"] for file in FILES]
RULES = [rule for spec in SPECS for group in spec["groups"] for rule in group["rules"]]
NAMESPACES = ("ringfence-data", "openbao", "nats", "cert-manager")
MONTH = 2_592_000
ARCHIVED, FAILED = ("cnpg_pg_stat_archiver_last_archived_time", "cnpg_pg_stat_archiver_last_failed_time")
BACKUP = "barman_cloud_cloudnative_pg_io_last_available_backup_timestamp"
SNAPSHOT = 'kube_cronjob_status_last_successful_time{namespace="openbao",cronjob="openbao-snapshot"}'
CERTIFICATE = 'certmanager_certificate_expiration_timestamp_seconds{name="openbao-server",exported_namespace="openbao"}'
TOLERANCE = 'vault_autopilot_failure_tolerance{pod="openbao-0"}'


def ready(pod: str) -> str:
    """Files of the log that wait."""
    return f'cnpg_collector_pg_wal_archive_status{{pod="{pod}",value="ready"}}'


def of_postgres(name: str) -> str:
    """A series of the primary."""
    return f'{name}{{pod="ringfence-postgres-1"}}'


def up(namespace: str) -> str:
    """Whether a pod answers."""
    return f'up{{namespace="{namespace}",pod="{namespace}-0"}}'


def copy(number: int) -> str:
    """A server's view of a stream."""
    return f'nats_stream_total_messages{{pod="nats-{number}",stream_name="CUSTODY"}}'


def unsealed(pod: str, cluster: str) -> str:
    """A real server keeps the series without cluster, of the time before it was opened."""
    return f'vault_core_unsealed{{pod="{pod}",cluster="{cluster}"}}'


WELL = {
    **{up(namespace): "1x2000" for namespace in NAMESPACES},
    **{copy(number): "5x2000" for number in range(3)},
    of_postgres(ARCHIVED): "0+60x2000",
    of_postgres(FAILED): "-1x2000",
    ready("ringfence-postgres-1"): "1x2000",
    unsealed("openbao-0", ""): "0x2000",
    unsealed("openbao-0", "vault"): "1x2000",
    TOLERANCE: "1x2000",
    CERTIFICATE: f"{MONTH}+60x2000",
    BACKUP: "0+60x2000",
    SNAPSHOT: "0+60x2000",
}
"""A platform in order; a series that grows by a second each second is always as old."""

CASES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "RingfenceArchiveFails": (
        {of_postgres(ARCHIVED): "0+60x1000 60000x1000", of_postgres(FAILED): "-1x1000 60060+60x1000"},
        {of_postgres(FAILED): "-1x1000 60000x1000"},
    ),
    "RingfenceArchiveLags": (
        {ready("ringfence-postgres-1"): "11x2000"},
        {ready("ringfence-postgres-1"): "20x1400 1x600"},
    ),
    "RingfenceVaultSealed": (
        {unsealed("openbao-1", ""): "0x2000"},
        {unsealed("openbao-1", ""): "0x2000", unsealed("openbao-1", "vault"): "1x2000"},
    ),
    "RingfenceVaultQuorumThin": ({TOLERANCE: "0x2000"}, {TOLERANCE: "0x1400 1x600"}),
    "RingfenceStreamCopiesMissing": ({copy(2): "5x1000 stale"}, {copy(2): "5x1499 stale"}),
    "RingfencePlatformCertificateEnds": ({CERTIFICATE: "400000x2000"}, {CERTIFICATE: "900000x2000"}),
    "RingfencePlatformUnseen": ({up("nats"): "1x1000 0x1000"}, {up("nats"): "0x1000 1x1000"}),
    "RingfenceBackupOld": ({BACKUP: "45000x2000"}, {BACKUP: "60000x2000"}),
    "RingfenceVaultSnapshotOld": ({SNAPSHOT: "78000x2000"}, {SNAPSHOT: "82000x2000"}),
}
"""Series with which an alert fires after 1500 minutes, and such with which it does not."""


def tried(series: dict[str, str], expected: set[str]) -> dict[str, Any]:
    """A test of promtool: which alerts fire then."""
    samples = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(expected)]
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in (WELL | series).items() if values],
        "promql_expr_test": [{"expr": FIRING, "eval_time": "1500m", "exp_samples": samples}],
    }


def fires(folder: Path, *tests: dict[str, Any]) -> str:
    """Has promtool try; returns what it complains of."""
    names = []
    for number, spec in enumerate(SPECS):
        names.append(f"{number}.yaml")
        (folder / names[-1]).write_text(yaml.safe_dump(spec), encoding="utf-8")
    checked = promtool("check", "rules", *names, folder=folder)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    (folder / "test.yaml").write_text(
        yaml.safe_dump({"rule_files": names, "evaluation_interval": "1m", "tests": tests}), encoding="utf-8"
    )
    outcome = promtool("test", "rules", "test.yaml", folder=folder)
    return "" if outcome.returncode == 0 else outcome.stdout + outcome.stderr


@pytest.mark.parametrize("name", [rule["alert"] for rule in RULES])
def test_alert_fires_when_it_should_and_only_then(name: str, tmp_path: Path) -> None:
    """With the one set of series this alert fires and no other does; with the other none does."""
    firing, quiet = CASES[name]
    assert fires(tmp_path, tried(firing, {name}), tried(quiet, set())) == ""


@pytest.mark.parametrize(("missing", "name"), [(BACKUP, "RingfenceBackupOld"), (SNAPSHOT, "RingfenceVaultSnapshotOld")])
def test_what_was_never_made_is_missed(missing: str, name: str, tmp_path: Path) -> None:
    """A backup that there is none of has no age."""
    assert fires(tmp_path, tried({missing: ""}, {name})) == ""


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_alert_says_what_it_is_and_leads_to_a_page(rule: dict[str, Any]) -> None:
    """Its name is no other's; it wakes somebody or waits for the morning; its runbook exists and names it."""
    assert [each["alert"] for each in RULES].count(rule["alert"]) == 1
    assert rule["alert"] not in {each.name for each in alerts()}
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert 10 < len(rule["annotations"]["summary"]) < 160
    page = (ROOT / rule["annotations"]["runbook_url"]).read_text(encoding="utf-8")
    assert f"`{rule['alert']}`" in page
    assert {each for each in ("**Means.**", "**Over when**") if each in page} == {"**Means.**", "**Over when**"}


def test_everything_that_is_watched_is_scraped() -> None:
    """Each namespace that is missed when it is silent has a PodMonitor, and Prometheus takes it and all rules."""
    platform = load("three-zones")
    monitored = {each["metadata"]["namespace"] for each in platform.of_kind("PodMonitor")}
    missed = {found for rule in RULES for found in re.findall(r'up\{namespace="([a-z-]+)"', rule["expr"])}
    assert monitored == missed == set(NAMESPACES)
    reads = platform.values["monitoring"]["prometheus"]["prometheusSpec"]
    assert (reads["podMonitorSelectorNilUsesHelmValues"], reads["ruleSelectorNilUsesHelmValues"]) == (False, False)


def test_numbers_of_the_vault_are_read_without_a_token() -> None:
    """Its listener gives them to Prometheus, in Prometheus' format; only the region that writes misses backups."""
    config = load("three-zones").values["openbao"]["server"]["ha"]["raft"]["config"]
    assert "unauthenticated_metrics_access = true" in config
    assert "prometheus_retention_time" in config
    names = {each["metadata"]["name"] for each in load("second-region").of_kind("PrometheusRule")}
    assert names == {"platform"}
