"""Complete answers from the SDK and the command: verified, joined, and what does not fit together refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import grpc
import pytest
from ringfence.audit import Audit
from ringfence.cli import app
from ringfence.commands import complete
from ringfence.commands.errors import CommandFailed
from ringfence.commands.trusted import REMEMBERED
from ringfence.remembered import Remembered
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_verifier import AnswerRefused, Policy, VerificationError, verify_key_succession
from ringfence_verifier.key_succession import KEY_ENDED_KIND, KEY_KIND
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
        self.key_receipts: list[str] = []

    def call(self, method: Any, request: Any) -> Any:
        """Answers the next piece, or the proof that the log has only grown."""
        if isinstance(request, audit_pb2.GetConsistencyProofRequest):
            assert (request.from_size, request.to_size) == (len(self.older.leaves), len(self.newer.leaves))
            return audit_pb2.GetConsistencyProofResponse(path=self.proof)
        if isinstance(request, audit_pb2.GetCheckpointRequest):
            return audit_pb2.GetCheckpointResponse(checkpoint=self.newer.note.decode(), key_receipts=self.key_receipts)
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
        "index": "100", "time": "2026-09-21 14:30:00.000 UTC", "kind": "custody.transfer.v1", "amount": "100,100 JPY",
        "what": "Moved, release of the guarantee: account 2222…2222 → account 3333…3333",
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


def test_a_part_is_never_said_to_be_all(saved: Path) -> None:
    """A narrow answer that the log has signed is named so and fails, with facts or without, also for programs."""
    for span, count in (((583, 590), "no"), ((579, 590), "1"), ((0, 300), "15")):
        saved.write_bytes(small_log().parts(CAROL, *span).encoded())
        done = run("verify", "answer", str(saved), "--key", SIGNER.vkey)
        part = f"A PART only: facts {span[0]} to {span[1] - 1} of 590"
        assert part in str(done.exception)
        assert f"{part}. In this part there" in done.output
        assert f" {count} of them about {SUBJECT}" in done.output
        assert not any(words in done.output for words in ("These are all", "There is", "no other"))
        assert isinstance(run("verify", "answer", str(saved), "--key", SIGNER.vkey, "--json").exception, CommandFailed)


def test_all_pieces_are_one_answer_where_they_fit(log: Log, tmp_path: Path) -> None:
    """In whatever order they are given; with one missing, twice there, of somebody else, or older: refused."""
    older, newer, made = log.older, log.newer, dict[str, Path]()
    for name, content in {
        "one": older.parts(CAROL, 0, 256), "two": older.parts(CAROL, 256, 300), "three": newer.parts(CAROL, 300),
        "all before three": newer.parts(CAROL, 0, 300), "of nobody": older.parts(NOBODY, 256, 300),
        "old end": older.parts(CAROL, 300),
    }.items():  # fmt: skip
        made[name] = tmp_path / name
        made[name].write_bytes(content.encoded())

    def verified(*names: str) -> Any:
        return run("verify", "answer", *(str(made[name]) for name in names), "--key", SIGNER.vkey)

    done = verified("three", "one", "two")
    assert done.exit_code == 0
    assert f"These are all 31 facts about {SUBJECT}, and there are no others" in done.output
    assert "facts 0 to 601 of 603" in done.output
    assert "under several checkpoints" in done.output
    for names, says in (
        (("one", "three"), "do not fit"),
        (("one", "one"), "do not fit"),
        (("one", "of nobody"), "something else"),
        (("all before three", "old end"), "older checkpoint"),
        (("two", "three"), "A PART only: facts 256 to 601 of 602"),
    ):
        done = verified(*names)
        assert says in str(done.exception)
        assert "These are all" not in done.output


def test_who_has_lied_is_not_quoted(saved: Path, tmp_path: Path) -> None:
    """With a receipt that contradicts the answer nothing is printed of what the answer claims."""
    file = tmp_path / "one.receipt"
    file.write_text(receipt(small_log(), 260))
    saved.write_bytes(lying("hidden").encoded())
    done = run("verify", "answer", str(saved), "--key", SIGNER.vkey, "--receipt", str(file))
    assert "has lied" in str(done.exception)
    assert done.stdout == ""


class Rotating(Log):
    """A log whose key has changed: an answer stands before the announcement, in the overlap, and after the end."""

    def __init__(self) -> None:
        super().__init__()
        facts = (*self.older.facts, leaf("x", a_id=CAROL))
        old, new = SIGNER, NEW
        self.before = IndexedLog(facts, 601, old)
        announced = leaf(KEY_KIND, size=602, vkey=new.vkey, previous=old.vkey, until_ns=1, time_ns=1)
        self.both = IndexedLog((*self.before.leaves, announced), 603, old)
        ended = leaf(KEY_ENDED_KIND, size=604, vkey=old.vkey, time_ns=1)
        self.after = IndexedLog((*self.both.leaves, ended), 605, new)
        self.begin = [self.receipt(self.both, 602, old, new)]
        self.key_receipts = [*self.begin, self.receipt(self.after, 604, new)]
        self.newer = self.after
        self.replies = []

    def note(self, of: IndexedLog, *signers: Signer) -> str:
        """A checkpoint with a line of each."""
        text = of.note.decode().partition("\n\n")[0] + "\n"
        return f"{text}\n{''.join(signer.line(text) for signer in signers)}"

    def receipt(self, of: IndexedLog, index: int, *signers: Signer) -> str:
        """A receipt under such a checkpoint."""
        head = receipt(of, index).partition("\n\n")[0]
        return f"{head}\n\n{self.note(of, *signers)}"

    def answer(self, of: IndexedLog, *signers: Signer) -> bytes:
        """An answer about Carol under such a checkpoint."""
        return replace(of.parts(CAROL), note=self.note(of, *signers).encode()).encoded()

    def call(self, method: Any, request: Any) -> Any:
        """Proves any size to extend any other."""
        if isinstance(request, audit_pb2.GetConsistencyProofRequest):
            path = consistency(request.from_size, self.after.leaves[: request.to_size])
            return audit_pb2.GetConsistencyProofResponse(path=path)
        return super().call(method, request)


NEW = Signer(seed=b"n" * 32)


@pytest.fixture
def rotating() -> Iterator[tuple[Rotating, Audit]]:
    """The SDK on a log that has changed its key."""
    log = Rotating()
    with grpc.insecure_channel("localhost:1") as channel:
        yield log, Audit(channel, log)  # type: ignore[arg-type]


@pytest.mark.parametrize("vkey", [SIGNER.vkey, NEW.vkey], ids=["old", "new"])
@pytest.mark.parametrize("memory", ["old", "overlap"])
def test_a_rotation_locks_nobody_out_of_answers(
    rotating: tuple[Rotating, Audit], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: str, vkey: str
) -> None:
    """Whoever remembers the old key or the overlap follows, by either key, and remembers the new one."""
    log, audit = rotating
    remembered = Remembered(tmp_path / REMEMBERED)
    note = log.note(log.before, SIGNER) if memory == "old" else log.note(log.both, SIGNER, NEW)
    remembered.accept(note, SIGNER.vkey, audit.consistency_proof, [] if memory == "old" else log.begin)
    client = SimpleNamespace(audit=audit, credentials=SimpleNamespace(folder=tmp_path))
    monkeypatch.setattr(complete, "client_as", lambda principal: nullcontext(client))
    log.replies = [(log.answer(log.after, NEW), 0)]
    done = run("answer", str(SUBJECT), "--as", "regulator", "--key", vkey)
    assert done.exit_code == 0, done.exception
    assert f"These are all 31 facts about {SUBJECT}" in done.output
    (first, second) = remembered.keys(SIGNER.name, SIGNER.vkey).keys
    assert (first.vkey, first.last, second.vkey) == (SIGNER.vkey, 604, NEW.vkey)


def test_an_answer_is_verified_by_the_keys_of_its_size(rotating: tuple[Rotating, Audit]) -> None:
    """Whoever knows the old key alone follows; what that key signs beyond its end is refused, and says so."""
    log, audit = rotating
    for of, signers in ((log.both, (SIGNER, NEW)), (log.after, (NEW,))):
        log.key_receipts = log.begin if of is log.both else log.key_receipts
        log.replies = [(log.answer(of, *signers), 0)]
        assert len(audit.answer(SUBJECT, SIGNER.vkey).facts) == 31
        log.key_receipts = Rotating().key_receipts
    log.replies = [(log.answer(log.after, SIGNER), 0)]
    with pytest.raises(AnswerRefused, match="somebody else may have that key"):
        audit.answer(SUBJECT, SIGNER.vkey)


def test_keys_that_were_followed_are_given_offline(rotating: tuple[Rotating, Audit], tmp_path: Path) -> None:
    """With them an ended key is believed no more, and a receipt by the old key counts against the new one's answer."""
    log, _ = rotating
    keys, answer, told = tmp_path / "log.keys", tmp_path / "an.answer", tmp_path / "one.receipt"
    keys.write_text(verify_key_succession(log.key_receipts, SIGNER.vkey)[0].saved())
    answer.write_bytes(log.answer(log.after, SIGNER))
    given = ("--key", NEW.vkey, "--keys", str(keys))
    told.write_text(log.receipt(log.after, 600, SIGNER))
    for kind, file in (("answer", answer), ("receipt", told)):
        assert "somebody else may have that key" in str(run("verify", kind, str(file), *given).exception)
        assert run("verify", kind, str(file), "--key", SIGNER.vkey).exit_code == 0
    answer.write_bytes(log.answer(log.after, NEW))
    told.write_text(log.receipt(log.before, 600, SIGNER))
    done = run("verify", "answer", str(answer), *given, "--receipt", str(told))
    assert (done.exit_code, "nothing contradicts it" in done.output) == (0, True)
    stranger = ("--key", Signer(seed=b"s" * 32).vkey, "--keys", str(keys))
    assert "none of those" in str(run("verify", "answer", str(answer), *stranger).exception)
