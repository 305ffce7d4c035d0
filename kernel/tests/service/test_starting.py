"""How a process comes and goes among others: what an orchestrator is told, whom it trusts, what it waits for."""

from __future__ import annotations

import asyncio
import signal
import uuid
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from ringfence_kernel.rpc.errors import remote_error
from ringfence_local_stack.servers.certificates import Authority
from ringfence_local_stack.servers.database import Database

from ..launching import Launcher, free_port, probed, until_health_is
from ..probe_service import ProbeStub, Text

WITHOUT_OTHERS = dict.fromkeys(("VAULT_ADDR", "RINGFENCE_VAULT_ROLE_ID", "RINGFENCE_NATS_URL"))
OFTEN = [("grpc.max_reconnect_backoff_ms", 200)]
"""A caller that is not let in asks again at once."""
ISSUERS = ("RINGFENCE_WORKLOAD_CA_FILE", "RINGFENCE_CLIENT_CA_FILE", "RINGFENCE_NATS_CACERT")


async def test_endpoints_go_before_calls_are_refused(launcher: Launcher) -> None:
    """After SIGTERM `ready` falls first and calls are taken on; streams end when the time to leave is over."""
    health = f"localhost:{free_port()}"
    settings = {"RINGFENCE_HEALTH_LISTEN": health, "RINGFENCE_LEAVE_SECONDS": "2"}
    async with launcher.serving(**settings) as (process, channel), grpc.aio.insecure_channel(health) as plain:
        await until_health_is(channel, serving=True)
        assert await probed(plain) == {"live", "ready", "lead"}
        stub = ProbeStub(channel)
        waiting = stub.Open(Text(text="wait"), timeout=20)
        await stub.Open(Text(text="x"))
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(1):
            while "ready" in await probed(plain):
                await asyncio.sleep(0.01)
        assert await probed(plain) == {"live", "lead"}
        process.send_signal(signal.SIGTERM)
        assert (await stub.Open(Text(text="still"), timeout=1)).text == "still"
        assert await probed(plain) == {"live", "lead"}
        await asyncio.sleep(2)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.Open(Text(text="too late"), timeout=5)
        # gRPC cancels a call that comes as the server closes: to whoever calls it is as unavailable as a later one.
        assert remote_error(refused.value).code == "UNAVAILABLE"
        assert await probed(plain) == {"live"}
        assert not waiting.done()
        await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0
    assert (launcher.folder / "closed").exists()


async def test_whoever_waits_for_vault_is_live_and_not_ready(launcher: Launcher) -> None:
    """A start that has to wait is no reason to be started again."""
    health = f"localhost:{free_port()}"
    settings = {"RINGFENCE_HEALTH_LISTEN": health, "VAULT_ADDR": f"https://localhost:{free_port()}"}
    async with launcher.serving(**settings) as (process, _), grpc.aio.insecure_channel(health) as plain:
        assert await probed(plain) == {"live"}
        assert process.returncode is None


async def test_whoever_has_lost_a_critical_task_is_not_live(launcher: Launcher) -> None:
    """An orchestrator sees at once what ends by itself only when its calls have ended."""
    health = f"localhost:{free_port()}"
    async with (
        launcher.serving(RINGFENCE_HEALTH_LISTEN=health) as (process, channel),
        grpc.aio.insecure_channel(health) as plain,
    ):
        await until_health_is(channel, serving=True)
        assert "live" in await probed(plain)
        stub = ProbeStub(channel)
        hanging = stub.Open(Text(text="hang"), timeout=20)
        await stub.Open(Text(text="release"), timeout=5)
        async with asyncio.timeout(3):
            while await probed(plain):
                await asyncio.sleep(0.01)
        assert process.returncode is None
        assert not hanging.done()
        await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1


async def test_an_issuer_that_is_added_to_the_file_is_trusted(launcher: Launcher, tmp_path: Path) -> None:
    """A process that runs lets in whom a new issuer vouches for, without being started again."""
    other = Authority("the next issuer of principals")
    files = other.issue(f"spiffe://ringfence.local/principal/{uuid.uuid4()}", tmp_path, "next")
    workload_ca = (launcher.folder / "pki-workload.pem").read_bytes()
    credentials = grpc.ssl_channel_credentials(workload_ca, files.key.read_bytes(), files.certificate.read_bytes())
    async with launcher.serving() as (_, channel):
        await until_health_is(channel, serving=True)
        async with grpc.aio.secure_channel(f"localhost:{launcher.port}", credentials, OFTEN) as new:
            with pytest.raises(grpc.aio.AioRpcError):
                await ProbeStub(new).Open(Text(text="x"), timeout=5)
            with (launcher.folder / "pki-client.pem").open("a") as bundle:
                bundle.write(f"\n{other.certificate}")
            assert (await ProbeStub(new).Open(Text(text="x"), timeout=30, wait_for_ready=True)).text == "x"
        assert (await ProbeStub(channel).Open(Text(text="x"), timeout=5)).text == "x"


