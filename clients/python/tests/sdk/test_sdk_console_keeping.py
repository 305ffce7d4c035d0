"""The survey of a log goes on from what an earlier run has kept, once the signed root has borne it out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from ringfence.console_host.facts import LogFacts
from ringfence.console_host.history import History
from ringfence.console_host.keeping import KeptSurvey
from ringfence.remembered import Remembered
from ringfence_console import ports
from ringfence_protos.audit.v1 import audit_pb2 as pb

from clients.verifier.tests.notes import leaf

from .logged import SIGNER, LoggedService
from .test_sdk_console_facts import BANK, CLIENT, FACTS, PLATFORM, moved

VIEW = ports.View("overview")
STEP = leaf(
    "payment-instruction.step.v1",
    instruction_id=UUID(int=5).bytes,
    tenant_id=PLATFORM.bytes,
    status="HELD",
    reason="SECOND_APPROVER_REQUIRED",
)
RESERVED = leaf(
    "custody.transfer.v1",
    transfer_id=UUID(int=6).bytes,
    tenant_id=PLATFORM.bytes,
    debit_account_id=CLIENT.bytes,
    credit_account_id=BANK.bytes,
    amount_minor=2,
    ledger=978,
    code=2,
    flags=2,
    ordinal=9,
)


@pytest.fixture
def service() -> LoggedService:
    """A log of one book, a payment that waits, and what is set aside for it."""
    return LoggedService.of(*FACTS, STEP, RESERVED)


def run(service: LoggedService, folder: Path) -> ports.Overview:
    """Starts the console anew and looks."""
    service.asked.clear()
    return LogFacts(History(service.audit, SIGNER.vkey, Remembered(folder))).overview(VIEW)


def read(service: LoggedService) -> int:
    """Tells the first leaf that was asked for."""
    return min(each.from_index for each in service.asked if isinstance(each, pb.ListLeavesRequest))


def kept(folder: Path) -> Path:
    """Gives the file of what was kept."""
    (found,) = folder.glob("*.survey")
    return found


def said(found: ports.Overview) -> tuple[object, ...]:
    """Gives all that an overview says but the time."""
    return found.books, found.payments, found.latest, found.standing.seal.is_proven


def test_the_next_run_reads_what_is_new_alone(service: LoggedService, tmp_path: Path) -> None:
    """The last leaf of before, by which the view is a read, and those after it; it says what a whole reading says."""
    first = run(service, tmp_path / "kept")
    assert read(service) == 0
    assert (first.books[0].reserved_minor, first.payments) == (2, {("HELD", "SECOND_APPROVER_REQUIRED"): 1})
    size = len(service.log.leaves)
    assert said(run(service, tmp_path / "kept")) == said(first)
    assert read(service) == size - 1
    service.grow(moved(20), moved(21))
    second = run(service, tmp_path / "kept")
    assert read(service) == size - 1
    assert said(second) == said(run(service, tmp_path / "anew"))
    assert second.standing.seal.is_proven
    assert second.books[0].equation.bank_minor == first.books[0].equation.bank_minor + 2
    run(service, tmp_path / "kept")
    assert read(service) == len(service.log.leaves) - 1


def _cut(content: bytes) -> bytes:
    return content[:-1]


def _changed(content: bytes) -> bytes:
    return content[:-20] + bytes([content[-20] ^ 1]) + content[-19:]


def _other(content: bytes) -> bytes:
    return b"something else"


@pytest.mark.parametrize("spoil", [_cut, _changed, _other])
def test_what_is_damaged_is_read_anew(service: LoggedService, tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    """And kept again."""
    first = run(service, tmp_path)
    file = kept(tmp_path)
    file.write_bytes(spoil(file.read_bytes()))
    assert said(run(service, tmp_path)) == said(first)
    assert read(service) == 0
    run(service, tmp_path)
    assert read(service) > 0


def test_what_is_of_other_leaves_is_read_anew(service: LoggedService, tmp_path: Path) -> None:
    """Well-formed, as long, with the same last leaf, and of another log: its hashes do not make the signed root."""
    other = LoggedService.of(*FACTS[:-1], moved(99), STEP, RESERVED)
    run(other, tmp_path / "other")
    first = run(service, tmp_path / "own")
    kept(tmp_path / "own").write_bytes(kept(tmp_path / "other").read_bytes())
    service.grow(moved(20))
    grown = run(service, tmp_path / "own")
    assert read(service) == 0
    assert grown.standing.seal.is_proven
    assert grown.books[0].equation.bank_minor == first.books[0].equation.bank_minor + 1


def test_a_lie_after_what_was_kept_is_told(service: LoggedService, tmp_path: Path) -> None:
    """A fact that is kept from who may read all is missed by the root, also where the rest was read before."""
    run(service, tmp_path)
    service.grow(moved(20), moved(21))
    size = len(service.log.leaves)
    service.listed = lambda leaves: [each for each in leaves if each.index != size - 2]
    with pytest.raises(ports.NotProven, match="not those that it has signed"):
        run(service, tmp_path)


def test_a_reader_of_a_part_is_shown_a_part(service: LoggedService, tmp_path: Path) -> None:
    """Whatever was read while the grant was for all."""
    run(service, tmp_path)
    service.part = [1, 2, len(service.log.leaves) - 1]
    found = run(service, tmp_path)
    assert [each.index for each in found.latest] == service.part
    assert not found.standing.seal.is_proven


def test_a_long_survey_is_not_written_at_each_look(
    service: LoggedService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is kept anew once it has grown by a part; until then a little is read again."""
    monkeypatch.setattr("ringfence.console_host.keeping._SELDOM", 2)
    run(service, tmp_path)
    before = kept(tmp_path).read_bytes()
    service.grow(moved(20))
    run(service, tmp_path)
    assert kept(tmp_path).read_bytes() == before
    service.grow(*(moved(30 + each) for each in range(10)))
    run(service, tmp_path)
    assert kept(tmp_path).read_bytes() != before
    survey = KeptSurvey(Remembered(tmp_path), SIGNER.name).load()
    assert survey is not None
    assert survey.size == len(service.log.leaves)
