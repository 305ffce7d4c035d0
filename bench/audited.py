"""The rows of the audit log: a backlog drained, receipts out of it, what it takes on disk, and starts on it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from hashlib import sha256
from itertools import islice
from random import Random

from ringfence_local_stack.sandbox.books import book_with_importer
from ringfence_verifier import Answer, verify_answer, verify_receipt

from bench.filling.book import Filling
from bench.load import Seen
from bench.rows import Results, Row, row
from bench.stack import MeasuredStack
from bench.starts import STOP_SECONDS, await_tables, start_twice

DRAINED, DISK, RESTART = "audit_drained", "audit_disk", "audit_restart"
RECEIPTS, ANSWERS = "audit_receipts", "audit_answers"
SERVICE, LEDGER = "audit", "custody"
CONTROL = "SHA-256 of each leaf"
ACCOUNTS = 100_000
HASHED_LEAVES = 100_000
ASKED_RECEIPTS, ASKED_ANSWERS = 2_000, 500
SEED = 1
LOOK_SECONDS = 0.2
STATES_SECONDS = 40
"""In which 31 states are signed where there is news each second: so long merged runs of the index stay."""
VACUUMED_SECONDS = 300.0
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
    "index": (
        "index_runs",
        "index_chunks_0",
        "index_chunks_1",
        "index_chunks_2",
        "index_chunks_3",
        "index_tail",
        "index_states",
        "index_tenants",
        "index_accounts",
    ),
    "texts": ("leaf_texts", "text_links", "text_links_reach", "erased_clients"),
}
"""What the bytes of a leaf are told for; everything else of the database is `others`."""
STORED = (
    "SELECT relname, pg_total_relation_size(oid) FROM pg_class"
    " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
)

LEFT = (
    "SELECT (SELECT count(*) FROM pg_stat_all_tables WHERE schemaname IN ('public', 'pg_toast')"
    " AND n_dead_tup > 50 + 0.2 * n_live_tup),"
    " (SELECT count(*) FROM generate_series(0, 2) AS merged (level)"
    " WHERE pg_total_relation_size(format('index_chunks_%s', level)::regclass) > (4 << 20) + 40 *"
    " (SELECT coalesce(sum(postings), 0) FROM index_runs WHERE index_runs.level = merged.level))"
)
"""Tables that autovacuum will come to, by its defaults, and levels of the index that the log will compact."""


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
    drained_bytes = sum(_stored(measured).values()) / seen.rows
    _settle(measured)
    results.add(_disk(measured, seen, drained_bytes))
    results.add(_receipts(measured, seen.rows))
    results.add(_answers(measured, filling))
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


def _settle(measured: MeasuredStack) -> None:
    """Waits until PostgreSQL has written what the backlog left in its memory, and what the log has deleted is gone.

    The log goes on meanwhile as it does on a quiet day: a read a second.
    """
    for _ in range(STATES_SECONDS):
        measured.sandbox.regulator.audit.receipt(0)
        time.sleep(1.0)
    with measured.stack.postgres.superuser() as connection:
        connection.execute(b"CHECKPOINT")
    await_tables(measured, SERVICE)
    until = time.monotonic() + VACUUMED_SECONDS
    with measured.stack.postgres.superuser(measured.stack.running.databases[SERVICE].name) as connection:
        while (row := connection.execute(LEFT).fetchone()) and any(row) and time.monotonic() < until:
            time.sleep(1.0)


def _stored(measured: MeasuredStack) -> dict[str, int]:
    with measured.stack.postgres.superuser(measured.stack.running.databases[SERVICE].name) as connection:
        return dict(connection.execute(STORED.encode()).fetchall())


def _disk(measured: MeasuredStack, drained: Seen, drained_bytes: float) -> Row:
    stored = _stored(measured)
    figures = {part: sum(stored.pop(name) for name in names) for part, names in TABLES.items()}
    figures["others"] = sum(stored.values())
    per_leaf = {f"{part}_bytes": size / drained.rows for part, size in figures.items()}
    seen = Seen(drained.rows, drained.seconds)
    total = sum(per_leaf.values())
    return row(DISK, 1, 1, seen, None, leaf_bytes=total, drained_leaf_bytes=drained_bytes, **per_leaf)


def _receipts(measured: MeasuredStack, size: int) -> Row:
    """Asks for receipts of leaves at random, one after the other: the caller's time, and the service's own."""
    audit, random = measured.sandbox.regulator.audit, Random(SEED)
    seen, served = _asked(measured, "GetReceipt", ASKED_RECEIPTS, lambda: audit.receipt(random.randrange(size)))
    return row(
        RECEIPTS, 1, 1, seen, None, service_p50_ms=served.quantile_ms(0.5), service_p99_ms=served.quantile_ms(0.99)
    )


def _answers(measured: MeasuredStack, filling: Filling) -> Row:
    """Asks for all facts about accounts at random, verified: at 10 million leaves each has some 200."""
    audit, key, random = measured.sandbox.regulator.audit, measured.sandbox.log_key(), Random(SEED)
    seen_answers = list[Answer]()

    def ask() -> None:
        found = audit.answer(filling.client(random.randint(1, filling.accounts)), key)
        seen_answers.extend(verify_answer(piece, found.keys) for piece in found.pieces)

    seen, served = _asked(measured, "GetAnswer", ASKED_ANSWERS, ask)
    facts = sum(len(each.facts) for each in seen_answers)
    of_facts = sum(each.proof_bytes - each.absence_bytes for each in seen_answers)
    return row(
        ANSWERS,
        1,
        1,
        seen,
        None,
        service_p50_ms=served.quantile_ms(0.5),
        service_p99_ms=served.quantile_ms(0.99),
        facts=facts / len(seen_answers),
        fact_proof_bytes=of_facts / facts,
        most_proof_bytes=max(each.proof_bytes for each in seen_answers),
        most_absence_bytes=max(each.absence_bytes for each in seen_answers),
    )


def _asked(measured: MeasuredStack, method: str, times: int, ask: Callable[[], object]) -> tuple[Seen, Seen]:
    """Asks so often, one after the other; returns what the caller has seen, and the service's own times."""
    seen = Seen()
    ask()
    log = measured.stack.running.log_file(SERVICE)
    logged, began = log.stat().st_size, time.perf_counter()
    with measured.cpu.during(seen.cpu):
        for _ in range(times):
            asked = time.perf_counter()
            ask()
            seen.latencies_ms.append((time.perf_counter() - asked) * 1_000)
    seen.rows, seen.seconds = times, time.perf_counter() - began
    lines = [json.loads(line) for line in log.read_bytes()[logged:].splitlines() if method.encode() in line]
    return seen, Seen(latencies_ms=[each["seconds"] * 1_000 for each in lines if each["event"] == "call"])


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
