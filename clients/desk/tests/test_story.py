"""Stories: by time, and a cause before what it led to."""

from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st
from ringfence_desk.fact import Fact
from ringfence_desk.story import ordered

PAYMENT = uuid4()


def said(index: int, kind: str, position: int, time_ns: int, **fields: int | bytes | str) -> Fact:
    """Returns a fact of a payment's story."""
    of = {"user_data_128": PAYMENT.bytes} if kind.startswith("custody") else {"instruction_id": PAYMENT.bytes}
    return Fact(index, kind, {"position": position, "ordinal": 0, "time_ns": time_ns, **of, **fields})


def test_an_approval_stands_before_its_transfer() -> None:
    """The log has the transfer first, and custody's clock is behind: the order is that of causes all the same."""
    instruction = said(0, "payment-instruction.instruction.v1", 1, 100)
    held = said(1, "payment-instruction.step.v1", 2, 110, status="HELD")
    transfer = said(2, "custody.transfer.v1", 1, 150, flags=2)
    approval = said(3, "payment-instruction.directive.v1", 3, 200, directive=2)
    reserved = said(4, "payment-instruction.step.v1", 4, 220, status="RESERVED")
    post = said(5, "custody.transfer.v1", 2, 180, flags=4)
    settle = said(6, "payment-instruction.directive.v1", 5, 300, directive=7)
    settled = said(7, "payment-instruction.step.v1", 6, 310, status="SETTLED")
    story = ordered([instruction, held, transfer, approval, reserved, post, settle, settled])
    assert [fact.index for fact in story] == [0, 1, 3, 2, 4, 6, 5, 7]


def test_a_step_stands_behind_the_transfer_that_it_reports() -> None:
    """Custody's clock is ahead: what payment-instruction says of the transfer is told after it."""
    screened = said(0, "payment-instruction.step.v1", 1, 100, status="SCREENED")
    reserved = said(1, "payment-instruction.step.v1", 2, 120, status="RESERVED")
    transfer = said(2, "custody.transfer.v1", 1, 500, flags=2)
    assert [fact.index for fact in ordered([screened, reserved, transfer])] == [0, 2, 1]


def test_a_bank_s_entry_stands_before_its_transfer_and_that_before_what_became_of_it() -> None:
    """The same of money that comes in, whatever the clocks say."""
    entry_id = {"entry_id": PAYMENT.bytes}
    outcome = said(0, "payment-instruction.bank_entry_outcome.v1", 2, 150, **entry_id)
    transfer = said(1, "custody.transfer.v1", 1, 50)
    entry = said(2, "payment-instruction.bank_entry.v1", 1, 100, **entry_id)
    assert [fact.index for fact in ordered([outcome, transfer, entry])] == [2, 1, 0]
    late = said(1, "custody.transfer.v1", 1, 900)
    assert [fact.index for fact in ordered([outcome, late, entry])] == [2, 1, 0]


def test_otherwise_time_decides_between_sources() -> None:
    """Facts that nothing joins stand by their times, whatever the log's order."""
    later = Fact(0, "identity.key_rotated.v1", {"position": 1, "ordinal": 0, "time_ns": 20})
    earlier = Fact(1, "custody.transfer.v1", {"position": 1, "ordinal": 0, "time_ns": 10})
    assert [fact.index for fact in ordered([later, earlier])] == [1, 0]


def test_a_circle_of_causes_loses_nothing() -> None:
    """Facts whose order contradicts itself all stand in the story."""
    step = said(0, "payment-instruction.step.v1", 5, 10, status="RESERVED")
    transfer = said(1, "custody.transfer.v1", 1, 20, flags=2)
    late = said(2, "payment-instruction.instruction.v1", 6, 5)
    assert sorted(fact.index for fact in ordered([step, transfer, late, transfer])) == [0, 1, 2]


KINDS = st.sampled_from(
    ["custody.transfer.v1", "payment-instruction.step.v1", "payment-instruction.directive.v1", "audit.page.v1"]
)
FACTS = st.lists(
    st.tuples(KINDS, st.integers(1, 9), st.integers(0, 9), st.integers(0, 10), st.sampled_from([0, 2, 4, 8])),
    max_size=30,
)


@given(FACTS)
def test_each_fact_stands_once_and_sources_keep_their_order(rows: list[tuple[str, int, int, int, int]]) -> None:
    """Whatever facts say, a story has each of them once; and one source's alone are in the order of its feed."""
    facts = [
        Fact(
            index,
            kind,
            {
                **{"position": position, "ordinal": index, "time_ns": time, "flags": flags, "directive": word},
                **{"instruction_id": PAYMENT.bytes, "user_data_128": UUID(int=1).bytes},
            },
        )
        for index, (kind, position, time, word, flags) in enumerate(rows)
    ]
    story = ordered(facts)
    assert sorted(fact.index for fact in story) == list(range(len(facts)))
    for source in ("custody", "payment-instruction"):
        places = [(fact.fields["position"], fact.index) for fact in story if fact.kind.startswith(source)]
        assert places == sorted(places)
