"""The table of ids that were ever used."""

from __future__ import annotations

from ringfence_kernel.store import Migration

TABLES = """
-- Where an id was used first: the transfer of an instruction, or a message to the bank (index -1). Written with the
-- events, so that a decision about what has left memory is never behind them.
CREATE TABLE known_ids (
    key uuid PRIMARY KEY,
    stream uuid NOT NULL,
    instruction_index int NOT NULL
);

REVOKE ALL ON known_ids FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON known_ids TO {application_role};
"""


def migrations() -> list[Migration]:
    """Returns what submissions add to the service's database."""
    return [Migration(110, "known ids", TABLES)]
