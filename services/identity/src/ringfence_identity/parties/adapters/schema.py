"""The tables of KYC decisions that were made under an id, and of the register of the erased that is used."""

from ringfence_kernel.store import Migration

TABLES = """
-- What a decision was about when it was made first. Written with the events, so that a decision that comes again after
-- it has left memory is never behind them.
CREATE TABLE kyc_decisions (
    tenant uuid NOT NULL,
    decision uuid NOT NULL,
    party uuid NOT NULL,
    moved_to text NOT NULL,
    PRIMARY KEY (tenant, decision)
);

REVOKE ALL ON kyc_decisions FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON kyc_decisions TO {application_role};
"""

REGISTER = """
-- Which register of the erased this database has used: one row at most, written once.
CREATE TABLE erasure_register (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    marker uuid NOT NULL
);
REVOKE ALL ON erasure_register FROM PUBLIC;
GRANT SELECT, INSERT ON erasure_register TO {application_role};
"""


def migrations() -> list[Migration]:
    """Returns what parties add to the service's database."""
    return [Migration(120, "kyc decisions", TABLES), Migration(121, "register of the erased", REGISTER)]
