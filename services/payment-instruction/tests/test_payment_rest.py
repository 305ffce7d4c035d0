"""What rests in memory, by the order of events alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from ringfence_kernel.writing.departed import LookAgain
from ringfence_kernel.writing.journal import Journal
from ringfence_payment_instruction.submissions.domain.events import SubmissionRefused
from ringfence_payment_instruction.submissions.domain.past import (
    Asked,
    Past,
    instruction_key,
    replayed,
    submission_key,
)
from ringfence_payment_instruction.submissions.domain.state import State
from ringfence_payment_instruction.submissions.domain.status import Status
from ringfence_payment_instruction.submissions.domain.submission import stream_of
from ringfence_payment_instruction.submissions.domain.transitions import Step, moved

from .conftest import MAKER, TENANT


class UnfinishedJournal(Journal):
    """A journal whose commit never comes."""

    def clear(self) -> None:
        """Keeps everything."""


def test_a_failed_group_leaves_no_trace(make_history: Any) -> None:
    """Whatever closes, rests and leaves memory within a group comes back exactly when its commit fails."""
    history, rng = make_history(rest_rows=4), random.Random(7)
    for turn in range(60):
        before, journal = history.state.digest(), UnfinishedJournal()
        kept = list(history.log), dict(history.versions)
        history.journal, real = journal, history.journal
        close(history, f"{turn}", rng.randint(1, 3))
        journal.rollback()
        history.log, history.versions, history.journal = *kept, real
        assert history.state.digest() == before
        close(history, f"{turn}", rng.randint(1, 3))
    assert len(history.submissions.submissions) <= 4
    assert history.replayed().digest() == history.state.digest()


def test_without_a_look_nobody_is_told_that_a_used_id_is_new(make_history: Any, make_submission: Any) -> None:
    """Memory answers rightly for what cannot have left it, and has everything else looked up; a rising id never is."""
    history, rng = make_history(rest_rows=4), random.Random(11)
    state: State = history.submissions
    used: set[bytes] = set()
    names: set[bytes] = set()
    asked_to_look = 0
    for turn in range(200):
        ids = list({rising(turn), rng.choice([rising(rng.randrange(turn + 1)), scattered(rng)])})
        close(history, f"{turn}", len(ids), ids=ids)
        used.update(ids)
        names.update((make_submission(f"{turn}").received.submission_id, refused(history, rng)))
        for each in [*rng.sample(sorted(used), min(len(used), 5)), scattered(rng), rising(turn + 1)]:
            found = answer(state, Asked([instruction_key(TENANT, each)]), lambda each=each: state.is_used(TENANT, each))
            assert found in (each in used, None)
            asked_to_look += found is None
            assert found is not None or each != rising(turn + 1)
        for each in [*rng.sample(sorted(names), min(len(names), 5)), scattered(rng)]:
            asked = Asked(submissions=[submission_key(TENANT, each)])
            found = answer(state, asked, lambda each=each: state.handed_in(TENANT, each) is not None)
            assert found in (each in names, None)
    assert asked_to_look > 0
    again = State(history.reopen, 4)
    again.restore({name: memoryview(content) for name, content in state.save()})
    assert again.digest() == state.digest()


def answer(state: State, asked: Asked, question: Callable[[], bool]) -> bool | None:
    """Returns what a decision is told for which nothing was looked up; None where it is told to look."""
    try:
        with state.recalling(Past(None)):
            found = question()
    except LookAgain:
        found = None
    assert not (state.has_all(asked) and found is None)
    return found


def rising(number: int) -> bytes:
    """Returns an id as a clock makes it (UUIDv7)."""
    return number.to_bytes(6, "big") + b"\x70" + bytes(9)


def refused(history: Any, rng: random.Random) -> bytes:
    """Refuses a file whole, under an id of a kind that no submission has."""
    submission_id = scattered(rng)
    event = SubmissionRefused(TENANT, submission_id, b"digest", MAKER, "M-1", "TOO_MANY", "AM18", b"report")
    history.record(stream_of(TENANT, submission_id), [event])
    return submission_id


def scattered(rng: random.Random) -> bytes:
    """Returns an id as chance makes it (UUIDv4)."""
    return rng.randbytes(6) + b"\x40" + rng.randbytes(9)


def close(history: Any, name: str, rows: int, **changes: Any) -> bytes:
    """Takes in a submission and rejects all of it that is not rejected at once, for an id that was used before."""
    submission = history.submit(name, rows, **changes)
    steps = [Step(each, Status.REJECTED, "X") for each in range(rows) if submission.statuses[each] != Status.REJECTED]
    if steps:
        history.record(submission.stream, moved(submission, "screening", steps))
    stream: bytes = submission.stream
    return stream


def test_what_opens_again_comes_back_and_closes_again(make_history: Any) -> None:
    """An event that opens a closed payment, as a recall will, brings it into memory in every process alike."""
    history = make_history(rest_rows=2)
    first = history.submit("first")
    ways = [Status.SCREENED, Status.RESERVED, Status.SETTLED]
    history.record(first.stream, moved(first, "custody", [Step(0, status) for status in ways]))
    for number in range(3):
        close(history, f"{number}", 1)
    assert history.submissions.submission(first.stream) is None
    submissions, _ = replayed(each for each in history.log if each.stream == first.stream)
    with history.submissions.recalling(Past(len(history.log), submissions=submissions)):
        history.record(first.stream, moved(submissions[first.stream], "bank", [Step(0, Status.RECALL)]))
    found = history.submissions.find(first.tenant, first.instruction_id(0))
    assert found is not None
    assert found[0].statuses[0] == Status.RECALL
    assert history.replayed().digest() == history.state.digest()
    for number in range(3, 6):
        close(history, f"{number}", 1)
    assert history.submissions.submission(first.stream) is not None
    history.record(first.stream, moved(found[0], "bank", [Step(0, Status.RETURNED)]))
    for number in range(6, 9):
        close(history, f"{number}", 1)
    assert history.submissions.submission(first.stream) is None
    assert history.replayed().digest() == history.state.digest()
