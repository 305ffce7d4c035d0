"""What the process that leads does with texts: it erases from the beginning of each term on, and prunes."""

from __future__ import annotations

from collections.abc import Callable

from ringfence_kernel.service import Task
from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.store import EventStore

from ringfence_audit.log.application.commands import LogStanding, RecordPruned
from ringfence_audit.log.domain.texts import Link
from ringfence_audit.texts.adapters.text_rows import KeptTexts
from ringfence_audit.texts.application.erasing import Erasing, Leaves
from ringfence_audit.texts.application.pruning import Pruning
from ringfence_audit.texts.domain.state import State


def tasks(
    store: EventStore,
    record: RecordPruned,
    parties: State,
    leadership: Leadership,
    leaves: Leaves,
    of_leaves: tuple[Callable[[int, bytes], Link | None], Callable[[bytes], bytes | None]],
    now_ns: Callable[[], int],
) -> list[Task]:
    """Gives what goes on as long as a term."""
    kept = KeptTexts(store)
    standing = LogStanding(record.writer, record.state)

    async def size() -> int:
        return (await standing()).size

    pruning = Pruning(record, parties, kept, now_ns)
    erasing = Erasing(parties, kept, leaves, *of_leaves, size)
    leadership.begin_with(lambda: erasing.begin(record.state.frontier.size))
    return [Task("pruning", pruning.run), Task("erasing", erasing.run)]
