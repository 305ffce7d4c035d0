"""What the service's database must have, in order: what its owner applies before this release runs."""

from __future__ import annotations

from ringfence_kernel.store import Migration, event_store_migrations

from ringfence_audit.books.adapters.schema import BOOKS_TABLES
from ringfence_audit.disclosure.adapters.schema import TEXT_INDEX, TEXT_LEAF_INDEX
from ringfence_audit.evidence.adapters.schema import PROOF_OF_ORDERS, PROOF_TABLES
from ringfence_audit.index.adapters.schema import CHUNKS_BY_LEVEL, COMPACT_CHUNKS, KEY_TABLES, RUN_TABLES
from ringfence_audit.log.adapters.schema import BUNDLE_TABLE, BUNDLES_APART, LOG_TABLES
from ringfence_audit.texts.adapters.schema import TEXT_TABLES, TEXT_TENANTS


def migrations() -> list[Migration]:
    """Gives all migrations of the audit database."""
    return [
        *event_store_migrations(),
        Migration(100, "log tables", LOG_TABLES + KEY_TABLES),
        Migration(101, "proof of what rests on a bank's word", PROOF_TABLES),
        Migration(102, "proof by whose money it is", PROOF_OF_ORDERS),
        Migration(103, "search by sorted runs", RUN_TABLES),
        Migration(104, "entry bundles", BUNDLE_TABLE),
        Migration(107, "texts that leaves commit to", TEXT_TABLES),
        Migration(108, "chunks of runs by level", CHUNKS_BY_LEVEL),
        Migration(109, "books computed from leaves", BOOKS_TABLES),
        Migration(110, "texts found by themselves", TEXT_INDEX),
        Migration(121, "texts found by hash and leaf", TEXT_LEAF_INDEX),
        Migration(122, "chunks of runs that can be compacted", COMPACT_CHUNKS),
        Migration(123, "entry bundles that inflate in groups", BUNDLES_APART),
        Migration(124, "texts by platform", TEXT_TENANTS),
    ]
