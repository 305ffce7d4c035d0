"""Who may not read the log any more, by what the log itself has taken over from identity."""

from __future__ import annotations

from ringfence_audit.log.domain.events import LeavesAppended
from ringfence_audit.log.domain.leaf import pack
from ringfence_audit.log.domain.page import SourceEvent
from ringfence_audit.standing.domain.state import State
from ringfence_audit.translation.application.translator import Translator
from ringfence_audit.translation.domain.accounts import Accounts
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.journal import Journal

from .feeds import START_NS, SourceFeed

AUDITOR, PLATFORM, BY = b"auditor no. 0001", b"platform no. 001", b"operator no. 001"
SUSPENDED, ACTIVATED = "PrincipalSuspended.v1", "PrincipalActivated.v1"
PINNED = "CertificatePinned.v1"
SAID = {
    SUSPENDED: {"note": "left", "by": BY},
    ACTIVATED: {"by": BY},
    PINNED: {"certificate_sha256": b"c" * 32, "public_key": b"", "by": BY},
}


def take(state: State, *said: tuple[str, bytes], source: str = "identity") -> None:
    """Takes over events of a source, as the log does."""
    feed, translator = SourceFeed(source), Translator(source, Accounts({}))
    leaves: list[bytes] = []
    for topic, principal in said:
        event = feed.add(topic, {"principal": principal, **SAID[topic]}, principal)
        stored = SourceEvent(
            event.position, event.stream_id, event.version, event.topic, event.state, event.hash, START_NS
        )
        leaves += translator.translate(stored).leaves
    appended = LeavesAppended(source, 1, 1, 1, b"", 0, 0, 0, len(leaves), pack(leaves), b"")
    state.apply(Recorded(1, b"", 1, appended, START_NS, ""), Journal())


def test_a_suspension_counts_until_it_is_lifted() -> None:
    """In the order of identity's events, whether or not they come at once; whoever suspends is not suspended."""
    state = State()
    take(state, (SUSPENDED, AUDITOR), (SUSPENDED, PLATFORM), (ACTIVATED, PLATFORM))
    assert [state.is_suspended(each) for each in (AUDITOR, PLATFORM, BY)] == [True, False, False]
    take(state, (ACTIVATED, AUDITOR), (ACTIVATED, PLATFORM))
    assert not state.is_suspended(AUDITOR)


def test_tokens_from_before_have_ended() -> None:
    """Of who has a certificate pinned, or was suspended and is not any more; by the positions of identity's feed."""
    state = State()
    take(state, (PINNED, AUDITOR), (SUSPENDED, PLATFORM), (ACTIVATED, PLATFORM))
    assert not state.is_suspended(AUDITOR)
    assert [state.endings.position_of(each) for each in (AUDITOR, PLATFORM, BY)] == [1, 2, 0]


def test_it_is_taken_up_as_it_was_saved() -> None:
    """By a process that starts from a snapshot."""
    state, restored = State(), State()
    take(state, (SUSPENDED, AUDITOR), (SUSPENDED, PLATFORM), (PINNED, BY))
    restored.restore({name: memoryview(content) for name, content in state.save()})
    assert restored.digest() == state.digest()
    assert restored.is_suspended(PLATFORM)
    assert restored.endings.position_of(BY) == 3
