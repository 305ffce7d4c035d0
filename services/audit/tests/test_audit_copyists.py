"""Who may copy the log, by what it has taken over from identity: the pins of ADR 28 hold without a token too."""

from __future__ import annotations

from typing import Any

import pytest
from ringfence_audit.log.domain.events import LeavesAppended
from ringfence_audit.log.domain.leaf import pack
from ringfence_audit.log.domain.page import SourceEvent
from ringfence_audit.standing.domain.state import State
from ringfence_audit.translation.application.translator import Translator
from ringfence_audit.translation.domain.accounts import Accounts
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.journal import Journal

from .feeds import START_NS, SourceFeed

MIRROR, BY = b"mirror no. 00001", b"operator no. 001"
FIRST, SECOND, THIRD = b"1" * 32, b"2" * 32, b"3" * 32
DAY_NS = 86_400 * 10**9


def registered(kind: str = "MIRROR", **changes: Any) -> tuple[str, dict[str, Any]]:
    """A registration that two people wanted."""
    fields = {"kind": kind, "name": "a mirror", "tenant": b"", "public_key": b"k" * 32, "active": True, "by": BY}
    return "PrincipalRegistered.v1", {**fields, "certificate_sha256": FIRST, "person": b"", "until_ns": 0, **changes}


def pinned(sha256: bytes) -> tuple[str, dict[str, Any]]:
    """Two people have pinned another."""
    return "CertificatePinned.v1", {"certificate_sha256": sha256, "public_key": b"", "by": BY}


def enrolled(sha256: bytes, presented: bytes, *, until_ns: int = START_NS + DAY_NS) -> tuple[str, dict[str, Any]]:
    """Its holder has renewed."""
    fields = {"assertion": b"a" * 16, "assertion_expires_ns": 1, "certificate_sha256": sha256, "expires_ns": until_ns}
    return "CertificateEnrolled.v1", {**fields, "presented_sha256": presented, "pins": True}


def told(*said: tuple[str, dict[str, Any]]) -> State:
    """Takes over events about the mirror, as the log does."""
    state, feed, translator = State(), SourceFeed("identity"), Translator("identity", Accounts({}))
    for topic, fields in said:
        event = feed.add(topic, {"principal": MIRROR, **fields}, MIRROR)
        at = event.position, event.stream_id, event.version, event.topic, event.state, event.hash
        leaves = list(translator.translate(SourceEvent(*at, START_NS + event.position)).leaves)
        appended = LeavesAppended("identity", 1, 1, 1, b"", 0, 0, 0, len(leaves), pack(leaves), b"")
        state.apply(Recorded(1, b"", 1, appended, START_NS, ""), Journal())
    return state


def those_that_may(state: State, at_ns: int = START_NS + 100) -> list[bytes]:
    """Gives which of the three certificates may be shown."""
    return [each for each in (FIRST, SECOND, THIRD) if state.copyists.may_copy(MIRROR, each, at_ns)]


@pytest.mark.parametrize("kind", ["MIRROR", "REGULATOR", "AUDITOR"])
def test_the_pinned_certificate_lets_in(kind: str) -> None:
    """The one that two people have registered, and no other that Vault may have signed for the same name."""
    assert those_that_may(told(registered(kind))) == [FIRST]
    assert those_that_may(told(registered(kind, certificate_sha256=b""))) == []


@pytest.mark.parametrize("kind", ["PLATFORM", "PLATFORM_APPROVER", "OPERATOR", "BANK_FEED", "IMPORTER"])
def test_nobody_else_may(kind: str) -> None:
    """Who reads one platform, or runs all of it, is no copyist, whatever is pinned later."""
    assert those_that_may(told(registered(kind), pinned(SECOND), enrolled(THIRD, SECOND))) == []


def test_who_renews_goes_on_until_the_new_one_ends() -> None:
    """And two people end all of them by another pin."""
    renewed = told(registered(), enrolled(SECOND, FIRST))
    assert those_that_may(renewed) == [FIRST, SECOND]
    assert those_that_may(renewed, START_NS + 2 * DAY_NS) == [FIRST]
    assert those_that_may(told(registered(), enrolled(SECOND, FIRST), pinned(THIRD))) == [THIRD]
    assert those_that_may(told(registered(), pinned(SECOND), enrolled(THIRD, SECOND))) == [SECOND, THIRD]


def test_a_role_ends_by_its_date() -> None:
    """Unless two people renew it."""
    until_ns = START_NS + DAY_NS
    person = registered("AUDITOR", until_ns=until_ns)
    assert those_that_may(told(person), until_ns - 1) == [FIRST]
    assert those_that_may(told(person), until_ns) == []
    longer = told(person, ("GrantRenewed.v1", {"until_ns": until_ns + DAY_NS, "by": BY}))
    assert those_that_may(longer, until_ns) == [FIRST]


def test_who_waits_for_a_second_operator_is_suspended() -> None:
    """As registrations of the first release do."""
    assert told(registered(active=False)).is_suspended(MIRROR)
    assert not told(registered(active=False), ("PrincipalActivated.v1", {"by": BY})).is_suspended(MIRROR)


def test_it_is_taken_up_as_it_was_saved() -> None:
    """By a process that starts from a snapshot; a state that knows less has another digest."""
    state, restored = told(registered(until_ns=0), enrolled(SECOND, FIRST)), State()
    restored.restore({name: memoryview(content) for name, content in state.save()})
    assert restored.digest() == state.digest() != told(registered()).digest()
    assert those_that_may(restored) == [FIRST, SECOND]


def granted(*platforms: bytes, **changes: Any) -> tuple[str, dict[str, Any]]:
    """Two people have said what it reads."""
    fields = {"grant": b"g" * 16, "platforms": [each.hex() for each in platforms], "jurisdictions": [], "from_ns": 0}
    return "AccessGranted.v1", {**fields, "until_ns": 0, "case_reference": "case", "by": BY, **changes}


def test_who_reads_a_part_copies_nothing() -> None:
    """A bundle has the leaves of all platforms: a grant of some, of a country, too early or over, opens none."""
    person = registered("REGULATOR")
    for said in (
        granted(BY),
        granted(jurisdictions=["DE"]),
        granted(from_ns=START_NS + 200),
        granted(until_ns=START_NS + 50),
    ):
        assert not told(person, said).may_copy(MIRROR, FIRST, START_NS + 100)
    for state in (told(person), told(person, granted()), told(person, granted(BY), granted())):
        assert state.may_copy(MIRROR, FIRST, START_NS + 100)
        assert not state.may_copy(MIRROR, SECOND, START_NS + 100)


def test_grants_are_kept_in_snapshots() -> None:
    """What was restored shows the same as what was told; where nothing was granted the digest is as it was before."""
    state = told(
        registered("AUDITOR"),
        granted(BY, jurisdictions=["DE"]),
        ("JurisdictionStated.v1", {"jurisdiction": "DE", "by": BY}),
    )
    restored = State()
    restored.restore({name: memoryview(content) for name, content in state.save()})
    assert (restored.digest(), restored.grants) == (state.digest(), state.grants)
    assert state.grants.save()
    assert not told(registered("AUDITOR")).grants.save()
