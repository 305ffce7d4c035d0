"""Supervision of one process, free ports, and programs that are missing."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from ringfence_local_stack.errors import ProcessFailed, ProgramMissing
from ringfence_local_stack.processes import programs
from ringfence_local_stack.processes.ports import free_ports
from ringfence_local_stack.processes.privileges import Account, is_reachable, reachable_copy, reachable_directory
from ringfence_local_stack.processes.process import Process
from ringfence_local_stack.stack.directories import default_directory


def python(tmp_path: Path, code: str) -> Process:
    """A supervised Python that runs the code."""
    return Process("example", [sys.executable, "-c", code], tmp_path / "log", {"LC_ALL": "C"})


def test_what_ends_between_two_looks_is_not_missed(tmp_path: Path) -> None:
    """Its end may be what is waited for: who was not ready is asked once more when the process is gone."""
    process = python(tmp_path, "input()")
    looks = iter((False, True))

    def is_ready() -> bool:
        process.stop()
        return next(looks)

    process.start()
    process.wait_until(is_ready, 30)


def test_ports_are_different_and_free() -> None:
    """Each port can be bound at once, and no port comes twice."""
    ports = free_ports(20) + free_ports(20)
    assert len(set(ports)) == 40
    for port in ports:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", port))


def test_two_processes_are_not_given_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the servers of either have bound theirs; of 200 ports 60 each, by chance, would be no others."""
    few = "import ringfence_local_stack.processes.ports as p; p._LOWEST, p._ephemeral_floor = 19_000, lambda: 19_200; "
    code = f"{few}print(*p.free_ports(60), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        theirs = {int(each) for each in other.stdout.readline().split()}
        monkeypatch.setattr("ringfence_local_stack.processes.ports._LOWEST", 19_000)
        monkeypatch.setattr("ringfence_local_stack.processes.ports._ephemeral_floor", lambda: 19_200)
        assert theirs.isdisjoint(free_ports(60))
        other.communicate("")
    assert len(theirs) == 60


