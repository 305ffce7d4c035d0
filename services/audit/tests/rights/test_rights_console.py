"""What the console's pages cost and remember for a reader of some platforms, and by what their views are found."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from ringfence_audit.console.adapters import log_facts, own_leaves
from ringfence_audit.console.adapters.own_leaves import OwnLeaves
from ringfence_audit.console.api.application import ConsoleApplication
from ringfence_audit.console.application.viewing import asked_about
from ringfence_audit.index.application.limited import LimitedQueries
from ringfence_audit.log.domain.sight import Sight
from ringfence_console import Host, ports
from ringfence_console.ports import Reader
from ringfence_desk.fact import Fact
from ringfence_desk.roles import Role
from ringfence_kernel.access.caller import Caller

from .test_rights_register import BUNDLE, OTHERS, OURS, SHARED, THIRD, Log

IDS = [bytes([100 + number]) * 16 for number in range(5)]


def page(log: Any, *platforms: bytes) -> OwnLeaves:
    """Begins a page of somebody who is shown these platforms."""
    return OwnLeaves(LimitedQueries(log, log), log, frozenset(platforms), len(log.leaves))


def filled() -> Log:
    """Ours, and others', use the same ids in turns, in three bundles; a fourth is of others alone."""
    log = Log()
    for number in range(3 * BUNDLE):
        log.moved(OTHERS if number % 2 else OURS, IDS[number % 5])
    log.moved(OTHERS, SHARED, BUNDLE)
    return log


def test_a_page_looks_through_its_platforms_bundles_once() -> None:
    """However many ids it asks for; it is given what is the platform's, in order, and reads nothing beyond."""
    log = filled()
    own = page(log, OURS)
    for number, each in enumerate(IDS):
        wanted = [at for at in range(3 * BUNDLE) if at % 2 == 0 and at % 5 == number]
        assert [index for index, _ in own.about(each)] == wanted
    assert list(own.about(SHARED)) == []
    assert len(log.read) == 3 * BUNDLE + 3 * BUNDLE // 2
    assert max(log.read) < 3 * BUNDLE
    both = log.say("custody.transfer.v1", tenant_id=OURS, book_id=OTHERS, payment_id=THIRD)
    assert list(page(log, OURS).about(THIRD)) == []
    assert [index for index, _ in page(log, OURS, OTHERS).about(THIRD)] == [both]
    assert [index for index, _ in page(log, OURS, OTHERS).about(IDS[0])] == list(range(0, 3 * BUNDLE, 5))


def test_more_than_a_page_can_look_through_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too much to note is looked through for each id anew, as long as that is not too much together."""
    log = filled()
    monkeypatch.setattr(own_leaves, "MOST_NOTED", 2)
    monkeypatch.setattr(own_leaves, "MOST_LOOKED_THROUGH", 6)
    own = page(log, OURS)
    for number in (0, 1):
        wanted = [at for at in range(3 * BUNDLE) if at % 2 == 0 and at % 5 == number]
        assert [index for index, _ in own.about(IDS[number])] == wanted
    with pytest.raises(ports.Refused) as refused:
        own.about(IDS[2])
    assert refused.value.reason == "TOO_MUCH_TO_LOOK_THROUGH"
    monkeypatch.setattr(own_leaves, "MOST_LOOKED_THROUGH", 2)
    with pytest.raises(ports.Refused):
        page(log, OURS).about(IDS[0])


def test_the_newest_facts_are_the_newest_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a platform with more bundles than a page looks through, and of one with few, which are all long ago."""
    monkeypatch.setattr(own_leaves, "TOGETHER", 2)
    monkeypatch.setattr(own_leaves, "FEWEST_LEAVES", 2 * BUNDLE)
    monkeypatch.setattr(own_leaves, "MOST_LOOKED_THROUGH", 3)
    log = filled()
    log.moved(OURS, SHARED, 6 * BUNDLE)
    log.moved(OTHERS, THIRD, 9 * BUNDLE + 7)
    size = len(log.leaves)
    assert [index for index, _ in page(log, OTHERS).newest(3)] == [size - 3, size - 2, size - 1]
    assert [index for index, _ in page(log, OURS).newest(3)] == [10 * BUNDLE - 3, 10 * BUNDLE - 2, 10 * BUNDLE - 1]
    assert page(log, THIRD).newest(3) == []
    assert len(page(log, OURS).newest(5 * BUNDLE)) == 2 * BUNDLE


def test_a_view_is_recorded_by_what_it_is_about() -> None:
    """By an id, or a place in the log, so that it is found; what somebody typed does not stand in the log."""
    assert asked_about(str(UUID(bytes=SHARED))) == {"subject_id": SHARED}
    assert asked_about("170") == {"leaf_index": 170}
    for typed in ("", "Ada Lovelace", "9" * 30, "12 34", str(UUID(bytes=SHARED)).upper()):
        assert asked_about(typed) == {}


def test_what_was_shown_under_one_grant_is_not_told_under_another() -> None:
    """Pages, and the names that they have learned, are a reader's by its certificate, grant and platforms."""
    made: list[Reader] = []

    def host_of(reader: Reader) -> Host:
        made.append(reader)
        return Host(reader=reader, facts=None, has_overview=False)  # type: ignore[arg-type]

    nobody: Any = None
    application = ConsoleApplication(host_of, frozenset({"localhost"}), nobody, nobody, 1.0)
    caller = Caller("spiffe://test/reader", None, THIRD, "thumbprint")
    sights = [Sight(frozenset({OURS}), b"g" * 16), Sight(frozenset({OURS}), b"h" * 16), Sight(frozenset({OTHERS}))]
    pages = [application._application(caller, each) for each in [*sights, *sights]]
    assert pages[:3] == pages[3:]
    assert len(made) == len(set(map(id, pages))) == 3


def test_names_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are very many, those from before are forgotten."""
    monkeypatch.setattr(log_facts, "MOST_NAMES", 2)
    nothing: Any = None
    facts = log_facts.LoggedFacts("log", nothing, dict)
    for number, each in enumerate([*IDS, SHARED]):
        facts.learn([Fact(number, "identity.principal_registered.v1", {"principal_id": each}, {"name": "x"})])
        assert len(facts.names().called) <= 3
        assert facts.names().name(Role.PRINCIPAL, UUID(bytes=each)) == "x"
