"""The table of ids that were ever used."""

from __future__ import annotations

from ringfence_kernel.store import Migration

TABLES = """
-- Where an id was used first, written with the events, so that a decision about what has left memory is never behind
-- them: an instruction's id under its tenant; under zero what the bank knows, transfers and messages (index -1). Ids
-- that begin with their time (UUIDv7) lie side by side.
CREATE TABLE known_ids (
    owner uuid NOT NULL,
    id uuid NOT NULL,
    stream uuid NOT NULL,
    instruction_index int NOT NULL,
    PRIMARY KEY (owner, id)
);

REVOKE ALL ON known_ids FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON known_ids TO {application_role};
"""


def migrations() -> list[Migration]:
    """Returns what submissions add to the service's database."""
    return [Migration(110, "known ids", TABLES)]
