"""From settings to a serving process and back, in one readable order."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import TypeVar

from ringfence_kernel.access.token_keys import KeySource
from ringfence_kernel.access.tokens import TokenVerifier
from ringfence_kernel.certificates.renewal import WorkloadCertificate
from ringfence_kernel.rpc.condition import NAME as CONDITION
from ringfence_kernel.rpc.condition import ConditionServicer
from ringfence_kernel.rpc.health import Check, Health
from ringfence_kernel.rpc.probes import Probes
from ringfence_kernel.rpc.server import CannotListen, RpcServer, ServerOptions
from ringfence_kernel.service.definition import Assembly, Service
from ringfence_kernel.service.heavy import HeavyWork
from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.service.measures import count_from_zero, measure_credentials, measure_leadership, measure_start
from ringfence_kernel.service.runtime import Runtime
from ringfence_kernel.service.settings import Settings
from ringfence_kernel.service.tasks import Task, Tasks
from ringfence_kernel.service.threads import Threads
from ringfence_kernel.service.trust import Trust
from ringfence_kernel.telemetry import logs
from ringfence_kernel.telemetry.gauges import Gauges
from ringfence_kernel.telemetry.scraping import Scraping
from ringfence_kernel.telemetry.tracing import Telemetry
from ringfence_kernel.values.clock import SystemClock
from ringfence_kernel.vault import Vault, VaultOptions

SettingsT = TypeVar("SettingsT", bound=Settings)

_LOG = logs.get(__name__)
YOUNG_OBJECTS = 20_000
ENDING_SECONDS = 5.0
"""How long a process whose memory cannot be trusted may take to end, beside the time for calls to end."""
VAULT_SECONDS = 15.0
"""How often a process asks whether Vault answers."""
CLOSING_SECONDS = 9.0
"""How long one that was asked to stop may take to settle, save and close, beside the times before: 24 s in all."""


async def serve(service: Service[SettingsT], settings: SettingsT) -> int:
    """Serves until SIGTERM or SIGINT, then stops in order; returns the exit code.

    Raises what stops start-up: VaultLoginRefused, MissingSetting, AccessRuleMissing, or the service's own.
    """
    loop = asyncio.get_running_loop()
    leave_seconds, drain_seconds = settings.leave_seconds, settings.drain_seconds
    failed = asyncio.Event()
    probes = Probes(settings.health_listen)
    running = asyncio.ensure_future(_run(service, settings, failed, probes))
    asked = asyncio.Event()

    def stop() -> None:
        """Cancels once: another signal would cut off what is being closed."""
        if not asked.is_set():
            asked.set()
            end_for_sure(leave_seconds + drain_seconds + CLOSING_SECONDS)
            running.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    failing = asyncio.ensure_future(failed.wait())
    await asyncio.wait({running, failing}, return_when=asyncio.FIRST_COMPLETED)
    failing.cancel()
    if failed.is_set():
        probes.die()
        end_for_sure(drain_seconds + ENDING_SECONDS)
    if not running.done() and not asked.is_set():
        running.cancel()
    await asyncio.wait({running})
    if not running.cancelled():
        running.result()
    return 1 if failed.is_set() else 0


def end_for_sure(seconds: float) -> None:
    """Ends the process after so long, whatever still runs in it: a thread may wait for a peer that is gone."""

    def end() -> None:
        _LOG.critical("process_ended_while_something_hung")
        os._exit(1)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


async def _run(service: Service[SettingsT], settings: SettingsT, failed: asyncio.Event, probes: Probes) -> None:
    """Starts everything, waits to be cancelled, and lets the stack undo it all in reverse order."""
    async with AsyncExitStack() as resources:
        await probes.start()
        resources.push_async_callback(probes.stop)
        telemetry = _telemetry(service.name, settings, resources)
        gauges = Gauges(telemetry.meter, is_open=False)
        resources.callback(gauges.close)
        measure_start(gauges)
        logs.count_lost(telemetry.meter)
        asyncio.get_running_loop().set_default_executor(Threads(telemetry.meter))
        heavy = HeavyWork(telemetry.meter)
        resources.callback(heavy.close)
        trust = Trust.read(settings)
        vault = await Vault.connect(_vault_options(settings))
        resources.callback(vault.close)
        certificate = await _certificate(settings, vault)
        runtime = Runtime(
            settings=settings,
            clock=SystemClock(),
            telemetry=telemetry,
            gauges=gauges,
            vault=vault,
            certificate=certificate,
            trust=trust,
            resources=resources,
            heavy=heavy,
        )
        measure_credentials(gauges, vault, certificate, runtime.clock)
        count_from_zero(telemetry.meter)
        assembly = await service.assemble(runtime)
        tasks = Tasks(failed.set)
        resources.push_async_callback(tasks.stop)
        own = [Task("vault-token", vault.renew), Task("certificate", certificate.renew), Task("trust", trust.follow)]
        tasks.start([*own, *assembly.everywhere])
        if assembly.leadership is None:
            tasks.start(assembly.tasks)
        health = await _open(runtime, assembly, tasks, probes, failed)
        if assembly.leadership is not None:
            measure_leadership(gauges, telemetry.meter, assembly.leadership)
            tasks.start([_leading(assembly.leadership, assembly.tasks, health, failed)])
        gauges.open()
        _spare_the_collector()
        _LOG.info("started", listen=settings.listen)
        await asyncio.Event().wait()


def _telemetry(name: str, settings: Settings, resources: AsyncExitStack) -> Telemetry:
    """Makes the process's telemetry, and lets it be scraped where the settings say so; raises CannotListen."""
    address = settings.metrics_address()
    scraping = Scraping() if address else None
    telemetry = Telemetry.start(name, settings.telemetry_endpoint, metric_reader=scraping.reader if scraping else None)
    telemetry.install()
    resources.callback(telemetry.shutdown)
    if address and scraping:
        try:
            end = scraping.listen(*address)
        except OSError:
            raise CannotListen(f"cannot listen on {settings.metrics_listen}") from None
        resources.push_async_callback(asyncio.to_thread, end)
    return telemetry


