"""Fills the table of ids that were ever used, with the events that use them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ringfence_kernel.store.arrays import Uuids
from ringfence_kernel.store.recorder import Insertion
from ringfence_kernel.values.columns import split_ids
from ringfence_kernel.values.ids import ID_BYTES
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.inline import InlineModel

from ringfence_payment_instruction.submissions.domain.events import InstructionsDirected, InstructionsReceived
from ringfence_payment_instruction.submissions.domain.state import keys_of_directive, keys_of_uetrs

INSERT = (
    "INSERT INTO known_ids SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::int[])"
    " ON CONFLICT DO NOTHING"  # the first use counts
)


class KnownIdsModel(InlineModel):
    """One row per instruction id of a tenant, and per payment and message that the bank knows."""

    name = "known-ids"
    tables: Sequence[str] = ("known_ids",)

    def insertions(self, recorded: Sequence[Recorded]) -> list[Insertion]:
        """Returns what writes the ids that these events use."""
        rows = [row for each in recorded for row in _rows(each)]
        if not rows:
            return []
        owners, ids, streams, indexes = zip(*rows, strict=True)
        return [Insertion(INSERT, [Uuids(owners), Uuids(ids), Uuids(streams), list(indexes)])]


def _rows(recorded: Recorded) -> Iterator[tuple[bytes, bytes, bytes, int]]:
    event = recorded.event
    if isinstance(event, InstructionsReceived):
        for index, instruction_id in enumerate(split_ids(event.instruction_ids), start=event.first_index):
            yield event.tenant, instruction_id, recorded.stream, index
        for key, ref in keys_of_uetrs(recorded.stream, event):
            yield key[:ID_BYTES], key[ID_BYTES:], recorded.stream, ref.index
    elif isinstance(event, InstructionsDirected):
        for key, ref in keys_of_directive(recorded.stream, event):
            yield key[:ID_BYTES], key[ID_BYTES:], recorded.stream, ref.index
