"""The stack as a whole: one owner, one state file, data that stays, and nothing left behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psycopg
import pytest
from ringfence_bootstrap.description import SERVICES
from ringfence_bootstrap.nats.streams import stream_name
from ringfence_local_stack.errors import LocalStackError, ProcessFailed, StackNotRunning, StackRunning
from ringfence_local_stack.processes.files import fleeting_folder, private_folder
from ringfence_local_stack.servers.postgres import FLEETING
from ringfence_local_stack.stack.local_stack import LocalStack
from ringfence_local_stack.stack.running import RunningStack, attach
from ringfence_local_stack.stack.services import installed

HERE = Path(__file__).parent
STAND_IN = {"custody": {"PYTHONPATH": str(HERE / "stand_in")}}
PRINCIPAL = "01938c2e-6f3a-7c41-9b52-3f8d1a2b4c5d"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for a stack that PostgreSQL's account can pass through."""
    made = private_folder(fleeting_folder(), 0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """A stack with a stand-in for custody."""
    with LocalStack.temporary(
        with_services=("custody",), service_settings=STAND_IN, postgres_settings=FLEETING
    ) as made:
        yield made


def starts(running: RunningStack) -> int:
    """How often the stand-in has started, by its own notes."""
    database = running.databases["custody"]
    with psycopg.connect(database.owner_conninfo) as connection:
        row = connection.execute("SELECT count(*) FROM start").fetchone()
    assert row is not None
    return int(row[0])


def children(pid: int) -> set[int]:
    """The process ids of a process's children."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return {int(word) for task in tasks for word in task.read_text().split()}


def runs(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone_within(pids: set[int], seconds: float) -> bool:
    """Whether all the processes end in time."""
    deadline = time.monotonic() + seconds
    while any(runs(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(runs(pid) for pid in pids)


def owner_process(folder: Path) -> subprocess.Popen[str]:
    """A process of its own that runs a stack in the folder."""
    return subprocess.Popen(
        [sys.executable, HERE / "owner_process.py", folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def await_line(process: subprocess.Popen[str], line: str) -> None:
    """Reads the output until the line comes."""
    assert process.stdout is not None
    assert line in (read.strip() for read in process.stdout), process.stderr and process.stderr.read()


def test_another_process_attaches(stack: LocalStack) -> None:
    """The state file alone, readable by its owner only, gives the addresses and the operator's access."""
    running = LocalStack.attach(stack.directory)
    assert running == stack.running
    assert (stack.directory / "stack.json").stat().st_mode & 0o777 == 0o600
    assert running.openbao.admin().is_active()
    assert sorted(running.nats_admin().stream_names()) == sorted(map(stream_name, SERVICES))
    issued = running.issue_principal_certificate(PRINCIPAL)
    assert issued.key.stat().st_mode & 0o777 == 0o600
    assert {"postgres", "openbao", "nats", "custody"} == set(running.pids)


def test_one_folder_has_one_owner(stack: LocalStack) -> None:
    """A second start in the same folder is refused, and disturbs nothing."""
    with pytest.raises(StackRunning):
        LocalStack(stack.directory, with_services=()).start()
    assert stack.service("custody").is_healthy()


def test_killed_service_starts_again_with_a_new_secret_id(stack: LocalStack) -> None:
    """After signal 9 the service logs in afresh, serves at the same address, and the state file names its new pid."""
    before, count = stack.running, starts(stack.running)
    stack.restart("custody", kill=True)
    assert starts(stack.running) == count + 1
    assert stack.running.addresses == before.addresses
    assert attach(stack.directory).pids["custody"] == stack.service("custody").pid != before.pids["custody"]
    assert list((stack.directory / "services" / "custody").glob("secret-id.*")) == []


def test_service_is_stopped_gracefully(stack: LocalStack) -> None:
    """An ordinary restart lets the service drain first."""
    log = stack.running.log_file("custody")
    before = log.read_text().count("drained")
    stack.restart("custody")
    assert log.read_text().count("drained") == before + 1


def test_every_server_recovers_from_kill_nine(stack: LocalStack) -> None:
    """Each server killed with signal 9 is ready again after its start, OpenBao unsealed."""
    for name in ("postgres", "openbao", "nats"):
        stack.restart(name, kill=True)
    assert starts(stack.running) > 0
    assert stack.openbao.admin().is_active()
    assert stack.nats.pid == stack.running.pids["nats"]


def test_service_outside_the_subset_is_not_there(stack: LocalStack) -> None:
    """Only the services asked for run."""
    with pytest.raises(LocalStackError, match="audit is not part of this stack"):
        stack.service("audit")


def test_standby_is_a_part_of_its_own() -> None:
    """A second process of a service has its own address, log and secret id; others are told both addresses."""
    with LocalStack.temporary(
        with_services=("custody",), standbys=("custody",), service_settings=STAND_IN, postgres_settings=FLEETING
    ) as stack:
        running, count = stack.running, starts(stack.running)
        assert count == 2
        assert running.addresses["custody"] == f"{running.listens['custody']},{running.listens['custody-standby']}"
        assert running.pids["custody"] != running.pids["custody-standby"]
        standby, other = running.environment("custody-standby"), running.environment("audit")
        assert (standby["RINGFENCE_SERVICE"], standby["RINGFENCE_LISTEN"]) == (
            "custody",
            running.listens["custody-standby"],
        )
        assert other["RINGFENCE_CUSTODY_ADDRESS"] == running.addresses["custody"]
        stack.restart("custody", kill=True)
        folders = [running.environment(part)["RINGFENCE_SNAPSHOT_DIRECTORY"] for part in running.listens]
        assert len(set(folders)) == len(folders) == 5
        assert stack.service("custody-standby").is_healthy()
        assert (stack.running.pids["custody-standby"], starts(running)) == (running.pids["custody-standby"], 3)
        assert running.log_file("custody-standby").exists()


def test_what_runs_a_service_may_be_another_command(folder: Path) -> None:
    """It is asked at every start, with the settings of that start, and its process is supervised like any other."""
    asked: list[tuple[str, str, str]] = []

    def command_line(part: str, verb: str, settings: Mapping[str, str]) -> Sequence[str]:
        asked.append((part, verb, settings.get("RINGFENCE_VAULT_WRAPPED_SECRET_ID_FILE", "")))
        return ["/usr/bin/env", *installed(part, verb, settings)]

    options = {"with_services": ("custody",), "service_settings": STAND_IN, "command_line": command_line}
    with LocalStack(folder, postgres_settings=FLEETING, **options) as stack:
        stack.restart("custody")
        assert stack.service("custody").is_healthy()
    assert [(part, verb) for part, verb, _ in asked] == [
        ("custody", "migrate"),
        ("custody", "serve"),
        ("custody", "serve"),
    ]
    assert len({secret_id for _, _, secret_id in asked}) == 3


def test_failing_service_stops_the_stack_and_shows_its_log(folder: Path) -> None:
    """A service that cannot start is named with the end of its log, and the servers are stopped."""
    broken = folder / "broken" / "ringfence_custody"
    broken.mkdir(parents=True)
    (broken / "__init__.py").touch()
    (broken / "__main__.py").write_text("raise SystemExit('the reason why')")
    settings = {"custody": {"PYTHONPATH": str(broken.parent)}}
    stack = LocalStack(folder, with_services=("custody",), service_settings=settings, postgres_settings=FLEETING)
    before = children(os.getpid())
    with pytest.raises(ProcessFailed, match=r"custody migrate ended with status 1(.|\n)*the reason why"):
        stack.start()
    assert children(os.getpid()) == before
    with pytest.raises(StackNotRunning):
        attach(folder)
    assert "the reason why" in (folder / "logs" / "custody.log").read_text()


def test_data_and_authorities_are_kept_over_a_stop(folder: Path) -> None:
    """A second start in the folder finds the databases and the certificate authorities of the first."""
    certificates = []
    for number in (1, 2):
        with LocalStack(folder, with_services=(), postgres_settings=FLEETING) as stack:
            certificates.append(stack.running.workload_ca_file.read_text())
            database = stack.running.databases["audit"]
            with psycopg.connect(database.owner_conninfo) as connection:
                connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
                connection.execute("INSERT INTO kept VALUES (%s)", [number])
                assert connection.execute("SELECT count(*) FROM kept").fetchone() == (number,)
    assert certificates[0] == certificates[1]


@pytest.mark.parametrize(
    ("when", "sent"),
    [("starting PostgreSQL and OpenBao", signal.SIGINT), ("up", signal.SIGTERM), ("up", signal.SIGHUP)],
)
def test_signal_leaves_nothing_running(folder: Path, when: str, sent: signal.Signals) -> None:
    """Ctrl-C, SIGTERM and a closed terminal stop every process, in the middle of the start as well as later."""
    owner = owner_process(folder)
    await_line(owner, when)
    time.sleep(0.5)
    pids = children(owner.pid)
    assert pids
    owner.send_signal(sent)
    owner.communicate(timeout=30)
    assert not any(runs(pid) for pid in pids)
    assert not (folder / "stack.json").exists()
    with LocalStack(folder, with_services=(), postgres_settings=FLEETING) as again:
        assert again.openbao.admin().is_active()


def test_killed_owner_takes_its_children_along(folder: Path) -> None:
    """When the owner is killed with signal 9, the servers stop by themselves and the state file is known as stale."""
    owner = owner_process(folder)
    await_line(owner, "up")
    pids = set(json.loads((folder / "stack.json").read_text())["pids"].values())
    assert len(pids) == 3
    owner.kill()
    owner.communicate(timeout=10)
    assert gone_within(pids, 15.0)
    with pytest.raises(StackNotRunning, match="died"):
        attach(folder)
    with LocalStack(folder, with_services=(), postgres_settings=FLEETING):
        assert attach(folder).owner_pid == os.getpid()
