"""The row of a list update on a grown platform: clients are named by the next edition of a list, and blocked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from uuid import UUID

from ringfence.identity import KycStatus, NewParty, PartyKind, require_done
from ringfence.ids import new_id
from ringfence_local_stack.sandbox.onboarding import verify_parties
from ringfence_local_stack.scenario import Platform, Scenario, eventually, fresh

from bench.load import Seen
from bench.rows import Results, row
from bench.stack import MeasuredStack

NAME, LIST = "screening_delta", "delta"
AT_ONCE = 1_000
NOBODIES, NEW_ENTRIES, NAMED = 1_000, 100, 10
LONGEST_SECONDS = 300.0


def screening_delta(measured: MeasuredStack, results: Results, clients: int) -> None:
    """Measures from the import of an edition to the last block of the ten clients that it names; `rows` are clients.

    The edition before names nobody. Clients are registered, and in the index, before: the last one is found by then.
    """
    scenario = Scenario(measured.sandbox)
    platform = scenario.platform(banked=False)
    nobodies = [f"Nobody {fresh()}" for _ in range(NOBODIES)]
    scenario.import_list(nobodies, LIST)
    results.progress(f"registering {clients:,} clients")
    parties = _registered(platform, clients)
    step = max(1, (clients - 1) // NAMED)
    named, last = parties[:-1:step][:NAMED], parties[-1]
    verify_parties(scenario.operators[0], platform.id, [each.id for each in [*named, last]])
    scenario.import_list([last.name], f"{LIST}-last")
    _await_blocked(platform, [last.id])
    names = [*nobodies, *(each.name for each in named), *(f"Nobody {fresh()}" for _ in range(NEW_ENTRIES - NAMED))]
    seen = Seen(rows=clients)
    with measured.cpu.during(seen.cpu):
        began = time.perf_counter()
        scenario.import_list(names, LIST)
        _await_blocked(platform, [each.id for each in named])
        seen.seconds = time.perf_counter() - began
    innocent = {each.id for each in parties} - {each.id for each in [*named, last]}
    results.add(row(NAME, 1, 1, seen, None, blocked_wrongly=_count_blocked(platform, sorted(innocent))))


def _registered(platform: Platform, clients: int) -> list[NewParty]:
    parties = [
        NewParty(
            id=new_id(),
            kind=PartyKind.PERSON,
            name=f"{fresh().title()} {fresh().title()}",
            identity_number=fresh("ID"),
            country="DE",
        )
        for _ in range(clients)
    ]
    for first in range(0, clients, AT_ONCE):
        require_done(platform.client.identity.register_parties(parties[first : first + AT_ONCE]))
    return parties


def _count_blocked(platform: Platform, party_ids: Sequence[UUID]) -> int:
    pages = [party_ids[first : first + AT_ONCE] for first in range(0, len(party_ids), AT_ONCE)]
    found = (each for page in pages for each in platform.client.identity.parties(page))
    return sum(each.kyc_status is KycStatus.BLOCKED for each in found)


def _await_blocked(platform: Platform, party_ids: Sequence[UUID]) -> None:
    def are_blocked() -> bool:
        found = platform.client.identity.parties(party_ids)
        return {each.kyc_status for each in found} == {KycStatus.BLOCKED}

    if not eventually(are_blocked, LONGEST_SECONDS):
        raise TimeoutError(f"a client whom a list names is not blocked after {LONGEST_SECONDS:g} s")
