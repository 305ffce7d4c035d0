"""What the benchmark says must be so: its own arithmetic, its control, its picture."""

from __future__ import annotations

import asyncio
import math
import multiprocessing
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ringfence.payments import InstructionStatus
from ringfence_local_stack.servers.database import Database
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb
from ringfence_verifier import VerificationError

from bench import contention, controls, echo, flood, history, plot, verifying
from bench.beside import Paced
from bench.concurrent import Settled
from bench.cpu import CpuSpent
from bench.custody import beside_transport
from bench.load import Request, Seen, closed_loop
from bench.rows import Results, row
from bench.statements import Lag
from bench.targets import TARGETS


def test_control_writes_the_rows_it_counts(database: Callable[[str], Database]) -> None:
    """Every row that the COPY control counts stands in its table, with a key of its own."""
    fresh, seen = database("custody"), Seen()
    conninfo = fresh.owner_conninfo
    with controls.control_table(conninfo) as connection:
        controls.copies(connection, 100, 0.05, seen)
        stored = connection.execute("SELECT count(*) FROM control_rows WHERE amount_minor = 100").fetchone()
    assert stored == (seen.rows,)


def test_control_packs_columns_as_rows(database: Callable[[str], Database]) -> None:
    """A packed row holds its own value of every column."""
    fresh = database("custody")
    conninfo = fresh.owner_conninfo
    made = controls.columns(2, 5)
    made[0] = bytes(range(32))
    with controls.control_table(conninfo) as connection:
        with connection.cursor() as cursor, cursor.copy(controls.COPY) as copy:
            copy.write(controls.HEADER + controls.packed(made, 2) + controls.TRAILER)
        rows = connection.execute("SELECT * FROM control_rows ORDER BY position").fetchall()
    assert [each[0].bytes for each in rows] == [bytes(range(16)), bytes(range(16, 32))]
    assert [each[1] for each in rows] == [int.from_bytes(made[1][at : at + 4], "big") for at in (0, 4)]
    assert [each[3:] for each in rows] == [(100, 5), (100, 6)]


async def test_callers_send_every_job_once() -> None:
    """Callers share the jobs, send each job's requests in order, and count all of their rows."""
    jobs = [[Request(bytes([job, step]), 3) for step in range(2)] for job in range(5)]
    sent: list[bytes] = []

    async def ask(request: Request) -> int:
        sent.append(request.body)
        await asyncio.sleep(0)
        return request.rows

    seen = await closed_loop(ask, jobs, callers=3, seconds=60)
    assert sorted(sent) == [request.body for job in jobs for request in job]
    assert (seen.rows, len(seen.latencies_ms)) == (30, 10)


@pytest.mark.parametrize(("latency_ms", "met"), [(40.0, True), (40.01, False)])
def test_target_is_met_up_to_its_bound(latency_ms: float, met: bool) -> None:
    """A row says of each target whether it is met."""
    seen = Seen(3_000, 1.0, [latency_ms])
    done = row("custody", 1, 64, seen, None, **beside_transport(seen, 6_000))
    verdicts = {each["figure"]: each["met"] for each in done.verdicts}
    assert verdicts == {"per_second": True, "ratio_to_transport": True, "p99_ms": met}


def test_targets_are_documented() -> None:
    """docs/bench.md lists every target of the code with its bound, and no other."""
    text = (Path(__file__).parents[2] / "docs" / "bench.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(\w+)`, ([\d,]+) \| (\w+) \| ([≥≤]) ([\d,.]+)", text, re.MULTILINE)
    targets = [
        (
            name,
            f"{size:,}",
            target.figure,
            "≤" if target.least is None else "≥",
            target.most if target.least is None else target.least,
        )
        for (name, size), each in TARGETS.items()
        for target in each
    ]
    assert sorted((*row, float(bound.replace(",", ""))) for *row, bound in documented) == sorted(targets)


def test_figure_that_was_not_measured_misses_its_target() -> None:
    """A target is not met by leaving its figure out."""
    done = row("custody_rebuild", 8_190, 1, Seen(5_000_000, 1.0), None, memory_mib=None)
    assert [each["met"] for each in done.verdicts] == [True, False, False]


