"""What the service's database must have, in order: what its owner applies before this release runs."""

from __future__ import annotations

from ringfence_kernel.store import Migration, event_store_migrations

from ringfence_identity.data_keys.adapters import schema as data_keys
from ringfence_identity.disclosure.adapters import schema as marks
from ringfence_identity.parties.adapters import schema as parties
from ringfence_identity.tokens.adapters import schema as tokens


def migrations() -> list[Migration]:
    """Returns the migrations of this service's database, those of its modules among them."""
    of_modules = [*data_keys.migrations(), *tokens.migrations(), *parties.migrations(), *marks.migrations()]
    return [*event_store_migrations(), *of_modules]
