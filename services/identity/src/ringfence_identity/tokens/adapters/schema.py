"""The table of submissions that were ever authorised."""

from ringfence_kernel.store import Migration

TABLES = """
-- For which digest a submission was authorised, and until when at the latest. Written with the events, so that a
-- decision about what has left memory is never behind them. What has expired stays: whoever decides looks at the time.
CREATE TABLE authorisations (
    tenant uuid NOT NULL,
    submission uuid NOT NULL,
    digest bytea NOT NULL,
    expires_ns bigint NOT NULL,
    PRIMARY KEY (tenant, submission)
);

REVOKE ALL ON authorisations FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON authorisations TO {application_role};
"""


def migrations() -> list[Migration]:
    """Returns what tokens add to the service's database."""
    return [Migration(110, "authorisations", TABLES)]
