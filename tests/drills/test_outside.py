"""The cables to a witness and a mirror outside of the platform's zones are cut: what is published stays closed.

Nobody is told: connections stay open, and no byte passes. The log grows, and shows nothing that no quorum has seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from ringfence_audit.log.domain.events import EVENTS, CheckpointSigned
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.codec import EventCodec
from ringfence_local_stack.scenario import Platform, Scenario
from ringfence_local_stack.stack.health import is_serving

from deploy.checks.monitoring.rules import RULES
from tests.chaos.killer import LED
from tests.integration.scraping import scrape, value_of

from .outside import MIRROR, WITNESS, Outside, led_outside, programs
from .work import await_true

[RULE] = [file for file in RULES if file.name == "log.yaml"]
PAYER = "Aiko Brandt"
SECONDS = 60.0


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """A platform whose log has one witness, and a mirror that follows it."""
    with programs() as running, Scenario.private() as scenario:
        yield led_outside(scenario, running, tmp_path_factory.mktemp("outside"))


@pytest.fixture(scope="module")
def platform(outside: Outside) -> Platform:
    """A platform with a client who has money."""
    made = outside.scenario.platform(PAYER)
    made.bank.deposit(made.customer(PAYER), 10_000)
    return made


def says_serving(outside: Outside) -> bool:
    """Tells whether audit says that all is well with the log."""
    stack = outside.scenario.stack
    probe = outside.scenario.sandbox.certificate_files("regulator")
    return is_serving(stack.listens["audit"], stack.workload_ca_file, probe, LED["audit"])


def move(platform: Platform) -> None:
    """Has custody record something, which the log takes over."""
    platform.fund([platform.customer(PAYER).account], 1, platform.bank.mirror)


def grows(outside: Outside, platform: Platform) -> None:
    """What is recorded now is published, and mirrored."""
    before = outside.published()
    move(platform)
    await_true(lambda: outside.published().size > before.size, SECONDS)
    await_true(lambda: outside.mirrored().size > before.size, SECONDS)


def signed(outside: Outside) -> list[CheckpointSigned]:
    """Returns all checkpoints that the log has recorded."""
    store = EventStore(outside.scenario.stack.databases["audit"].app_conninfo)
    try:
        events = [each.event for each in store.replay(EventCodec(EVENTS))]
    finally:
        store.close()
    return [each for each in events if isinstance(each, CheckpointSigned)]


def alarmed_seconds() -> float:
    """Returns from which age on leaves without a checkpoint are an alarm, by the chart's rule."""
    [seconds] = re.findall(r"max\(ringfence_checkpoint_age_seconds\) > (\d+)", RULE.read_text(encoding="utf-8"))
    return float(seconds)


def unsigned_seconds(outside: Outside) -> float:
    """Returns the age by the figure that the rule looks at."""
    shown = scrape(outside.scenario.stack.metrics_listens["audit"])
    return value_of(shown, "ringfence_checkpoint_age_seconds") or 0.0


def test_without_its_quorum_nothing_is_published(outside: Outside, platform: Platform) -> None:
    """The log takes over what is recorded; health and an alarm say that it waits; mended, all is covered."""
    grows(outside, platform)
    with outside.cut(WITNESS, MIRROR):
        move(platform)
        await_true(lambda: not says_serving(outside), SECONDS)
        stands, recorded = outside.published(), signed(outside)
        move(platform)
        await_true(lambda: unsigned_seconds(outside) > alarmed_seconds(), alarmed_seconds() + SECONDS)
        move(platform)
        assert '"reason":"WITNESSES_MISSING"' in outside.scenario.stack.log_file("audit").read_text()
        assert (outside.published(), signed(outside)) == (stands, recorded)
        assert outside.mirrored().size <= stands.size
        assert not says_serving(outside)
    await_true(lambda: outside.published().size > stands.size, SECONDS)
    await_true(lambda: says_serving(outside) and not unsigned_seconds(outside), SECONDS)
    grows(outside, platform)


def test_a_mirror_that_is_cut_off_is_missed_by_nobody(outside: Outside, platform: Platform) -> None:
    """Publishing goes on without it; it stays with what it has, and catches up by itself."""
    grows(outside, platform)
    with outside.cut(MIRROR):
        move(platform)
        stays = outside.mirrored()
        await_true(lambda: outside.published().size > stays.size, SECONDS)
        before = outside.published()
        move(platform)
        await_true(lambda: outside.published().size > before.size, SECONDS)
        assert outside.mirrored() == stays
        assert says_serving(outside)
    await_true(lambda: outside.mirrored().size > before.size, SECONDS)


def test_nothing_was_signed_twice(outside: Outside, platform: Platform) -> None:
    """Each recorded checkpoint is larger than the one before; the newest is what anybody is shown, and was mirrored."""
    grows(outside, platform)
    sizes = [each.size for each in signed(outside)]
    assert sizes == sorted(set(sizes))
    await_true(lambda: outside.mirrored() == outside.published(), SECONDS)
    assert not list(Path(outside.folder / MIRROR).glob("forked-*"))
