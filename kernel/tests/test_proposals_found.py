"""What waits is found by what it is about, by who proposed it and by what it means, as if everything were looked at."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ringfence_kernel.proposals.domain.events import ProposalConfirmed, ProposalMade, ProposalVoided, VoidReason
from ringfence_kernel.proposals.domain.state import Proposal, State
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.journal import Journal

NAMES = st.sampled_from([bytes([each]) * 16 for each in b"abc"])
MADE, VOIDED, CONFIRMED, MARKED, ROLLED_BACK = range(5)
OFTEN = (MADE, MADE, MADE, VOIDED, CONFIRMED, MARKED, MARKED, ROLLED_BACK, ROLLED_BACK)
STEPS = st.lists(st.tuples(st.sampled_from(OFTEN), NAMES, NAMES, NAMES, st.integers(0, 7)), min_size=8, max_size=40)


def _made(number: int, subject: bytes, principal: bytes, key: bytes) -> ProposalMade:
    who = principal, principal[:1] + b"-person", key, b"certificate"
    return ProposalMade(number.to_bytes(16, "big"), "test.Act", subject, b"", b"payload", b"basis", *who, 10)


def _ended(proposal: Proposal, *, is_confirmed: bool) -> Any:
    of = proposal.id, proposal.effect, proposal.subject, proposal.tenant
    if is_confirmed:
        return ProposalConfirmed(*of, "", b"x" * 16, b"y" * 16, b"key", b"certificate")
    return ProposalVoided(*of, VoidReason.CHANGED, "", b"")


def _scanned(state: State) -> dict[str, dict[Any, dict[bytes, Proposal]]]:
    """Returns the groups by looking at everything."""
    found: dict[str, dict[Any, dict[bytes, Proposal]]] = {"subject": {}, "person": {}, "hand": {}, "meaning": {}}
    for each in state.waiting.values():
        keys = each.subject, each.proposer.person, each.proposer, each.meaning
        for groups, key in zip(found.values(), keys, strict=True):
            groups.setdefault(key, {})[each.id] = each
    return found


def _found(state: State) -> dict[str, dict[Any, dict[bytes, Proposal]]]:
    kept = {"subject": state.of_subject, "person": state.of_person, "hand": state.of_hand, "meaning": state.of_meaning}
    return {name: {key: dict(groups.of(key)) for key in groups} for name, groups in kept.items()}  # type: ignore[attr-defined]


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_groups_are_what_a_scan_finds_after_any_rollback(steps: list[tuple[int, bytes, bytes, bytes, int]]) -> None:
    """Made, confirmed and void proposals, taken back to any mark, in any order; and after a snapshot."""
    state, journal, position, marks = State(), Journal(), 0, [0]
    for what, subject, principal, key, chosen in steps:
        event: Any = None
        if what == MADE:
            event = _made(position, subject, principal, key)
        elif what in (VOIDED, CONFIRMED) and state.waiting:
            waiting = state.in_order()
            event = _ended(waiting[chosen % len(waiting)], is_confirmed=what == CONFIRMED)
        elif what == MARKED:
            marks.append(journal.mark())
        elif what == ROLLED_BACK:
            del marks[1 + chosen % len(marks) :]
            journal.rollback(marks[-1])
        if event is not None:
            position += 1
            state.apply(Recorded(position, event.stream, 1, event, position, ""), journal)
        assert _found(state) == _scanned(state)
    restored = State()
    restored.restore({name: memoryview(content) for name, content in state.save()})
    assert _found(restored) == _found(state)
    for each in state.waiting.values():
        same = [other for other in state.in_order() if other.subject == each.subject]
        assert state.about(each.subject) == same
        own = [other for other in state.in_order() if other.proposer.principal == each.proposer.principal]
        assert state.proposed_by(each.proposer.principal) == own
