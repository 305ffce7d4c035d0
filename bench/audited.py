"""The rows of the audit log: a backlog drained, receipts out of it, what it takes on disk, and starts on it."""

from __future__ import annotations

import json
import time
from hashlib import sha256
from itertools import islice
from random import Random

from ringfence_local_stack.sandbox.books import book_with_importer
from ringfence_verifier import verify_receipt

from bench.filling.book import Filling
from bench.load import Seen
from bench.rows import Results, Row, row
from bench.stack import MeasuredStack
from bench.starts import STOP_SECONDS, await_tables, start_twice

DRAINED, RECEIPTS, DISK, RESTART = "audit_drained", "audit_receipts", "audit_disk", "audit_restart"
SERVICE, LEDGER = "audit", "custody"
CONTROL = "SHA-256 of each leaf"
ACCOUNTS = 100_000
HASHED_LEAVES = 100_000
ASKED_RECEIPTS = 2_000
SEED = 1
LOOK_SECONDS = 0.2
DRAINED_SECONDS = 7_200.0
SIZE = "SELECT coalesce(max(first_leaf + leaves), 0) FROM leaf_pages"
NEWEST = "SELECT topic FROM stored_events WHERE topic <> 'SourcesPassed.v1' ORDER BY notification_id DESC LIMIT 1"
TABLES = {
    "events": ("stored_events",),
    "bundles": ("bundles",),
    "tiles": ("tiles", "leaf_pages"),
    "proof": (
        "evidence_accounts",
        "evidence_windows",
        "evidence_since",
        "evidence_words",
        "evidence_payments",
        "evidence_bookings",
        "evidence_findings",
    ),
    "index": ("index_runs", "index_chunks", "index_tail", "index_states", "index_tenants", "index_accounts"),
    "texts": ("leaf_texts", "text_links", "text_links_reach", "erased_parties"),
}
"""What the bytes of a leaf are told for; everything else of the database is `others`."""
STORED = (
    "SELECT relname, pg_total_relation_size(oid) FROM pg_class"
    " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
)


def audit_rows(measured: MeasuredStack, results: Results, leaves: int) -> None:
    """Fills custody's store while both are down, has the log take it over, and asks what it is then.

    The leaves are those of transfers that the ledger itself has decided, translated and appended by the log itself.
    """
    accounts = min(ACCOUNTS, leaves // 10)
    book_id, _ = book_with_importer(measured.sandbox, "bench-audit-platform", "bench-audit-importer")
    measured.stack.service(SERVICE).stop()
    measured.stack.service(LEDGER).stop()
    results.progress(f"filling custody's event store with {leaves - accounts:,} transfers")
    filling = Filling(book_id.bytes, accounts, leaves - accounts, hashed=True)
    filling.write(measured.stack.running.databases[LEDGER])
    measured.stack.service(LEDGER).start(DRAINED_SECONDS)
    seen = Seen()
    with measured.cpu.during(seen.cpu):
        seen.rows, seen.seconds = _drained(measured, leaves)
    began = time.monotonic()
    await_tables(measured, SERVICE)
    behind = time.monotonic() - began
    results.add(row(DRAINED, 1, 1, seen, (CONTROL, _hashed_per_second(measured)), tables_later_seconds=behind))
    results.add(_disk(measured, seen))
    results.add(_receipts(measured, seen.rows))
    results.add(_restart(measured, seen.rows))


def _drained(measured: MeasuredStack, leaves: int) -> tuple[int, float]:
    """Starts the log on its backlog; returns its size and the seconds until a checkpoint covered all of it."""
    began = time.perf_counter()
    measured.stack.service(SERVICE).start(DRAINED_SECONDS)
    with measured.stack.postgres.superuser(measured.stack.running.databases[SERVICE].name) as connection:
        while time.perf_counter() - began < DRAINED_SECONDS:
            size, newest = (connection.execute(query.encode()).fetchone() for query in (SIZE, NEWEST))
            if size and newest and size[0] >= leaves and newest[0] == "CheckpointSigned.v1":
                seconds = time.perf_counter() - began
                compared = measured.sandbox.regulator.audit.verify_sources()
                if all(each.logged_position == each.current_position for each in compared):
                    return size[0], seconds
            time.sleep(LOOK_SECONDS)
    raise RuntimeError("the log does not take over what custody has")


def _hashed_per_second(measured: MeasuredStack) -> float:
    """The control: leaves of this log that one core hashes in a second, without the nodes above."""
    found = [each.content for each in islice(measured.sandbox.regulator.audit.leaves(), HASHED_LEAVES)]
    began = time.process_time()
    for leaf in found:
        sha256(leaf).digest()
    return len(found) / (time.process_time() - began)


def _disk(measured: MeasuredStack, drained: Seen) -> Row:
    with measured.stack.postgres.superuser(measured.stack.running.databases[SERVICE].name) as connection:
        stored = dict(connection.execute(STORED.encode()).fetchall())
    figures = {part: sum(stored.pop(name) for name in names) for part, names in TABLES.items()}
    figures["others"] = sum(stored.values())
    per_leaf = {f"{part}_bytes": size / drained.rows for part, size in figures.items()}
    seen = Seen(drained.rows, drained.seconds)
    return row(DISK, 1, 1, seen, None, leaf_bytes=sum(per_leaf.values()), **per_leaf)


def _receipts(measured: MeasuredStack, size: int) -> Row:
    """Asks for receipts of leaves at random, one after the other: the caller's time, and the service's own."""
    audit, random, seen = measured.sandbox.regulator.audit, Random(SEED), Seen()
    audit.receipt(0)
    log = measured.stack.running.log_file(SERVICE)
    logged, began = log.stat().st_size, time.perf_counter()
    with measured.cpu.during(seen.cpu):
        for _ in range(ASKED_RECEIPTS):
            asked = time.perf_counter()
            audit.receipt(random.randrange(size))
            seen.latencies_ms.append((time.perf_counter() - asked) * 1_000)
    seen.rows, seen.seconds = ASKED_RECEIPTS, time.perf_counter() - began
    lines = [json.loads(line) for line in log.read_bytes()[logged:].splitlines() if b"GetReceipt" in line]
    served = Seen(latencies_ms=[each["seconds"] * 1_000 for each in lines if each["event"] == "call"])
    return row(
        RECEIPTS, 1, 1, seen, None, service_p50_ms=served.quantile_ms(0.5), service_p99_ms=served.quantile_ms(0.99)
    )


def _restart(measured: MeasuredStack, size: int) -> Row:
    """Starts the log from its events alone and from its snapshot; each time it must prove the leaf in the middle."""
    sandbox, key = measured.sandbox, measured.sandbox.log_key()

    def is_right() -> bool:
        receipt = sandbox.regulator.audit.receipt(size // 2)
        return verify_receipt(receipt.proof, key).leaf == receipt.leaf

    measured.stack.service(SERVICE).stop(STOP_SECONDS)
    seen = Seen(rows=size)
    starts = start_twice(measured, SERVICE, seen, is_right)
    return row(RESTART, 1, 1, seen, None, state_seconds=starts.second.replay_seconds, **starts.figures())
