"""Rules of alerts: Prometheus can read them, each fires when it should and only then, and leads to a page."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.checks.chart.rendering import CHART, parse, render
from deploy.checks.monitoring.rules import (
    EXPECTED,
    OF_SCRAPE,
    ROOT,
    RULES,
    Alert,
    alerts,
    grouped_by,
    rules,
    selections,
)
from tests.integration.scraping import SERVICES, documented

CALLS = "rpc_server_call_duration_seconds"
POST = 'rpc_method="ringfence.custody.v1.CustodyService/CreateTransfers"'
FIRING = 'count by (alertname) (ALERTS{alertstate="firing"})'


@dataclass(frozen=True)
class Case:
    """Series with which an alert fires after so many minutes, and such with which it does not."""

    firing: dict[str, str]
    quiet: dict[str, str]
    minutes: int = 60


def one(name: str, firing: str, quiet: str, minutes: int = 60, /, **labels: str) -> Case:
    """A case of one series."""
    shown = ",".join(f'{label}="{value}"' for label, value in labels.items())
    series = f"{name}{{{shown}}}"
    return Case({series: firing}, {series: quiet}, minutes)


def calls(code: str, *, bucket: str = "", instance: str = "a", fault: bool = False) -> str:
    """A series of calls to custody."""
    error = f',error_type="{code}"' if fault else ""
    le = f',le="{bucket}"' if bucket else ""
    name = f"{CALLS}_bucket" if bucket else f"{CALLS}_count"
    return f'{name}{{service_name="custody",instance="{instance}",{POST},rpc_response_status_code="{code}"{error}{le}}}'


def failing(good: str, bad: str, minutes: int, quiet_bad: str) -> Case:
    """Calls of which some fail; a standby that refuses everything is no failure."""
    standby = {calls("UNAVAILABLE", instance="b", fault=True): "0+600x3000"}
    sound = {calls("OK"): good, calls("OK", bucket="0.5"): good, **standby}
    fault = calls("UNAVAILABLE", fault=True)
    return Case({**sound, fault: bad}, {**sound, fault: quiet_bad}, minutes)


def slow(good: str, quick: str, minutes: int, quiet_quick: str) -> Case:
    """Calls of which some take longer than half a second."""
    return Case(
        {calls("OK"): good, calls("OK", bucket="0.5"): quick},
        {calls("OK"): good, calls("OK", bucket="0.5"): quiet_quick},
        minutes,
    )


def leading(**of: str) -> dict[str, str]:
    """Who leads custody: instance and values."""
    return {f'ringfence_leadership_leading{{service_name="custody",instance="{name}"}}': of[name] for name in of}


def expected(count: int) -> dict[str, str]:
    """How many processes of custody the chart has made."""
    return {f'{EXPECTED}{{service_name="custody"}}': f"{count}x3000"}


def unproven(instance: str) -> str:
    """What audit has found of one kind, as an instance shows it."""
    labels = f'service_name="audit",instance="{instance}",ringfence_flaw="OTHER_AMOUNT"'
    return f"ringfence_evidence_unproven{{{labels}}}"


CUSTODY = {"service_name": "custody", "instance": "a"}
PAYMENT = {"service_name": "payment-instruction", "instance": "a"}
AUDIT = {"service_name": "audit", "instance": "a"}
OPERATORS = "ringfence_operators_certificates_lifetime_seconds"
DAY = 1_440

CASES = {
    "RingfenceCallsFailFast": failing("0+1000x3000", "0+20x3000", 90, "0+0.5x3000"),
    "RingfenceCallsFailSteadily": failing("0+1000x3000", "0+4x3000", 2 * DAY, "0+0.5x3000"),
    "RingfenceCallsSlowFast": slow("0+1000x3000", "0+800x3000", 90, "0+995x3000"),
    "RingfenceCallsSlowSteadily": slow("0+1000x3000", "0+960x3000", 2 * DAY, "0+995x3000"),
    "RingfenceLedgerImbalance": one(
        "ringfence_ledger_imbalance", "0x10 1x100", "0x100", **CUSTODY, ringfence_currency="EUR"
    ),
    # The first of its kind is a series that was not there before; one that is long past is none.
    "RingfenceDefect": Case({calls("INTERNAL"): "_x55 1x10"}, {calls("INTERNAL"): "3x100"}),
    "RingfenceLedgerContradiction": Case(
        {'ringfence_submissions_waiting{ringfence_refusal_reason="LEDGER_CONTRADICTION"}': "_x50 1x20"},
        {'ringfence_submissions_waiting{ringfence_refusal_reason="IDENTITY_UNAVAILABLE"}': "1x100"},
    ),
    "RingfenceBookAccountMissing": one(
        "ringfence_submissions_waiting", "1x100", "1x45 _x50", ringfence_refusal_reason="BOOK_ACCOUNT_MISSING"
    ),
    "RingfenceDepositsWait": one("ringfence_deposits_waiting", "3x100", "3x50 0x1 3x100", **PAYMENT),
    "RingfenceShortfall": one("ringfence_shortfall_balance", "5x100", "0x100", **CUSTODY, ringfence_currency="EUR"),
    "RingfenceSuspenseLies": one(
        "ringfence_suspense_balance", "70x1600", "70x1400 0x1 70x200", DAY + 120, **CUSTODY, ringfence_currency="EUR"
    ),
    "RingfenceMirrorUnlettered": one("ringfence_registers_mirrors_unlettered", "1x200", "1x50 0x1 1x50", 65, **CUSTODY),
    "RingfenceConcentrationBreached": one(
        "ringfence_registers_concentration_breaches", "1x200", "1x50 0x1 1x50", 65, **CUSTODY
    ),
    "RingfenceReviewsDue": one(
        "ringfence_registers_reviews_due", "1x200", "0x200", 65, **CUSTODY, ringfence_register="letter"
    ),
    "RingfenceBreaksLate": one(
        "ringfence_breaks_late", "1x200", "1x50 0x1 1x50", 65, **CUSTODY, ringfence_break_kind="bank"
    ),
    "RingfenceSafeguardingMissed": one("ringfence_safeguarding_days_missed", "1x100", "0x100", **CUSTODY),
    "RingfenceOutboxOld": one("ringfence_outbox_age_seconds", "0+10x100", "30x100", **PAYMENT),
    "RingfenceRailContradiction": one(
        "ringfence_submissions_waiting", "1x100", "0x100", ringfence_refusal_reason="RAIL_CONTRADICTION"
    ),
    "RingfencePaymentsHeld": one("ringfence_payments_held", "2x500", "2x290 0x1 2x200", 310, **PAYMENT),
    "RingfencePaymentsUnknown": one("ringfence_payments_unknown", "1x100", "0x100", **PAYMENT),
    "RingfenceAnswerExcepted": one("ringfence_answers_excepted", "1x100", "0x100", **PAYMENT),
    "RingfenceStatementExcepted": one("ringfence_bank_statements_excepted", "1x100", "0x100", **PAYMENT),
    "RingfenceOperatorsTooFew": one("ringfence_operators_able", "1x100", "2x100", service_name="identity"),
    "RingfenceOperatorsEnd": one(OPERATORS, "1209000x100", "1210000x100", service_name="identity"),
    "RingfenceOperatorsCertificatesEnd": one(OPERATORS, "431000x100", "1210000x100", service_name="identity"),
    "RingfenceCalendarEnds": one(
        "ringfence_calendar_listed", "29x100", "30x100", **CUSTODY, ringfence_calendar="TARGET"
    ),
    "RingfenceCalendarYearMissing": one(
        "ringfence_submissions_waiting", "1x100", "0x100", ringfence_refusal_reason="CALENDAR_YEAR_MISSING"
    ),
    "RingfenceScreeningListOld": Case(
        {"ringfence_screening_list_age_seconds": "90x100", "ringfence_screening_list_age_limit_seconds": "100x100"},
        {"ringfence_screening_list_age_seconds": "70x100", "ringfence_screening_list_age_limit_seconds": "100x100"},
    ),
    "RingfenceScreeningListStale": Case({"ringfence_screening_lists": "0x100"}, {"ringfence_screening_lists": "1x100"}),
    "RingfenceClientListed": one("ringfence_screening_payments_stopped", "1x100", "0x100", **PAYMENT),
    "RingfenceClientNotBlocked": one("ringfence_screening_clients_unblocked", "1x100", "0x100", **PAYMENT),
    "RingfenceResultUnknown": one("ringfence_results_unknown_total", "0x50 1x100", "1x200", 65, **PAYMENT),
    "RingfenceCheckpointOld": one("ringfence_checkpoint_age_seconds", "0+2x100", "2x100", **AUDIT),
    "RingfenceCheckpointUnwitnessed": one("ringfence_checkpoint_unwitnessed", "1x100", "0x100", **AUDIT),
    "RingfenceLogRolledBack": one("ringfence_tree_rolled_back", "1x100", "0x100", **AUDIT),
    "RingfenceFollowerLags": one(
        "ringfence_feed_lag_duration_seconds", "0+2x100", "1x100", **AUDIT, ringfence_source="custody"
    ),
    "RingfenceStandingStale": Case(
        {"ringfence_standing_silence_seconds": "61x100", "ringfence_standing_silence_limit_seconds": "60x100"},
        {"ringfence_standing_silence_seconds": "60x100", "ringfence_standing_silence_limit_seconds": "60x100"},
    ),
    "RingfenceFeedHalted": one("ringfence_feed_halted", "0x50 1x100", "0x100", **AUDIT, ringfence_source="custody"),
    # The first look after a start shows at once what was found; a restart of the next days shows the same again.
    "RingfenceEvidenceUnproven": Case(
        {unproven("a"): f"_x{DAY + 50} 7x100"},
        {unproven("a"): f"7x{DAY + 5}", unproven("b"): f"_x{DAY + 40} 7x{DAY}"},
        DAY + 60,
    ),
    "RingfenceEvidenceWaits": one("ringfence_evidence_age_seconds", "0+60x100", "15x50 3600x3 15x100", 53, **AUDIT),
    "RingfenceBooksDifferent": one(
        "ringfence_books_different", "0x50 1x100", "0x100", **AUDIT, ringfence_finding="different"
    ),
    "RingfenceEventUnreadable": one(
        "ringfence_events_unreadable_total", "0x50 1x100", "0x100", **AUDIT, ringfence_source="custody"
    ),
    "RingfenceNoLeader": Case(leading(a="1x50 0x50", b="0x100"), leading(a="1x50 0x50", b="0x50 1x50")),
    "RingfenceTwoLeaders": Case(leading(a="1x100", b="0x50 1x50"), leading(a="1x50 0x50", b="0x49 1x50")),
    "RingfenceLeadershipChanges": one("ringfence_leadership_terms_total", "0+1x100", "0x40 1x100", **CUSTODY),
    "RingfenceMetricsMissing": Case(leading(a="1x50 stale", b="0x50 stale"), leading(a="1x100", b="0x50 stale")),
    "RingfenceProcessesMissing": Case(expected(3), expected(2)),
    "RingfenceNoStandby": Case(leading(a="1x100", b="0x50 stale") | expected(2), expected(2), 75),
    # Two restarts are an upgrade that was taken back.
    "RingfenceProcessRestarts": one("process_start_time_seconds", "1x14 2x14 3x14 4x50", "1x14 2x14 3x80", **CUSTODY),
    "RingfenceVaultTokenEnds": one("ringfence_vault_token_lifetime_seconds", "3600-60x100", "2400x100", **CUSTODY),
    "RingfenceCertificateEnds": one("ringfence_certificate_lifetime_seconds", "6000-60x100", "28800x100", **CUSTODY),
    "RingfenceClockDiffers": one("ringfence_clock_difference_seconds", "-1.5x100", "-0.2x100", **CUSTODY),
    "RingfenceHistoryAhead": one("ringfence_history_ahead_seconds", "3x100", "0.1x100", **CUSTODY),
    "RingfenceLogLinesLost": one("ringfence_log_lost_total", "0x55 4x100", "4x100", **CUSTODY),
    "RingfenceStatementsLag": one("ringfence_statements_lag_duration_seconds", "9x100", "2x100", **CUSTODY),
    "RingfenceThreadsWait": one("ringfence_threads_waiting", "300x100", "3x100", **CUSTODY),
    # What quotas refuse is no overload.
    "RingfenceOverloaded": Case(
        {calls("RESOURCE_EXHAUSTED"): "0+120x100"},
        {
            calls("RESOURCE_EXHAUSTED"): "0+120x100",
            'ringfence_quota_refusals_total{service_name="custody",instance="a"}': "0+115x100",
        },
    ),
    "RingfencePeersDisagree": one("ringfence_peers_refusals_total", "0x50 1x100", "0x100", **AUDIT),
}


AS_WELL = {
    "RingfenceCallsFailFast": {"RingfenceCallsFailSteadily"},
    "RingfenceCallsSlowFast": {"RingfenceCallsSlowSteadily"},
    "RingfenceNoStandby": {"RingfenceProcessesMissing"},
    "RingfenceOperatorsCertificatesEnd": {"RingfenceOperatorsEnd"},
}
"""What burns fast burns steadily too; where one process is left others are missing; five days are below fourteen."""


def promtool(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs promtool, which Debian's package prometheus has."""
    return subprocess.run(["promtool", *arguments], cwd=folder, capture_output=True, text=True, timeout=120)