def test_log_that_has_grown_too_long_is_put_aside_at_a_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one before is kept, nothing older, and a short log goes on."""
    monkeypatch.setattr("ringfence_local_stack.processes.process.LOG_BYTES", 5)
    for word in ("one", "three", "five"):
        python(tmp_path, f"print({word!r})").run(30)
    assert (tmp_path / "log").read_text() == "five\n"
    assert (tmp_path / "log.1").read_text() == "one\nthree\n"


def test_process_that_ends_early_is_reported_with_its_log(tmp_path: Path) -> None:
    """Waiting for readiness ends at once when the process does, with the end of its log."""
    process = python(tmp_path, "raise SystemExit('no licence')")
    process.start()
    with pytest.raises(ProcessFailed, match=r"example ended with status 1(.|\n)*no licence"):
        process.wait_until(lambda: False, 30)


def test_process_that_is_never_ready_is_reported_at_the_deadline(tmp_path: Path) -> None:
    """Waiting has an end."""
    process = python(tmp_path, "import time; time.sleep(60)")
    process.start()
    with pytest.raises(ProcessFailed, match=r"not ready after 0\.3 s"):
        process.wait_until(lambda: False, 0.3)
    process.kill()


def test_process_that_ignores_the_request_to_stop_is_killed(tmp_path: Path) -> None:
    """A graceful stop has a deadline, after which signal 9 comes."""
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    process = python(tmp_path, code)
    process.start()
    process.wait_until(lambda: "deaf" in process.log_tail(), 10)
    pid = process.pid
    assert pid is not None
    process.stop(0.3)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_process_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    """A process started from a thread that has ended goes on (the kernel's parent-death signal is per thread)."""
    process = python(tmp_path, "import time; print('on', flush=True); time.sleep(60)")
    starter = threading.Thread(target=process.start)
    starter.start()
    starter.join()
    process.wait_until(lambda: "on" in process.log_tail(), 10)
    with pytest.raises(ProcessFailed, match="not ready"):
        process.wait_until(lambda: process.pid is None, 0.3)
    process.stop()


def test_nothing_starts_once_the_stack_is_closing(tmp_path: Path) -> None:
    """A start that loses against the stop of the stack is refused."""
    process = python(tmp_path, "pass")
    process.closing.set()
    with pytest.raises(ProcessFailed, match="stopping"):
        process.start()
    assert process.pid is None


def test_environment_is_the_one_given(tmp_path: Path) -> None:
    """Nothing of the caller's environment reaches the process."""
    code = "import os; print(sorted(os.environ))"
    process = Process("example", [sys.executable, "-c", code], tmp_path / "log", {"LC_ALL": "C"}, None, signal.SIGTERM)
    process.run(10)
    assert process.log_tail() == "['LC_ALL']"


def test_missing_program_is_named_with_its_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person reads what to type."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(programs, "_SYSTEM_FOLDERS", ())
    with pytest.raises(ProgramMissing, match="nats-server is not installed: apt-get install nats-server"):
        programs.find_nats_server()


def test_system_folders_are_searched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A server in a folder that an ordinary user's PATH lacks is found."""
    (tmp_path / "nats-server").write_text("#!/bin/sh\n")
    (tmp_path / "nats-server").chmod(0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(programs, "_SYSTEM_FOLDERS", (str(tmp_path),))
    assert programs.find_nats_server() == tmp_path / "nats-server"


def test_closed_folder_is_not_reachable(tmp_path: Path) -> None:
    """An unprivileged account cannot pass a folder that is closed to others; its data goes elsewhere, always there."""
    stranger = Account(uid=64_999, gid=64_999)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert not is_reachable(closed / "data", stranger)
    assert is_reachable(closed / "data", None)
    assert is_reachable(Path("/usr/bin/env"), stranger)


def test_substitute_of_a_closed_folder_is_stable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The substitute depends on the path alone, so that a later start finds the data."""
    monkeypatch.setattr("ringfence_local_stack.processes.privileges.SHARED_ROOT", tmp_path / "shared")
    stranger = Account(uid=64_999, gid=64_999)
    (tmp_path / "closed").mkdir(mode=0o700)
    wanted = tmp_path / "closed" / "data"
    first = reachable_directory(wanted, stranger)
    assert first == reachable_directory(wanted, stranger) != reachable_directory(wanted / "x", stranger)
    assert first.parent == tmp_path / "shared"


def test_programs_in_a_closed_folder_are_copied_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs of a checkout that is closed to others run from a copy, without what is left out; open ones in place."""
    monkeypatch.setattr("ringfence_local_stack.processes.privileges.SHARED_ROOT", tmp_path / "shared")
    programs_folder = tmp_path / "closed" / "programs"
    programs_folder.mkdir(parents=True)
    for name in ("server", "library.a"):
        (programs_folder / name).touch()
    (tmp_path / "closed").chmod(0o700)
    stranger = Account(uid=64_999, gid=64_999)
    assert reachable_copy([programs_folder], "v1", None, leave_out=()) == tmp_path / "closed"
    for _ in range(2):
        parent = reachable_copy([programs_folder], "v1", stranger, leave_out=["*.a"])
        assert parent == tmp_path / "shared" / "v1"
        assert [file.name for file in (parent / "programs").iterdir()] == ["server"]


def test_second_of_two_copies_made_at_once_gives_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another stack finished the copy first, that one is used, and nothing half-made is left."""
    shared = tmp_path / "shared"
    monkeypatch.setattr("ringfence_local_stack.processes.privileges.SHARED_ROOT", shared)
    folder = tmp_path / "closed" / "programs"
    folder.mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    copytree = shutil.copytree

    def overtaken(*paths: Path, **options: Any) -> None:
        copytree(*paths, **options)
        copytree(folder, shared / "v1" / "programs")

    monkeypatch.setattr("ringfence_local_stack.processes.privileges.shutil.copytree", overtaken)
    assert reachable_copy([folder], "v1", Account(uid=64_999, gid=64_999), leave_out=()) == shared / "v1"
    assert [each.name for each in shared.iterdir()] == ["v1"]


def test_stack_lives_in_the_checkout_or_the_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside a checkout `.ringfence` at its top, elsewhere the XDG state folder, and a variable beats both."""
    monkeypatch.delenv("RINGFENCE_STACK", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    inside = tmp_path / "checkout" / "docs"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    assert default_directory() == tmp_path / "state" / "ringfence"
    (tmp_path / "checkout" / "pyproject.toml").write_text('[project]\nname = "ringfence-workspace"\n')
    assert default_directory() == tmp_path / "checkout" / ".ringfence"
    monkeypatch.setenv("RINGFENCE_STACK", str(tmp_path / "chosen"))
    assert default_directory() == tmp_path / "chosen"
