"""The skeleton as a process: starts in order, tells the truth about itself, stops in order."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
from ringfence_kernel.service.tasks import Task, Tasks

from ..launching import LONGEST_SECONDS, Launcher, free_port, until_health_is
from ..probe_service import ProbeStub, Text


async def test_sigterm_drains_what_runs_and_closes_in_order(launcher: Launcher) -> None:
    """After SIGTERM the running call is still answered, resources are closed, and the exit code is 0."""
    async with launcher.serving(RINGFENCE_DRAIN_SECONDS="60") as (process, channel):
        await until_health_is(channel, serving=True)
        stub = ProbeStub(channel)
        running = asyncio.ensure_future(stub.Open(Text(text="pause"), timeout=LONGEST_SECONDS))
        await stub.Open(Text(text="x"))
        process.send_signal(signal.SIGTERM)
        assert (await running).text == "pause"
        output, errors = await asyncio.wait_for(process.communicate(), LONGEST_SECONDS)
    lines = [json.loads(line) for line in output.splitlines()]
    assert process.returncode == 0
    assert (launcher.folder / "closed").exists()
    assert {"started", "health_changed", "call"} <= {line["event"] for line in lines}
    assert not errors


async def test_metrics_are_scraped_beside_for_as_long_as_the_process_lives(launcher: Launcher) -> None:
    """A port of its own shows credentials that last, also while calls drain, and is closed with the process."""
    port = free_port()
    address = f"http://127.0.0.1:{port}/metrics"

    def seconds_left(text: str) -> dict[str, float]:
        return {
            line.partition("{")[0]: float(line.rpartition(" ")[2])
            for line in text.splitlines()
            if "lifetime_seconds{" in line
        }

    async with launcher.serving(RINGFENCE_METRICS_LISTEN=f"127.0.0.1:{port}") as (process, channel):
        await until_health_is(channel, serving=True)
        running = asyncio.ensure_future(ProbeStub(channel).Open(Text(text="pause"), timeout=LONGEST_SECONDS))
        await ProbeStub(channel).Open(Text(text="x"))
        process.send_signal(signal.SIGTERM)
        left = seconds_left(await asyncio.to_thread(scrape, address))
        assert (await running).text == "pause"
        await asyncio.wait_for(process.communicate(), LONGEST_SECONDS)
    assert process.returncode == 0
    assert set(left) == {"ringfence_vault_token_lifetime_seconds", "ringfence_certificate_lifetime_seconds"}
    assert all(seconds > 60 for seconds in left.values())
    with pytest.raises(urllib.error.URLError):
        await asyncio.to_thread(scrape, address)


def scrape(address: str) -> str:
    """What Prometheus would get."""
    with urllib.request.urlopen(address, timeout=10) as answer:
        return str(answer.read().decode())


@pytest.mark.parametrize("listen", ["9464", "localhost:", "localhost:http", "localhost:65536", ":9464"])
async def test_metrics_at_no_address_stop_start_up_by_name(launcher: Launcher, listen: str) -> None:
    """What is no host:port is refused before anything is done."""
    code, _, errors = await launcher.run("serve", RINGFENCE_METRICS_LISTEN=listen)
    assert (code, errors) == (2, "custody cannot start: RINGFENCE_METRICS_LISTEN is not host:port\n")


async def test_metrics_at_an_address_that_is_taken_stop_start_up(launcher: Launcher) -> None:
    """A port that somebody else has is named."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        code, _, errors = await launcher.run("serve", RINGFENCE_METRICS_LISTEN=listen)
    assert (code, errors) == (2, f"custody cannot start: cannot listen on {listen}\n")


async def test_health_falls_while_vault_is_sealed_and_rises_again(launcher: Launcher) -> None:
    """A dependency that is away shows in the health of the process that needs it."""
    async with launcher.serving() as (_, channel):
        await until_health_is(channel, serving=True)
        await asyncio.to_thread(launcher.openbao.seal)
        try:
            await until_health_is(channel, serving=False)
        finally:
            await asyncio.to_thread(launcher.openbao.unseal)
        await until_health_is(channel, serving=True)