def test_prometheus_reads_every_file(tmp_path: Path) -> None:
    """promtool finds rules in each and nothing wrong."""
    assert len(RULES) >= 5
    checked = promtool("check", "rules", *map(str, RULES), folder=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_alert_is_tried() -> None:
    """There is a case for each, and none for what is not there; names do not repeat."""
    names = [each.name for each in alerts()]
    assert sorted(names) == sorted(CASES)


def base(case: dict[str, str]) -> dict[str, str]:
    """Adds four services, of each of which one process leads, unless the case says who does."""
    given = {
        f'ringfence_leadership_leading{{service_name="{service}",instance="{instance}"}}': f"{value}x3000"
        for service in SERVICES
        for instance, value in (("a", 1), ("b", 0))
    }
    return given | case


def tried(series: dict[str, str], minutes: int, expected: set[str]) -> dict[str, Any]:
    """A test of promtool: which alerts fire then, all rules being there."""
    samples = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(expected)]
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in base(series).items()],
        "promql_expr_test": [{"expr": FIRING, "eval_time": f"{minutes}m", "exp_samples": samples}],
    }


@pytest.mark.parametrize("name", sorted(CASES))
def test_alert_fires_when_it_should_and_only_then(name: str, tmp_path: Path) -> None:
    """With the one set of series this alert fires and no other does; with the other none does.

    Objectives look back for days: what does not concern them is tried without them.
    """
    case = CASES[name]
    of_calls = [file for file in RULES if file.stem == "calls"]
    is_of_calls = any(name in file.read_text(encoding="utf-8") for file in of_calls)
    tests = {
        "rule_files": [str(file) for file in RULES if (file in of_calls) is is_of_calls],
        "evaluation_interval": "5m" if is_of_calls else "1m",
        "tests": [
            tried(case.firing, case.minutes, {name} | AS_WELL.get(name, set())),
            tried(case.quiet, case.minutes, set()),
        ],
    }
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(tests))
    outcome = promtool("test", "rules", "test.yaml", folder=tmp_path)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_operators_are_told_before_anybody_is_woken(tmp_path: Path) -> None:
    """More than five days before two operators' certificates end, the ticket of fourteen is all there is."""
    series = {f'{OPERATORS}{{service_name="identity"}}': "433000x100"}
    files = [str(file) for file in RULES if file.stem == "platform"]
    tests = {"rule_files": files, "tests": [tried(series, 60, {"RingfenceOperatorsEnd"})]}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(tests))
    outcome = promtool("test", "rules", "test.yaml", folder=tmp_path)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_rule_names_what_the_services_show(rule: dict[str, Any]) -> None:
    """Every metric and label is in docs/telemetry.md, which is held to a scrape of the four services."""
    listed = documented()
    found = list(selections(rule["expr"]))
    assert found or "service:" in rule["expr"]
    assert {name for name, _ in found} <= set(listed)
    for name, labels in found:
        assert labels <= listed[name].attributes | OF_SCRAPE, name
    known = set().union(*(listed[name].attributes for name, _ in found)) | OF_SCRAPE
    assert grouped_by(rule["expr"]) <= known


