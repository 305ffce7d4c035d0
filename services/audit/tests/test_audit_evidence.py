"""Transfers that rest on the bank's word alone, and whether the log has that word."""

from __future__ import annotations

import pytest
from ringfence_audit.evidence.application.founding import BOUND_SECONDS, Founding
from ringfence_audit.evidence.domain import state as evidence
from ringfence_audit.evidence.domain.state import State
from ringfence_audit.log.domain.events import LeavesAppended
from ringfence_audit.log.domain.leaf import encode, pack
from ringfence_kernel.values.clock import NANOSECONDS
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.journal import Journal

TRANSFER, FILE, OTHER = b"transfer no. 001", b"f" * 32, b"o" * 32
NOW_NS = 10**18


class Log:
    """What the log says of evidence, and who looks at it."""

    def __init__(self) -> None:
        """Starts empty, at a fixed time."""
        self.state, self.now_ns = State(), NOW_NS
        self.founding = Founding(self.state, lambda: self.now_ns)

    def take(self, source: str, kind: str, **fields: bytes) -> None:
        """Takes over one leaf, and others beside it."""
        leaves = pack([encode("x.other.v1", {"evidence": FILE}), encode(kind, {"tenant_id": bytes(16), **fields})])
        event = LeavesAppended(source, 1, 1, 1, b"", 0, 0, 0, 2, leaves, b"")
        self.state.apply(Recorded(1, b"", 1, event, self.now_ns, ""), Journal())

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self.now_ns += int(seconds * NANOSECONDS)


def rests(log: Log, file: bytes = FILE) -> None:
    """custody has booked a transfer that rests on a file."""
    log.take("custody", "custody.transfer_evidence.v1", transfer_id=TRANSFER, evidence=file)


NAMED = [
    ("payment-instruction.directive.v1", "evidence"),
    ("payment-instruction.bank_entry.v1", "file_sha256"),
]


@pytest.mark.parametrize(("kind", "field"), NAMED)
@pytest.mark.parametrize("is_first", [True, False], ids=["before", "after"])
def test_what_has_its_evidence_is_no_alarm(kind: str, field: str, is_first: bool) -> None:
    """The feeds of two services come in any order."""
    log = Log()
    if is_first:
        log.take("payment-instruction", kind, **{field: FILE})
    rests(log)
    if not is_first:
        log.take("payment-instruction", kind, **{field: FILE})
    log.advance(2 * BOUND_SECONDS)
    assert log.founding.missing() == {}


@pytest.mark.parametrize("source", ["custody", "payment-instruction"])
def test_what_has_none_is_an_alarm_after_the_bound(source: str) -> None:
    """Another file is none, and custody's own word is none."""
    log = Log()
    log.take(source, NAMED[0][0], evidence=FILE if source == "custody" else OTHER)
    rests(log)
    log.advance(BOUND_SECONDS - 1)
    assert log.founding.missing() == {}
    log.advance(2)
    assert log.founding.missing() == {TRANSFER: FILE}
    log.take("payment-instruction", NAMED[0][0], evidence=FILE)
    assert log.founding.missing() == {}


def test_it_is_kept_in_snapshots_and_taken_back_with_a_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A saved state is the same state; old files make room."""
    monkeypatch.setattr(evidence, "KEPT", 1)
    log, journal = Log(), Journal()
    rests(log)
    before = log.state.digest()
    leaves = pack([encode(NAMED[0][0], {"evidence": FILE}), encode(NAMED[0][0], {"evidence": OTHER})])
    event = LeavesAppended("payment-instruction", 1, 1, 1, b"", 0, 0, 0, 2, leaves, b"")
    log.state.apply(Recorded(1, b"", 1, event, NOW_NS, ""), journal)
    assert (list(log.state.files), log.state.unfounded) == ([OTHER], {})
    restored = State()
    restored.restore({name: memoryview(content) for name, content in log.state.save()})
    assert restored.digest() == log.state.digest() != before
    journal.rollback()
    assert log.state.digest() == before
