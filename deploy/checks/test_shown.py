"""Every alert is shown over real processes by a drill that exists, or it is said why it is not."""

from __future__ import annotations

import re

from deploy.checks.monitoring.rules import ROOT, alerts
from deploy.checks.monitoring.shown import NOT_SHOWN, SHOWN


def test_every_alert_is_in_one_table() -> None:
    """None is forgotten, and none stands in two."""
    assert sorted([*SHOWN, *NOT_SHOWN]) == sorted(each.name for each in alerts())


def test_the_drill_of_an_alert_awaits_it() -> None:
    """The test that is named is there, and names the alert."""
    for alert, drill in SHOWN.items():
        file, _, name = drill.partition("::")
        tests = re.split(r"\n(?=def |@pytest)", (ROOT / file).read_text(encoding="utf-8"))
        [test] = [each for each in tests if each.startswith(f"def {name}(")]
        assert f'"{alert}"' in test, drill


def test_a_reason_is_a_reason() -> None:
    """What is not shown says why, in more than a word."""
    assert [alert for alert, reason in NOT_SHOWN.items() if len(reason.split()) < 5] == []
