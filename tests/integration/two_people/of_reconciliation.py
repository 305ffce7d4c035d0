"""The rows of custody's reconciliation."""

from __future__ import annotations

import time
from datetime import timedelta

from ringfence.reconciliation import Break, BreakStatus, CorrectingEntry

from ..stating import bank_day, state_nothing
from .acts import Act, People, row

BREAK_SECONDS = 20.0
FOUND_MINOR = 1_00


@row("CorrectBreak")
def correct_break(people: People) -> Act:
    """A deposit that the importer has posted and no bank has booked, which is then taken back."""
    platform, yesterday = people.scenario.platform("Nora Vale"), bank_day() - timedelta(days=1)
    account, mirror, first = platform.customer("Nora Vale").account, platform.bank.mirror, people.scenario.operators[0]
    state_nothing(platform.bank, yesterday, yesterday)
    platform.fund([account], FOUND_MINOR, mirror)
    state_nothing(platform.bank, yesterday + timedelta(days=1), bank_day())
    end, found = time.monotonic() + BREAK_SECONDS, list[Break]()
    while not found:
        assert time.monotonic() < end, "a deposit that no bank knows is no break"
        time.sleep(0.05)
        found = [each for each in first.reconciliation.breaks(platform.id) if each.status is BreakStatus.CLASSIFIED]
    broken = found[0].id
    first.reconciliation.assign(broken, note="seen")
    back = CorrectingEntry(account.id, mirror.id, FOUND_MINOR)
    return Act(
        "custody",
        lambda by: by.reconciliation.correct(broken, [back], reason="no bank knows it"),
        lambda: account.posted_minor == 0,
    )
