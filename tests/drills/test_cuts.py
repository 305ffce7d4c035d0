"""Cables that are cut without a word: what stands on the far end is missed by name, and nothing else stops.

Each service reaches PostgreSQL, NATS, OpenBao and its peers through ways that swallow every byte while they are cut.
Nobody is told: connections stay open. The clients' own ways stay whole.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from ringfence_bootstrap.description import SERVICES

from tests.chaos.killer import LED

from .cables import Cables, cables
from .work import await_true

CUT_SECONDS = 8.0
NOTICED_SECONDS = 16.0
"""A lease, or twice the longest pause between two looks at a source, and as much for a loaded machine."""
VAULT_NOTICED_SECONDS = 30.0
"""OpenBao is asked every 15 s whether it answers."""
RECOVERED_SECONDS = 40.0


@dataclass(frozen=True)
class Cut:
    """What is cut off, which services go on without it, and whose health says so, by which name."""

    name: str
    unmoved: tuple[str, ...]
    told: Mapping[str, str]
    told_seconds: float = NOTICED_SECONDS

    def __str__(self) -> str:
        return self.name


def followers(source: str, *services: str) -> dict[str, str]:
    """Returns who says that a source does not answer, and by which name."""
    return dict.fromkeys(services, f"source-{source}")


# Identity's client waits with an erasure, which asks custody and payment-instruction what stands against it.
WITHOUT_ERASURES = tuple(each for each in SERVICES if each != "identity")
CUTS = (
    Cut("postgres", (), LED),
    Cut("nats", SERVICES, dict.fromkeys(SERVICES, "nats")),
    # Audit goes on to record, and says that nothing is signed.
    Cut(
        "vault",
        ("custody", "audit"),
        {**dict.fromkeys(SERVICES, "vault"), "audit": LED["audit"]},
        VAULT_NOTICED_SECONDS,
    ),
    # Nobody is erased whose erasure the log does not have.
    Cut("identity", ("custody", "audit"), followers("identity", "custody", "payment-instruction", "audit")),
    Cut("custody", WITHOUT_ERASURES, followers("custody", "identity", "payment-instruction", "audit")),
    Cut("payment-instruction", WITHOUT_ERASURES, followers("payment-instruction", "custody", "audit")),
)


@pytest.fixture(scope="module")
def whole() -> Iterator[Cables]:
    """A stack with one process of each service, all of whose ways are whole."""
    with cables() as made:
        yield made


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_what_is_cut_off_is_missed_and_nothing_else_stops(whole: Cables, cut: Cut) -> None:
    """Services that do not need it go on; all that miss it say so in their health, and go on once it is back."""
    work = whole.work
    work.await_writes(*SERVICES, seconds=RECOVERED_SECONDS)
    for service, name in cut.told.items():
        await_true(lambda each=service, of=name: work.says_serving(each, of), RECOVERED_SECONDS)
    started = time.monotonic()
    # All are looked at from the cut on, each for itself, whatever else is waited for.
    with whole.cut(cut.name), ThreadPoolExecutor(len(cut.told)) as looking:
        told = {
            service: looking.submit(
                await_true, lambda each=service, of=name: not work.says_serving(each, of), cut.told_seconds
            )
            for service, name in cut.told.items()
        }
        if cut.unmoved:
            print(f"{cut}: meanwhile", work.await_writes(*cut.unmoved, seconds=RECOVERED_SECONDS))
        for service, seconds in told.items():
            print(f"{cut}: {service} says so after {seconds.result():.1f} s")
        time.sleep(max(0.0, started + CUT_SECONDS - time.monotonic()))
        if cut.unmoved:
            print(f"{cut}: later", work.await_writes(*cut.unmoved, seconds=RECOVERED_SECONDS))
            assert all(work.says_serving(each) for each in cut.unmoved if cut.told.get(each) != LED[each])
    print(f"{cut}: afterwards", work.await_writes(*SERVICES, seconds=RECOVERED_SECONDS))
    for service in SERVICES:
        await_true(lambda each=service: work.says_serving(each), RECOVERED_SECONDS)
    for service, name in cut.told.items():
        await_true(lambda each=service, of=name: work.says_serving(each, of), RECOVERED_SECONDS)