def test_lag_is_the_age_of_the_oldest_commit_not_shown() -> None:
    """Statements that are one commit behind for two seconds lag two seconds and a look; shown commits do not count."""
    lag = Lag()
    for now, head, shown in ((0.0, 1, 1), (1.0, 2, 1), (2.0, 3, 1), (3.0, 9, 1), (4.0, 9, 9)):
        lag.note(now, head, shown)
    assert lag.largest_seconds == pytest.approx(2.1)


def test_lag_is_kept_at_every_look() -> None:
    """What is signed at once is a look old, what is not yet its age; when nothing is behind the age is none."""
    lag = Lag()
    for now, head, shown in ((0.0, 1, 1), (1.0, 2, 1), (2.0, 2, 1), (3.0, 2, 2)):
        lag.note(now, head, shown)
    assert lag.ages == pytest.approx([0.0, 0.1, 1.1, 0.0])


async def test_paced_requests_keep_their_rate() -> None:
    """However many callers there are, and however fast they are answered."""

    async def ask(request: Request) -> int:
        return request.rows

    paced = Paced(ask, rows_per_second=10_000)
    seen = await closed_loop(paced, [[Request(b"", 100)]] * 21, callers=4, seconds=60)
    assert seen.rows == 2_100
    assert 0.2 <= seen.seconds < 2


def test_same_runs_give_the_same_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture depends on the kept runs alone."""
    rows = [
        row(name, size, 1, Seen(size * 100, 1.0, [1.0, 2.0]), control).as_json()
        for name, control in (("custody", ("copy", 50.0)), ("copy", None))
        for size in (1, 100)
    ]
    machine = {"cores": 2, "cpu": "a processor", "postgresql": "18"}
    drawn = []
    for name in ("one.svg", "other.svg"):
        monkeypatch.setattr(plot, "FILE", tmp_path / name)
        plot.draw([{"rows": rows, "machine": machine, "commit": "abcdef0"}])
        drawn.append((tmp_path / name).read_bytes())
    assert drawn[0] == drawn[1]


def test_only_complete_runs_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at some rows is kept, but is no part of the history that is shown."""
    monkeypatch.setattr(history, "FOLDER", tmp_path)
    for second, complete in enumerate((True, False)):
        history.keep({"complete": complete}, datetime(2030, 1, 1, second=second, tzinfo=UTC))
    assert [run["time"] for run in history.complete_runs()] == ["2030-01-01T00:00:00+00:00"]
    assert len(list(tmp_path.iterdir())) == 2


def test_runs_of_a_large_log_are_drawn_whatever_else_they_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each as a part of its bound, a rate turned round; runs of smaller logs, or of other rows, are not among them."""
    monkeypatch.setattr(history, "FOLDER", tmp_path)
    plans = [{"rows": ["audit"], "leaves": 10}, {"rows": ["custody"], "leaves": 20}, {"rows": ["audit"], "leaves": 20}]
    for second, plan in enumerate(plans):
        history.keep({"complete": False, "plan": plan}, datetime(2030, 1, 1, second=second, tzinfo=UTC))
    assert [run["time"] for run in history.audited_runs(20)] == ["2030-01-01T00:00:02+00:00"]
    rows = [
        row("audit_drained", 1, 1, Seen(100_000, 1.0), None).as_json(),
        row("audit_disk", 1, 1, Seen(1, 1.0), None, leaf_bytes=450).as_json(),
    ]
    assert plot.part_of_target(rows, "audit_drained", "per_second") == pytest.approx(0.5)
    assert plot.part_of_target(rows, "audit_disk", "leaf_bytes") == pytest.approx(1.5)
    assert math.isnan(plot.part_of_target(rows, "audit_restart", "start_seconds"))


def test_transport_answers_every_caller() -> None:
    """The server that does nothing answers each request with one row, over mutual TLS."""
    seen = echo.transport([[Request(b"", 1)]] * 200, 4, 30)
    assert (seen.rows, len(seen.latencies_ms)) == (196, 196)


def test_ratio_is_told_beside_that_of_the_newest_full_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row says what its ratio was in the newest run of all rows; a look at some rows since does not count."""
    monkeypatch.setattr(history, "FOLDER", tmp_path)
    for second, (complete, rate) in enumerate(((True, 300.0), (True, 355.0), (False, 100.0))):
        kept = row("custody", 8_190, 2, Seen(int(rate), 1.0), ("copy", 100.0)).as_json()
        history.keep({"complete": complete, "rows": [kept]}, datetime(2030, 1, 1, second=second, tzinfo=UTC))
    said: list[str] = []
    results = Results(said.append, earlier=history.newest_ratios())
    results.add(row("custody", 8_190, 2, Seen(368, 1.0), ("copy", 100.0)))
    results.add(row("custody", 1, 64, Seen(368, 1.0), ("copy", 100.0)))
    assert said == [
        "custody 8,190: 368/s, copy: 100/s, ratio 3.68 (was 3.55)",
        "custody 1: 368/s, copy: 100/s, ratio 3.68",
    ]


