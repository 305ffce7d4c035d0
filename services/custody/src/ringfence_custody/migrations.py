"""What the service's database must have, in order: what its owner applies before this release runs."""

from __future__ import annotations

from ringfence_kernel.store import Migration

from ringfence_custody.ledger.adapters import schema
from ringfence_custody.reconciliation.adapters import schema as reconciliation_schema


def migrations() -> list[Migration]:
    """Returns the migrations of this service's database, those of its modules among them."""
    return [*schema.migrations(), *reconciliation_schema.migrations()]
