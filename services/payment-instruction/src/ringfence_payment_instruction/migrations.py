"""What the service's database must have, in order: what its owner applies before this release runs."""

from __future__ import annotations

from ringfence_kernel.store import Migration, event_store_migrations

from ringfence_payment_instruction.deposits.adapters import schema as deposits
from ringfence_payment_instruction.limits.adapters import schema as limits
from ringfence_payment_instruction.rail.adapters import schema as rail
from ringfence_payment_instruction.reads.adapters import schema as reads
from ringfence_payment_instruction.screening.adapters import schema as screening
from ringfence_payment_instruction.statements.adapters import schema as statements
from ringfence_payment_instruction.submissions.adapters import schema as submissions


def migrations() -> list[Migration]:
    """Returns the migrations of this service's database, those of its modules among them."""
    return [
        *event_store_migrations(),
        *reads.migrations(),
        *submissions.migrations(),
        *deposits.migrations(),
        *limits.migrations(),
        *rail.migrations(),
        *statements.migrations(),
        *screening.migrations(),
    ]