def test_row_does_not_show_cores_that_cannot_be() -> None:
    """A row whose parts had more cores than there are shows none, and why."""
    done = row("copy", 1, 1, Seen(1, 1.0, cpu=CpuSpent({"postgres": 4.8}, 1.0, 2)), None)
    assert (done.cores, done.cpu_cores) == (2, {"postgres": None})
    assert done.cpu_doubt == "parts add up to 4.80 of 2 cores"


async def test_caller_goes_on_when_its_instruction_has_settled() -> None:
    """Steps on the way wake nobody; another end than SETTLED is an error of the caller's."""
    settled = Settled()
    one, other = settled.expect(b"1"), settled.expect(b"2")
    settled.note(pb.InstructionState(instruction_id=b"1", status=pb.INSTRUCTION_STATUS_RESERVED))
    assert not one.done()
    settled.note(pb.InstructionState(instruction_id=b"1", status=pb.INSTRUCTION_STATUS_SETTLED))
    settled.note(pb.InstructionState(instruction_id=b"2", status=pb.INSTRUCTION_STATUS_REJECTED, reason="WHY"))
    await one
    with pytest.raises(RuntimeError, match=f"{InstructionStatus.REJECTED.name} WHY"):
        await other


def test_a_flood_is_seen_as_a_ratio_of_latencies() -> None:
    """Each quantile beside the flood over the same one alone."""
    alone = Seen(latencies_ms=[float(number) for number in range(1, 101)])
    beside = Seen(latencies_ms=[3.0 * number for number in range(1, 101)])
    assert flood.compared(alone, beside) == {
        "p50_alone_ms": 51.0,
        "p50_ratio": 3.0,
        "p99_alone_ms": 100.0,
        "p99_ratio": 3.0,
    }
    ((target,),) = [targets for (name, _), targets in TARGETS.items() if name == flood.NAME]
    assert (target.figure, target.is_met(3.0), target.is_met(2.0)) == ("p99_ratio", False, True)


def test_the_log_that_is_measured_is_verified() -> None:
    """What the rows of the verifier read is a sound log: with a leaf changed or left out it is refused."""
    log = list(verifying.log_of(200))
    note, vkey = verifying.signed(log)
    verifying.lead_to(log, note, vkey)
    verifying.read_all(log)
    assert len(log) == 200
    with pytest.raises(RuntimeError):
        verifying.lead_to([*log[:-1], log[0]], note, vkey)
    for changed in (log[:50] + log[51:], [*log[:50], log[50][:-1], *log[51:]]):
        with pytest.raises(VerificationError):
            verifying.read_all(changed)


def test_a_flood_is_told_apart_from_the_time_that_it_takes() -> None:
    """The control burns what was busy beside the flood and not before it, and ends with its block."""
    seen = Seen(cpu=CpuSpent({"client": 1.0, "identity": 3.0, "postgres": 9.0}, watched_seconds=4.0, cores=2))
    seen.cpu.unknown.add("postgres")
    assert contention.cores_of(seen) == 1.0
    assert contention.cores_of(Seen()) == 0.0
    with contention.burning(1.5):
        assert len(multiprocessing.active_children()) == 2
    assert multiprocessing.active_children() == []