async def test_tokens_wait_for_their_issuer_by_name(launcher: Launcher) -> None:
    """While the issuer of tokens cannot be reached, a token is neither believed nor called invalid."""
    async with launcher.serving() as (_, channel):
        await until_health_is(channel, serving=True)
        token = "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCIsImtpZCI6InYxIn0.e30.AA"
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ProbeStub(channel).Write(Text(text="x"), metadata=(("authorization", f"Bearer {token}"),), timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_failed_critical_task_ends_the_process(launcher: Launcher) -> None:
    """Memory that cannot be trusted is thrown away with its process: exit code 1, after an orderly stop."""
    async with launcher.serving() as (process, channel):
        await until_health_is(channel, serving=True)
        await ProbeStub(channel).Open(Text(text="release"), timeout=LONGEST_SECONDS)
        await asyncio.wait_for(process.communicate(), LONGEST_SECONDS)
    assert process.returncode == 1
    assert (launcher.folder / "closed").exists()


@pytest.mark.parametrize("variable", ["RINGFENCE_LISTEN", "VAULT_ADDR", "RINGFENCE_TRUST_DOMAIN"])
async def test_a_missing_setting_stops_start_up_with_its_name(launcher: Launcher, variable: str) -> None:
    """Exit code 2 and one line that names the variable."""
    code, _, errors = await launcher.run("serve", **{variable: None})
    assert (code, errors) == (2, f"custody cannot start: {variable} is not set\n")


async def test_a_used_secret_id_stops_start_up(launcher: Launcher) -> None:
    """A wrapping token that is worth nothing is named; the process does not wait for ever."""
    (launcher.folder / "used").write_text("s.nothing")
    code, _, errors = await launcher.run("serve", RINGFENCE_VAULT_WRAPPED_SECRET_ID_FILE=str(launcher.folder / "used"))
    assert code == 2
    assert "wrapping token" in errors


async def test_rebuild_reports_in_one_line_and_by_its_exit_code(launcher: Launcher) -> None:
    """The same state is exit code 0, a difference 1."""
    code, output, _ = await launcher.run("rebuild", "--verify")
    report = {"service": "custody", "events": 3, "differences": {"state": 0}, "same": True}
    assert (code, json.loads(output)) == (0, report)
    (launcher.folder / "broken").touch()
    code, output, _ = await launcher.run("rebuild", "--verify")
    assert (code, json.loads(output)["same"]) == (1, False)


async def test_a_failed_task_is_started_again_and_a_returned_one_is_not() -> None:
    """A task that raises runs again after a pause; one that returns has ended."""
    runs: dict[str, int] = {"fails once": 0, "returns": 0}
    ended = asyncio.Event()

    async def fails_once() -> None:
        runs["fails once"] += 1
        if runs["fails once"] == 1:
            raise ConnectionError
        ended.set()

    async def returns() -> None:
        runs["returns"] += 1

    tasks = Tasks(lambda: pytest.fail("no task here is critical"))
    tasks.start([Task("fails once", fails_once), Task("returns", returns)])
    async with asyncio.timeout(LONGEST_SECONDS):
        await ended.wait()
    await tasks.stop()
    assert runs == {"fails once": 2, "returns": 1}


async def test_what_fails_again_and_again_shows() -> None:
    """A vital task that fails makes the process unwell until it runs again; one that is not vital does not."""
    ready = asyncio.Event()

    async def fails() -> None:
        if not ready.is_set():
            raise ConnectionError
        await asyncio.Event().wait()

    tasks = Tasks(lambda: pytest.fail("no task here is critical"))
    tasks.start([Task("vital", fails), Task("other", fails, vital=False)])
    async with asyncio.timeout(LONGEST_SECONDS):
        while await tasks.problem() is None:
            await asyncio.sleep(0.01)
        assert await tasks.problem() == "vital"
        ready.set()
        while await tasks.problem() is not None:
            await asyncio.sleep(0.01)
    await tasks.stop()


async def returned() -> None:
    """Returns, although it should run for ever."""


async def cancelled_by_nobody() -> None:
    """Ends as a library ends that takes a cancellation for its own."""
    raise asyncio.CancelledError


@pytest.mark.parametrize("ends", [returned, cancelled_by_nobody])
async def test_what_everybody_waits_for_does_not_end_in_silence(ends: Callable[[], Awaitable[None]]) -> None:
    """A critical task ends the process, whichever way it ends; another one that was cancelled by nobody runs again."""
    ended, runs = asyncio.Event(), [0]

    async def other() -> None:
        runs[0] += 1
        raise asyncio.CancelledError

    tasks = Tasks(ended.set)
    tasks.start([Task("writer", ends, critical=True), Task("other", other)])
    async with asyncio.timeout(LONGEST_SECONDS):
        await ended.wait()
        while runs[0] < 2:
            await asyncio.sleep(0.05)
    await tasks.stop()


def test_a_process_ends_although_a_thread_hangs() -> None:
    """Whoever is to end ends: another process leads already, and a supervisor waits to start this one again."""
    code = (
        "import threading; from ringfence_kernel.service.serving import end_for_sure;"
        "end_for_sure(0.2); threading.Thread(target=threading.Event().wait).start()"
    )
    ended = subprocess.run([sys.executable, "-c", code], timeout=20, check=False, capture_output=True)
    assert ended.returncode == 1
    assert b"process_ended_while_something_hung" in ended.stdout


async def test_stopping_waits_for_what_a_task_finishes() -> None:
    """A cancelled task may finish what it has begun before the stop goes on."""
    finished: list[Any] = []

    async def slow_to_stop() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            finished.append(True)

    tasks = Tasks(lambda: None)
    tasks.start([Task("slow", slow_to_stop)])
    await asyncio.sleep(0)
    await tasks.stop()
    assert finished
