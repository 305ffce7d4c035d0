"""Whoever holds the leaves of a safeguarding day computes its figures again: custody's events, audit's leaves, and the
verifier, which knows neither.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence.cli import main
from ringfence_audit.log.domain.page import SourceEvent
from ringfence_audit.translation.application.translator import Translation
from ringfence_audit.translation.domain.state import State
from ringfence_custody.safeguarding.domain import days
from ringfence_custody.safeguarding.domain.events import EVENTS, SafeguardingSigned
from ringfence_custody.safeguarding.domain.figures import BankFigures, BookFigures, Computation, Facts, MirrorBalance
from ringfence_verifier import VerificationError, day_id, verify_safeguarding

from clients.verifier.tests.notes import Signer, base64, path, tree_hash

KEY = days.DayKey(bytes(range(16)), 978, "payment-services", 20_784)
ADA = days.Preparer(bytes([1]) * 16, bytes([2]) * 16, bytes(32), bytes(32))
BEN, BENS_PERSON = bytes([3]) * 16, bytes([4]) * 16
MINOR = st.integers(0, 10**12)
SIGNED_MINOR = st.integers(-(10**12), 10**12)


@st.composite
def computations(draw: st.DrawFn) -> Computation:
    """Any books and banks of up to three mirrors."""
    mirrors = draw(st.integers(1, 3))
    books = BookFigures(
        clients_minor=draw(MINOR),
        suspense_minor=draw(MINOR),
        own_minor=draw(SIGNED_MINOR),
        owed_minor=draw(MINOR),
        held_minor=draw(MINOR),
        mirrors=tuple(MirrorBalance(bytes([at]) * 16, at, draw(MINOR), draw(MINOR)) for at in range(1, mirrors + 1)),
    )
    banks = [
        BankFigures(
            mirror=bytes([at]) * 16,
            number=at,
            telling=bytes([9]) * 16,
            mirror_minor=books.mirrors[at - 1].balance_minor,
            bank_minor=draw(SIGNED_MINOR),
            later_minor=draw(SIGNED_MINOR),
            unbooked_minor=draw(SIGNED_MINOR),
            unplaced_minor=draw(SIGNED_MINOR),
            overdue_minor=draw(SIGNED_MINOR),
        )
        for at in draw(st.permutations(range(1, mirrors + 1)))
    ]
    return Computation(books, tuple(banks), Facts(draw(MINOR), draw(MINOR)))


def _worked(computation: Computation, versions: int = 1, *, is_late: bool = False) -> list[Any]:
    """Returns the events of a day that was reopened until it had so many versions, each closed by two people."""
    events = days.cut(KEY, computation.books, 7, 1, is_late=is_late)
    day = days.Day(KEY, events[0])
    for event in events[1:]:
        day = days.applied(day, event)
    for version in range(1, versions + 1):
        steps: list[Callable[[days.Day], Any]] = [
            lambda day: days.prepared(day, ADA, "", 3),
            lambda day: days.reviewed(day, BEN, BENS_PERSON, "", 4),
            lambda day: days.notified(day, BEN, bytes(32), "told", 4),
            lambda day: days.signed(day, BEN, [], 5),
        ]
        if version > 1:
            steps.insert(0, lambda day: days.reopened(day, ADA.principal, "late news", 6))
            events.append(steps.pop(0)(day))
            day = days.applied(day, events[-1])
        found = days.computed(day, computation, 0, 8, 2)
        for event in found:
            day = days.applied(day, event)
        events += found
        for step in steps:
            events.append(step(day))
            day = days.applied(day, events[-1])
    return events


def _leaves(events: list[Any]) -> list[bytes]:
    """Returns the leaves that audit makes of them."""
    sources = [
        SourceEvent(at, KEY.stream, at, event.TOPIC, msgspec.msgpack.encode([1, 1, "", asdict(event)]), bytes(32), 0)
        for at, event in enumerate(events, start=1)
    ]
    return [leaf for each in Translation(State()).translate("custody", sources) for leaf in each.leaves]


@given(computations(), st.integers(1, 3), st.booleans())
def test_a_signed_day_comes_out_again(computation: Computation, versions: int, is_late: bool) -> None:
    """Whatever the figures: the text is custody's own, of the newest version, and its hash the signed one."""
    events = _worked(computation, versions, is_late=is_late)
    found = verify_safeguarding(_leaves(events))
    computed = [event for event in events if event.TOPIC == "SafeguardingComputed.v1"][-1]
    assert (found.document, found.version) == (computed.document, versions)
    assert (found.day, found.prepared_by, found.reviewed_by) == (KEY.date, ADA.principal, BEN)
    assert day_id(found.tenant_id, found.pool, found.ledger, found.day) == KEY.stream


def _sample() -> list[Any]:
    mirrors = tuple(MirrorBalance(bytes([at]) * 16, at, 1_000, 200) for at in (1, 2))
    banks = tuple(BankFigures(each.mirror, each.number, bytes(16), 800, 790, 5) for each in mirrors)
    return _worked(Computation(BookFigures(1_500, 50, 40, 0, 10, mirrors), banks), 2)


FIGURES = [
    (type_.TOPIC, name)
    for type_ in EVENTS
    for name, kind in type_.__annotations__.items()
    if type_.TOPIC in ("SafeguardingCut.v1", "MirrorCut.v1", "MirrorCompared.v1", "SafeguardingComputed.v1")
    and name.endswith("_minor")
]


