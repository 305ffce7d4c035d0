"""How events of a party are recorded: in the stream of its subject, after the version that its row tells."""

from collections.abc import Sequence

from ringfence_kernel.writing.writer import Unit

from ringfence_identity.parties.domain.state import State


def record_of_party(unit: Unit, state: State, subject: bytes, events: Sequence[object]) -> None:
    """Records events of one party."""
    for event in events:
        known = state.parties.get(subject)
        if known is not None:
            unit.resume(subject, known.version)
        unit.record(subject, event)