def _spare_the_collector() -> None:
    """Has the garbage collector leave alone what was loaded, and look at the rest less often: calls make no cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)


async def _open(
    runtime: Runtime[SettingsT], assembly: Assembly, tasks: Tasks, probes: Probes, failed: asyncio.Event
) -> Health:
    """Listens, and says SERVING once every check passes."""
    settings = runtime.settings
    checks = [*assembly.checks, _certificate_check(runtime), _vault_check(runtime), Check("tasks", tasks.problem)]
    if assembly.leadership is not None:
        checks.append(Check("leader's tasks", assembly.leadership.problem))
    of_leader = [
        servicer.service
        for servicer in assembly.servicers
        if assembly.leadership is not None and not servicer.by_standby
    ]
    names = [*(servicer.service for servicer in assembly.servicers), CONDITION]
    health = Health(names, checks, leader_only=of_leader)
    condition = ConditionServicer(health, runtime.gauges, partial(_leads, assembly.leadership))
    server = RpcServer(
        _server_options(settings, runtime.trust),
        [*assembly.servicers, condition.served()],
        runtime.certificate,
        _token_verifier(runtime, assembly.token_keys),
        health,
        runtime.telemetry,
        runtime.clock,
        assembly.standing,
        assembly.leadership,
    )
    health.subscribe(probes.take)
    await health.start()
    await server.start()
    runtime.resources.push_async_callback(_stop, settings, server, health, assembly.leadership, failed)
    tasks.start([Task("health", health.watch)])
    return health


async def _stop(
    settings: Settings, server: RpcServer, health: Health, leadership: Leadership | None, failed: asyncio.Event
) -> None:
    """Lets callers find another process first, then the leader's successor begin, then ends what still runs.

    A process whose memory cannot be trusted does not linger.
    """
    leave_seconds, drain_seconds = settings.leave_seconds, settings.drain_seconds
    if not failed.is_set():
        health.leave()
        if leadership is not None:
            leadership.withdraw()
        _LOG.info("leaving", seconds=leave_seconds)
        with suppress(TimeoutError):
            await asyncio.wait_for(failed.wait(), leave_seconds)
    end = asyncio.get_running_loop().time() + drain_seconds
    server.end_streams()
    if leadership is not None and not failed.is_set():
        await leadership.hand_over(drain_seconds)
    await health.stop()
    await server.stop(max(0.0, end - asyncio.get_running_loop().time()))


def _leading(leadership: Leadership, led: Sequence[Task], health: Health, failed: asyncio.Event) -> Task:
    """Returns the task that competes to lead, and runs what a leader runs."""
    leadership.subscribe(health.lead)
    return Task("leadership", lambda: leadership.run(led, failed.set), critical=True)


async def _certificate(settings: Settings, vault: Vault) -> WorkloadCertificate:
    certificate = WorkloadCertificate(
        vault.pki, settings.service, settings.trust_domain, settings.certificate_names, SystemClock()
    )
    await certificate.obtain_first()
    return certificate


def _vault_options(settings: Settings) -> VaultOptions:
    return VaultOptions(
        addresses=settings.vault_addresses,
        ca_file=settings.vault_ca_file,
        identity=settings.vault_identity(),
    )


def _server_options(settings: Settings, trust: Trust) -> ServerOptions:
    return ServerOptions(
        listen=settings.listen,
        workload_ca=trust.workloads,
        client_ca=trust.clients,
        trust_domain=settings.trust_domain,
        maximum_calls=settings.maximum_concurrent_calls,
        maximum_request_bytes=settings.maximum_request_bytes,
        tenant_rates=settings.tenant_rates(),
    )


def _token_verifier(runtime: Runtime[SettingsT], own_keys: KeySource | None) -> TokenVerifier:
    settings = runtime.settings
    keys = own_keys or runtime.token_keys()
    return TokenVerifier(keys, settings.token_issuer, settings.token_audience, runtime.clock)


def _leads(leadership: Leadership | None) -> bool:
    return leadership is None or leadership.is_leading


def _vault_check(runtime: Runtime[SettingsT]) -> Check:
    """Asks every while whether Vault answers: without it calls go on as far as keys are known."""
    asked_at, answer = -VAULT_SECONDS, ""

    async def probe() -> str | None:
        nonlocal asked_at, answer
        now = asyncio.get_running_loop().time()
        if now - asked_at >= VAULT_SECONDS:
            asked_at, answer = now, "no answer"
            answer = await runtime.vault.problem() or ""
        return answer or None

    return Check("vault", probe, serves_on=True)


def _certificate_check(runtime: Runtime[SettingsT]) -> Check:
    async def probe() -> str | None:
        return None if runtime.clock.now_ns() < runtime.certificate.current.not_after_ns else "expired"

    return Check("certificate", probe)
