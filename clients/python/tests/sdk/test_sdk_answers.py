"""Complete answers from the SDK and the command: verified, joined, and what does not fit together refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import grpc
import pytest
from ringfence.audit import Audit
from ringfence.cli import app
from ringfence.commands import complete
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_verifier import AnswerRefused, Policy, VerificationError
from typer.testing import CliRunner

from clients.verifier.tests.answers import IndexedLog
from clients.verifier.tests.notes import Signer, consistency, leaf
from clients.verifier.tests.refused import CAROL, NOBODY, SIGNER, lying
from clients.verifier.tests.refused import log as small_log
from clients.verifier.tests.test_verifier_answer import receipt

SUBJECT = UUID(bytes=CAROL)


class Log:
    """A connection to a log that has grown by a fact between one piece and the next; it answers what it is told to."""

    def __init__(self) -> None:
        self.older = small_log()
        self.newer = IndexedLog((*self.older.leaves, leaf("x", a_id=CAROL)), len(self.older.leaves) + 1, SIGNER)
        self.replies: list[tuple[bytes, int]] = [
            (self.older.parts(CAROL, 0, 300).encoded(), 300),
            (self.newer.parts(CAROL, 300).encoded(), 0),
        ]
        self.proof = consistency(len(self.older.leaves), self.newer.leaves)

    def call(self, method: Any, request: Any) -> Any:
        """Answers the next piece, or the proof that the log has only grown."""
        if isinstance(request, audit_pb2.GetConsistencyProofRequest):
            assert (request.from_size, request.to_size) == (len(self.older.leaves), len(self.newer.leaves))
            return audit_pb2.GetConsistencyProofResponse(path=self.proof)
        answer, next_leaf = self.replies.pop(0)
        return audit_pb2.GetAnswerResponse(answer=answer, next_leaf=next_leaf)


@pytest.fixture
def log() -> Log:
    """A log that answers in two pieces."""
    return Log()


@pytest.fixture
def audit(log: Log) -> Iterator[Audit]:
    """The SDK on that log."""
    with grpc.insecure_channel("localhost:1") as channel:
        yield Audit(channel, log)  # type: ignore[arg-type]


def test_pieces_are_one_answer(audit: Audit, log: Log) -> None:
    """All facts of all pieces, as far as the newest index goes, under the newest checkpoint; each piece is kept."""
    pieces = [content for content, _ in log.replies]
    answer = audit.answer(SUBJECT, SIGNER.vkey)
    assert [index for index, _ in answer.facts] == [*range(0, 600, 20), 601]
    assert (answer.subject_id, answer.until_leaf, answer.checkpoint.size) == (SUBJECT, 602, 603)
    assert answer.pieces == pieces


def test_pieces_that_do_not_fit_together_are_refused(audit: Audit, log: Log) -> None:
    """Of somebody else, from elsewhere, ending early, or of a log that has not only grown."""
    first, second = log.replies
    for replies, says in (
        ([(log.older.parts(NOBODY).encoded(), 0)], "something else"),
        ([(log.older.parts(CAROL, 1).encoded(), 0)], "something else"),
        ([first, (log.newer.parts(CAROL, 301).encoded(), 0)], "something else"),
        ([(first[0], 0)], "ends before its index"),
        ([(first[0], 299)], "ends before its index"),
        ([(second[0], 0)], "something else"),
    ):
        log.replies = list(replies)
        with pytest.raises(VerificationError, match=says):
            audit.answer(SUBJECT, SIGNER.vkey)
    log.replies, log.proof = [first, second], log.proof[1:]
    with pytest.raises(VerificationError, match="consistency proof"):
        audit.answer(SUBJECT, SIGNER.vkey)


def test_a_piece_that_does_not_hold_is_refused(audit: Audit, log: Log) -> None:
    """By a policy of another log, or changed on its way."""
    whole = log.older.parts(CAROL).encoded()
    other = Policy.parse(f"log {Signer('log.example/other').vkey}\nquorum none\n".encode())
    for content, policy, reason in ((whole[:-1], None, "CUT_SHORT"), (whole, other, "QUORUM_MISSING")):
        log.replies = [(content, 0)]
        with pytest.raises(AnswerRefused) as refused:
            audit.answer(SUBJECT, SIGNER.vkey, policy=policy)
        assert refused.value.reason == reason


def run(*arguments: str) -> Any:
    """Runs the command."""
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """An answer about Carol in a file."""
    file = tmp_path / "carol.answer"
    file.write_bytes(small_log().parts(CAROL).encoded())
    return file


def test_a_saved_answer_is_verified_and_shown(saved: Path) -> None:
    """The facts with their amounts and purposes, under what is proven; for programs the same."""
    done = run("verify", "answer", str(saved), "--key", SIGNER.vkey)
    assert done.exit_code == 0
    assert f"These are all 30 facts about {SUBJECT}, and there are no others" in done.output
    assert "100,100 JPY" in done.output
    assert "facts 0 to 589 of 601 in log.example/ringfence" in done.output
    rows = json.loads(run("verify", "answer", str(saved), "--key", SIGNER.vkey, "--json").stdout)
    assert rows[5] == {
        "index": "100", "time": "2026-09-21 14:30:00 UTC", "kind": "custody.transfer.v1", "amount": "100,100 JPY",
        "what": "guarantee release",
    }  # fmt: skip


def test_that_there_is_nothing_is_shown(saved: Path) -> None:
    """An empty answer is one in words, and for programs an empty list."""
    saved.write_bytes(small_log().parts(NOBODY).encoded())
    assert (
        f"There is no fact about {UUID(bytes=NOBODY)}: proven for facts 0 to 589"
        in run("verify", "answer", str(saved), "--key", SIGNER.vkey).output
    )
    assert json.loads(run("verify", "answer", str(saved), "--key", SIGNER.vkey, "--json").stdout) == []


def test_a_receipt_that_contradicts_an_answer_shows_the_lie(saved: Path, tmp_path: Path) -> None:
    """The command says that the log has lied, by which two files; of one that contradicts nothing it says so."""
    file = tmp_path / "one.receipt"
    file.write_text(receipt(small_log(), 260))
    done = run("verify", "answer", str(saved), "--key", SIGNER.vkey, "--receipt", str(file))
    assert done.exit_code == 0
    assert "nothing contradicts it" in done.output
    saved.write_bytes(lying("hidden").encoded())
    done = run("verify", "answer", str(saved), "--key", SIGNER.vkey, "--receipt", str(file))
    assert isinstance(done.exception, VerificationError)
    assert "has lied" in str(done.exception)
    assert str(file) in str(done.exception)


def test_times_beyond_the_calendar_are_numbers() -> None:
    """What a log says is shown, whatever it says."""
    assert complete._moment(2**63 - 1).startswith("2262")
    assert complete._moment(-(2**63)).startswith("1677")