@pytest.mark.parametrize(("topic", "name"), FIGURES)
def test_no_figure_is_another_by_a_cent(topic: str, name: str) -> None:
    """Every amount in every leaf of the signed version is bound by the signature, or by a sum that must follow."""
    events = _sample()
    at = max(at for at, event in enumerate(events) if topic == event.TOPIC)
    events[at] = replace(events[at], **{name: getattr(events[at], name) + 1})
    with pytest.raises(VerificationError):
        verify_safeguarding(_leaves(events))


@pytest.mark.parametrize("missing", range(len(_sample())))
def test_a_day_is_whole_or_not_proven(missing: int) -> None:
    """A leaf that is kept back is noticed, but of versions that do not count any more and of what was told."""
    events = _sample()
    gone = events.pop(missing)
    others = getattr(gone, "version", 2) == 1 or gone.TOPIC in ("SafeguardingReopened.v1", "SafeguardingNotified.v1")
    if others:
        assert verify_safeguarding(_leaves(events)).version == 2
    else:
        with pytest.raises(VerificationError):
            verify_safeguarding(_leaves(events))


def test_a_reopened_day_is_not_proven_by_its_old_signature() -> None:
    """After a reopening the version before counts no more."""
    events = _sample()
    last = max(at for at, event in enumerate(events) if isinstance(event, SafeguardingSigned))
    with pytest.raises(VerificationError, match="version 2 of the day is not signed"):
        verify_safeguarding(_leaves(events[:last]))


def test_one_person_closes_no_day() -> None:
    """The same hand at preparing and reviewing is not proven, however the day was signed."""
    events = [
        replace(event, person=ADA.person) if event.TOPIC == "SafeguardingReviewed.v1" else event for event in _sample()
    ]
    with pytest.raises(VerificationError, match="has prepared"):
        verify_safeguarding(_leaves(events))


def test_a_signed_lie_is_none_the_less_one() -> None:
    """A difference that was written down as none, in leaf, sum, text and signature alike, does not follow."""
    mirror = MirrorBalance(bytes([1]) * 16, 1, 1_000, 200)
    bank = BankFigures(mirror.mirror, 1, bytes(16), 800, 700)
    events = _worked(Computation(BookFigures(800, 0, 0, 0, 0, (mirror,)), (bank,)))
    text = next(event.document for event in events if event.TOPIC == "SafeguardingComputed.v1")
    text = text.replace("difference -100", "difference 0").replace("external 100", "external 0")
    digest = hashlib.sha256(text.encode()).digest()
    lies = {
        "MirrorCompared.v1": {"difference_minor": 0},
        "SafeguardingComputed.v1": {"external_minor": 0, "document": text, "document_sha256": digest},
        "SafeguardingSigned.v1": {"document_sha256": digest},
    }
    with pytest.raises(VerificationError, match="difference of mirror 1"):
        verify_safeguarding(_leaves([replace(event, **lies.get(event.TOPIC, {})) for event in events]))


def test_a_bank_that_was_left_out_is_missed() -> None:
    """The cut says how many mirrors there are: a day that signed fewer is not proven."""
    mirror = MirrorBalance(bytes([1]) * 16, 1, 1_000, 200)
    bank = BankFigures(mirror.mirror, 1, bytes(16), 800, 800)
    events = _worked(Computation(BookFigures(800, 0, 0, 0, 0, (mirror,)), (bank,)))
    verify_safeguarding(_leaves(events))
    events[0] = replace(events[0], mirrors=2)
    with pytest.raises(VerificationError, match="not every mirror"):
        verify_safeguarding(_leaves(events))


def test_leaves_of_two_days_are_no_day() -> None:
    """A leaf of another day does not stand in for one of this."""
    events = _sample()
    moved = [replace(event, day_id=bytes(16)) if at == 1 else event for at, event in enumerate(events)]
    with pytest.raises(VerificationError, match="of another day"):
        verify_safeguarding(_leaves(moved))


def _receipts(folder: Path, signer: Signer, leaves: list[bytes], others: int) -> None:
    """Writes receipts of leaves that stand in a log behind others."""
    log = [b"\1other"] * others + leaves
    note = signer.note(signer.name, str(len(log)), base64(tree_hash(log)))
    for index, each in enumerate(leaves, start=others):
        lines = ["c2sp.org/tlog-proof@v1", f"extra {base64(each)}", f"index {index}"]
        proof = [base64(found) for found in path(index, log)]
        (folder / f"{index}.receipt").write_text("\n".join([*lines, *proof]) + f"\n\n{note}")


@pytest.mark.parametrize("key", ["its own", "another"])
def test_receipts_are_enough_to_compute_a_day_offline(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command prints the day's text from a folder of receipts and the log's key, and nothing under another key."""
    signer, events = Signer(), _sample()
    known = signer if key == "its own" else Signer(seed=b"x" * 32)
    _receipts(tmp_path, signer, _leaves(events), 9)
    monkeypatch.setattr(sys, "argv", ["ringfence", "verify", "safeguarding", str(tmp_path), "--key", known.vkey])
    if key == "another":
        with pytest.raises(SystemExit, match="1"):
            main()
        assert capsys.readouterr().out == ""
        return
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert capsys.readouterr().out == [each for each in events if hasattr(each, "document")][-1].document
