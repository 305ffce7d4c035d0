"""Fills the table of authorisations, with the events that give them."""

from collections.abc import Sequence
from uuid import UUID

from ringfence_kernel.store.recorder import Insertion
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.inline import InlineModel

from ringfence_identity.tokens.domain.events import SubmissionAuthorised

UPSERT = """
INSERT INTO authorisations AS held SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::bytea[], %b::bigint[])
ON CONFLICT (tenant, submission) DO UPDATE
SET digest = excluded.digest, expires_ns = greatest(held.expires_ns, excluded.expires_ns)
"""


class AuthorisationsModel(InlineModel):
    """One row per submission that was ever authorised: its last digest, and its latest end."""

    name = "authorisations"
    tables: Sequence[str] = ("authorisations",)

    def insertions(self, recorded: Sequence[Recorded]) -> list[Insertion]:
        """Returns what writes the authorisations that these events give."""
        rows: dict[tuple[bytes, bytes], tuple[UUID, UUID, bytes, int]] = {}
        for each in recorded:
            if isinstance(event := each.event, SubmissionAuthorised):
                key = event.tenant, event.submission
                ends_ns = max(event.expires_ns, rows[key][3]) if key in rows else event.expires_ns
                rows[key] = UUID(bytes=event.tenant), UUID(bytes=event.submission), event.digest, ends_ns
        return [Insertion(UPSERT, [list(column) for column in zip(*rows.values(), strict=True)])] if rows else []
