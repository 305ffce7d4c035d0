"""What every process shows of itself (docs/telemetry.md): who leads, and how long its credentials last."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from opentelemetry.metrics import Meter

from ringfence_kernel.certificates.renewal import WorkloadCertificate
from ringfence_kernel.feed.hearing import Hearing
from ringfence_kernel.rpc.errors import REFUSALS, REFUSALS_MEANING
from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.telemetry.gauges import Gauges, Look
from ringfence_kernel.values.clock import NANOSECONDS, Clock
from ringfence_kernel.vault import Vault

LEADING, TERMS = "ringfence.leadership.leading", "ringfence.leadership.terms"
SILENCE, SILENCE_LIMIT = "ringfence.standing.silence", "ringfence.standing.silence.limit"
STARTED = "process.start.time"
TOKEN, CERTIFICATE = "ringfence.vault.token.lifetime", "ringfence.certificate.lifetime"


def measure_start(gauges: Gauges) -> None:
    """Shows since when the process runs, by Prometheus' name for that: where it changes, the process started again.

    It is shown from the start, also by a process that waits for Vault.
    """
    started = time.time()
    gauges.observe(STARTED, "s", "When the process started, since 1970.", lambda: [(started, {})], aside=True)


def measure_credentials(gauges: Gauges, vault: Vault, certificate: WorkloadCertificate, clock: Clock) -> None:
    """Shows how long the token and the certificate in hand are good for, unless they are renewed."""

    def certificate_seconds() -> float:
        return (certificate.current.not_after_ns - clock.now_ns()) / NANOSECONDS

    gauges.observe(TOKEN, "s", "How long the token of Vault is good for.", lambda: [(vault.token_seconds, {})])
    gauges.observe(
        CERTIFICATE, "s", "How long the workload's certificate is good for.", lambda: [(certificate_seconds(), {})]
    )


def measure_leadership(gauges: Gauges, meter: Meter, leadership: Leadership) -> None:
    """Shows whether this process leads, and counts the terms that it began."""
    terms = meter.create_counter(TERMS, "{term}", "Terms that this process began to lead.")
    terms.add(0)

    async def count(is_leading: bool) -> None:
        if is_leading:
            terms.add(1)

    leadership.subscribe(count)
    gauges.observe(LEADING, "1", "1 where this process leads, 0 otherwise.", lambda: [(int(leadership.is_leading), {})])


def count_from_zero(meter: Meter) -> None:
    """Shows counters of what hardly ever happens before it has: a rise from nothing would not be seen."""
    meter.create_counter(REFUSALS, unit="{request}", description=REFUSALS_MEANING).add(0)


def measure_hearing(gauges: Gauges, leadership: Leadership, hearing: Hearing) -> None:
    """Shows for how long identity was not heard, and from when on nothing goes by what it said."""
    for name, meaning, look in (
        (SILENCE, "Time since identity was heard to the end of its feed.", hearing.silent_seconds),
        (SILENCE_LIMIT, "Time after which what needs standing waits.", lambda: hearing.most_seconds),
    ):
        gauges.observe(name, "s", meaning, while_leading(leadership, partial(_one, look)))


def _one(look: Callable[[], float]) -> list[tuple[float, dict[str, str]]]:
    return [(look(), {})]


def while_leading(leadership: Leadership, look: Look) -> Look:
    """Returns a look that only the leader takes: what a standby says of it is old, and would count twice."""
    return lambda: look() if leadership.is_leading else ()
