"""What rests in memory, by the order of events alone."""

from __future__ import annotations

import random
from typing import Any

from ringfence_kernel.writing.journal import Journal
from ringfence_payment_instruction.submissions.domain.past import Past, replayed
from ringfence_payment_instruction.submissions.domain.status import Status
from ringfence_payment_instruction.submissions.domain.transitions import Step, moved


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


def close(history: Any, name: str, rows: int) -> bytes:
    """Takes in a submission and rejects all of it."""
    submission = history.submit(name, rows)
    steps = [Step(index, Status.REJECTED, "X") for index in range(rows)]
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
