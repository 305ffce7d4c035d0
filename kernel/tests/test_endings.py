"""Tokens that ended before their time are remembered for as long as one of them may live."""

from __future__ import annotations

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.standing import ended_by
from ringfence_kernel.writing.endings import LONGEST_TOKEN_NS, Ending, Endings
from ringfence_kernel.writing.journal import Journal

ANNA, BERT = b"anna............", b"bert............"


def caller(position: int, *, service: str | None = None) -> Caller:
    """Returns a caller whose token was issued at a position of identity's feed."""
    return Caller("", service, ANNA, "", tenant=BERT, token="token", identity_position=position)


def test_what_no_token_is_from_before_is_let_go() -> None:
    """However many endings there are: by the times of the feed alone, and the latest of each principal counts."""
    endings, journal = Endings(), Journal()
    for number in range(1, 1_001):
        endings.note(Ending(b"%016d" % number, number, number * LONGEST_TOKEN_NS // 10), journal)
    assert len(endings) == 11
    endings.note(Ending(ANNA, 1_001, 101 * LONGEST_TOKEN_NS), journal)
    endings.note(Ending(ANNA, 1_002, 101 * LONGEST_TOKEN_NS + 2), journal)
    endings.note(Ending(BERT, 1_003, 102 * LONGEST_TOKEN_NS + 1), journal)
    assert (endings.position_of(ANNA), endings.position_of(BERT), len(endings)) == (1_002, 1_003, 2)
    journal.rollback()
    assert len(endings) == endings.position_of(ANNA) == 0


def test_it_is_taken_up_as_it_was_saved() -> None:
    """By a process that starts from a snapshot."""
    endings, restored = Endings(), Endings()
    endings.note(Ending(ANNA, 7, 1), Journal())
    restored.restore(memoryview(endings.save()))
    assert ended_by(restored)(caller(6))
    assert not ended_by(restored)(caller(7))
    assert restored.save() == endings.save()


def test_what_a_workload_holds_is_no_access_token() -> None:
    """An authorisation lives on when its submitter's certificate is replaced: it is revoked by itself."""
    endings = Endings()
    endings.note(Ending(ANNA, 7, 1), Journal())
    assert not ended_by(endings)(caller(0, service="payment-instruction"))