def test_recorded_series_are_those_that_alerts_use() -> None:
    """Nothing is recorded for nobody, and nothing is asked for that is not recorded; one series the chart renders."""
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    used = {name for each in alerts() for name in re.findall(r"service:\w+:\w+", each.expression)}
    assert recorded | {EXPECTED} == used


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)
def test_alert_says_what_it_is_and_leads_to_a_page(alert: Alert) -> None:
    """It wakes somebody or waits for the morning, says one sentence, and its runbook exists and names it."""
    assert alert.name.startswith("Ringfence")
    assert alert.severity in {"page", "ticket"}
    assert 10 < len(alert.summary) < 160
    assert re.fullmatch(r"docs/runbooks/[a-z-]+\.md", alert.runbook)
    page = (ROOT / alert.runbook).read_text(encoding="utf-8")
    assert f"`{alert.name}`" in page
    for heading in ("**Means.**", "**Over when**"):
        assert heading in page


def test_methods_that_rules_leave_out_exist() -> None:
    """What is not held to half a second is a method of some service."""
    protos = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "protos").glob("ringfence/*/v1/*.proto"))
    named = {
        name for rule in rules() for found in re.findall(r"/\(([\w|]+)\)", rule["expr"]) for name in found.split("|")
    }
    assert named
    assert {name for name in named if f"rpc {name}(" in protos} == named


@pytest.mark.parametrize("base", ["", "https://pages.example.org/runbooks"])
def test_alerts_lead_to_where_the_site_shows_its_pages(base: str) -> None:
    """Each rendered alert names a page below the site's address, or in the repository where none is given."""
    made = parse(render(CHART / "ci" / "minimal.yaml", {"monitoring.runbooks": base}))
    groups = [group for each in made if each["kind"] == "PrometheusRule" for group in each["spec"]["groups"]]
    urls = [rule["annotations"]["runbook_url"] for group in groups for rule in group["rules"] if "alert" in rule]
    assert len(urls) == len(alerts())
    for url in urls:
        folder, _, page = url.rpartition("/")
        assert folder == (base or "docs/runbooks")
        assert (ROOT / "docs" / "runbooks" / page).is_file()
