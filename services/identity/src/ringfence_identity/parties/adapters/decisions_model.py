"""Fills the table of KYC decisions, with the events that they led to."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg
from ringfence_kernel.values.ids import ID_BYTES
from ringfence_kernel.values.recorded import Recorded

from ringfence_identity.parties.domain.state import decided_by

INSERT = """
INSERT INTO kyc_decisions SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::text[]) ON CONFLICT DO NOTHING
"""


class DecisionsModel:
    """One row per decision with an id; the first one wins."""

    name = "kyc-decisions"
    tables: Sequence[str] = ("kyc_decisions",)

    def project(self, connection: psycopg.Connection[Any], recorded: Sequence[Recorded]) -> None:
        """Writes the decisions that led to these events."""
        made = [decision for each in recorded if (decision := decided_by(each.event)) is not None]
        rows = [
            (UUID(bytes=key[:ID_BYTES]), UUID(bytes=key[ID_BYTES:]), UUID(bytes=decided.party), decided.to.value)
            for key, decided in made
        ]
        if rows:
            connection.execute(INSERT, tuple(list(column) for column in zip(*rows, strict=True)))
