"""Fills the table of KYC decisions, with the events that they led to."""

from collections.abc import Sequence
from uuid import UUID

from ringfence_kernel.store.recorder import Insertion
from ringfence_kernel.values.ids import ID_BYTES
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.inline import InlineModel

from ringfence_identity.parties.domain.state import decided_by

INSERT = """
INSERT INTO kyc_decisions SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::text[]) ON CONFLICT DO NOTHING
"""


class DecisionsModel(InlineModel):
    """One row per decision with an id; the first one wins."""

    name = "kyc-decisions"
    tables: Sequence[str] = ("kyc_decisions",)

    def insertions(self, recorded: Sequence[Recorded]) -> list[Insertion]:
        """Returns what writes the decisions that led to these events."""
        made = [decision for each in recorded if (decision := decided_by(each.event)) is not None]
        rows = [
            (UUID(bytes=key[:ID_BYTES]), UUID(bytes=key[ID_BYTES:]), UUID(bytes=decided.party), decided.to.value)
            for key, decided in made
        ]
        return [Insertion(INSERT, [list(column) for column in zip(*rows, strict=True)])] if rows else []