@pytest.mark.parametrize("variable", ISSUERS)
async def test_a_file_without_issuers_stops_start_up_with_its_name(launcher: Launcher, variable: str) -> None:
    """Exit code 2 and one line, whether the file is away or holds something else."""
    (launcher.folder / "empty.pem").touch()
    for name in ("empty.pem", "nowhere.pem"):
        code, _, errors = await launcher.run("serve", **{variable: str(launcher.folder / name)})
        assert (code, errors) == (2, f"custody cannot start: {variable} is not a file with certificates (PEM)\n")


async def test_migrate_needs_the_owner_and_not_vault(launcher: Launcher, database: Callable[[str], Database]) -> None:
    """A migration runs with the owner's database alone, and serving settings never hold the owner's."""
    fresh = database("custody")
    settings = {**WITHOUT_OTHERS, **fresh.environment(), **fresh.owner_environment()}
    code, _, errors = await launcher.run("migrate", **settings)
    assert (code, '"migrated"' in errors) == (0, True)
    code, _, errors = await launcher.run("migrate", **settings | {"RINGFENCE_OWNER_DATABASE_URL": None})
    assert (code, "RINGFENCE_OWNER_DATABASE_URL" in errors) == (2, True)


@pytest.mark.parametrize("command", [["migrate"], ["migrate", "--wait"]])
async def test_a_database_url_that_is_none_stops_a_migration_with_its_name(
    launcher: Launcher, command: list[str]
) -> None:
    """Exit code 2 and one line without the value."""
    variable = "RINGFENCE_OWNER_DATABASE_URL" if command == ["migrate"] else "RINGFENCE_DATABASE_URL"
    code, _, errors = await launcher.run(*command, **{variable: "s3cret"})
    expected = f"{variable} is not a database URL, postgresql://USER@HOST:PORT/DATABASE"
    assert (code, errors) == (2, f"custody cannot start: {expected}\n")


async def test_whoever_waits_for_the_schema_needs_the_service_role_alone(
    launcher: Launcher, database: Callable[[str], Database]
) -> None:
    """It ends when another process has migrated; when the time is over it says what is missing."""
    fresh = database("custody")
    waiting = {**WITHOUT_OTHERS, **fresh.environment(), "RINGFENCE_OWNER_DATABASE_URL": None}
    code, _, errors = await launcher.run("migrate", "--wait", "--timeout", "0", **waiting)
    assert code == 3
    assert errors.endswith(
        "custody's schema is not there after 0 s: SCHEMA_BEHIND: migrations 1, 2, 3, 4, 5, 6, 7, 8 are not applied\n"
    )
    process = await launcher.start("migrate", "--wait", **waiting)
    assert process.stderr is not None
    assert b"schema_awaited" in await asyncio.wait_for(process.stderr.readline(), 20)
    assert (await launcher.run("migrate", **waiting | fresh.owner_environment()))[0] == 0
    await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0


async def test_waiting_for_the_schema_ends_with_sigterm(
    launcher: Launcher, database: Callable[[str], Database]
) -> None:
    """As the first process of a container it would get no signal that it does not handle."""
    waiting = {**WITHOUT_OTHERS, **database("custody").environment(), "RINGFENCE_OWNER_DATABASE_URL": None}
    process = await launcher.start("migrate", "--wait", **waiting)
    assert process.stderr is not None
    await asyncio.wait_for(process.stderr.readline(), 20)
    process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 128 + signal.SIGTERM


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf", "soon"])
async def test_a_time_to_wait_is_a_number_of_seconds(launcher: Launcher, seconds: str) -> None:
    """Anything else is refused by the command line."""
    code, _, errors = await launcher.run("migrate", "--wait", "--timeout", seconds)
    assert (code, "--timeout" in errors) == (2, True)
