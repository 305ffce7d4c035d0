"""The state machine of an instruction."""

import pytest
from ringfence_payment_instruction.submissions.domain.errors import TransitionUnlisted
from ringfence_payment_instruction.submissions.domain.status import (
    BEFORE_SENT,
    ISO_STATUS,
    TRANSITIONS,
    Directive,
    Stage,
    Status,
    require_listed,
    stage_of,
)
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2


def test_every_unlisted_transition_is_refused() -> None:
    """Of all pairs of states exactly the listed ones pass."""
    for before in Status:
        for after in Status:
            if (before, after) in TRANSITIONS:
                require_listed(before, after)
            else:
                with pytest.raises(TransitionUnlisted):
                    require_listed(before, after)


def test_nothing_is_withdrawn_once_it_was_sent() -> None:
    """REJECTED, CANCELLED and EXPIRED are reached from before SENT only."""
    ends = {Status.REJECTED, Status.CANCELLED, Status.EXPIRED}
    assert {before for before, after in TRANSITIONS if after in ends} == set(BEFORE_SENT)


def test_an_unknown_payment_ends_only_settled_or_failed() -> None:
    """UNKNOWN leads nowhere but to what the bank can prove."""
    assert {after for before, after in TRANSITIONS if before is Status.UNKNOWN} == {Status.SETTLED, Status.FAILED}


def test_states_have_the_numbers_of_the_proto() -> None:
    """A state's number in events is its number on the wire."""
    for name, number in payment_instruction_pb2.InstructionStatus.items():
        if number:
            assert Status[name.removeprefix("INSTRUCTION_STATUS_")] == number


def test_every_state_has_an_iso_status() -> None:
    """No state is without an ISO 20022 code."""
    assert set(ISO_STATUS) == set(Status)


def test_final_states_ask_for_no_work() -> None:
    """Whatever was directed, a final state never becomes work again."""
    for status in (Status.REJECTED, Status.CANCELLED, Status.EXPIRED, Status.FAILED, Status.SETTLED):
        assert {stage_of(status, directive) for directive in Directive} == {Stage.IDLE}
