"""Floods of every kind that one tenant or operator can make, and how long another's calls of the same service take.

Each kind is a method that costs most or keeps something for ever; beside it another caller of that service asks for
little, a few calls one after the other, alone and beside the flood in turns.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import uvloop
from ringfence.client import Client
from ringfence.identity import NewPrincipal, PrincipalKind
from ringfence.ids import new_id
from ringfence_local_stack.scenario import Scenario
from ringfence_local_stack.scenario.ibans import new_iban
from ringfence_local_stack.scenario.platform import Platform
from ringfence_local_stack.scenario.waiting import fresh
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_protos.common.v1 import proposals_pb2
from ringfence_protos.identity.v1 import identity_pb2
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2

from bench.contention import burning, cores_of
from bench.flood import CALLERS, PAUSE_SECONDS, REFUSED, Flood, compared, flood_of, flooded, spread, told
from bench.load import Seen, closed_loop
from bench.rows import Results, row
from bench.stack import MeasuredStack
from bench.wire import CALL_SECONDS, authorised

TOKENS, PARTIES, PAYMENTS, AUDIT = (
    "/ringfence.identity.v1.TokenService/",
    "/ringfence.identity.v1.PartyService/",
    "/ringfence.payment_instruction.v1.PaymentInstructionService/",
    "/ringfence.audit.v1.AuditService/",
)
ROWS, BODIES = 100, 400
FILE_ELEMENTS, LIST_NAMES = 20_000, 20_000
FEWEST_ROUNDS, MOST_ROUNDS, LEAST_CALLS = 4, 16, 400
FILES, LISTS, WAITING = 40, 10, 250
"""Large bodies are fewer: each is answered anew as often as it comes, or refused."""


@dataclass(frozen=True)
class Kind:
    """A flood: to which service and method, as whom, of which bodies; and who asks what of that service beside it."""

    service: str
    flooding: Client
    path: str
    bodies: Sequence[bytes]
    other: Client
    asks: str
    body: bytes


@dataclass(frozen=True)
class People:
    """Who is there: a platform, an operator and a regulator that flood, and one each that asks."""

    flooding: Platform
    other: Platform
    operators: tuple[Client, Client]
    regulators: tuple[Client, Client]


def flood_row(measured: MeasuredStack, results: Results, name: str, seconds: float) -> None:
    """Measures one kind: rounds alone, beside the flood, and beside as much contention, until both have calls enough.

    `seconds` is how long each of the three lasts at least, over all rounds.
    """
    kind = KINDS[name](_people(measured))
    results.progress(f"flood of {name}: {kind.path}")
    alone, beside, contended = Seen(), Seen(), Seen()
    codes: Counter[str] = Counter()
    lasted: list[float] = []
    for done in range(MOST_ROUNDS):
        if done >= FEWEST_ROUNDS and min(len(alone.latencies_ms), len(beside.latencies_ms)) >= LEAST_CALLS:
            break
        quiet = _calls(measured, kind, seconds / FEWEST_ROUNDS)
        flood: Flood = asyncio.run(flood_of(kind.flooding.credentials, kind.service, kind.path, kind.bodies))
        with flooded(flood, codes, lasted):
            loud = _calls(measured, kind, seconds / FEWEST_ROUNDS)
        with burning(max(0.0, cores_of(loud) - cores_of(quiet))):
            contended.add(_calls(measured, kind, seconds / FEWEST_ROUNDS))
        alone.add(quiet)
        beside.add(loud)
    control = compared(alone, contended)
    figures = {
        **compared(alone, beside),
        **spread(alone, beside),
        "calls_alone": len(alone.latencies_ms),
        "calls_beside": len(beside.latencies_ms),
        "p50_contended_ratio": control["p50_ratio"],
        "p99_contended_ratio": control["p99_ratio"],
        "contended_cores": cores_of(contended) - cores_of(alone),
        "flood_taken_per_second": codes["OK"] / sum(lasted),
        "flood_refused_per_second": codes[REFUSED] / sum(lasted),
    }
    results.add(row(name, 1, CALLERS, beside, ("tenant alone", alone.per_second), **figures))
    plain = f"of plain contention {figures['p99_contended_ratio']:.2f}"
    results.progress(f"{told(name, beside, figures)}, {plain}")


def _people(measured: MeasuredStack) -> People:
    """Returns people of their own for each kind: what one has used up is nothing to the next."""
    scenario = Scenario(measured.sandbox)
    flooding, other = (scenario.platform("Nora Vale", name=fresh(f"bench-{name}-")) for name in ("flooding", "asking"))
    operators = scenario.principal(PrincipalKind.OPERATOR), scenario.operators[1]
    regulators = scenario.principal(PrincipalKind.REGULATOR), scenario.principal(PrincipalKind.REGULATOR)
    return People(flooding, other, operators, regulators)


def _of_identity(flooding: Client, path: str, bodies: Sequence[bytes], people: People) -> Kind:
    party = people.other.customer("Nora Vale").party.id.bytes
    body = identity_pb2.GetPartiesRequest(party_ids=[party]).SerializeToString()
    return Kind("identity", flooding, path, bodies, people.other.client, PARTIES + "GetParties", body)


def _listing(people: People) -> Kind:
    """Long pages of proposals, of which as many wait as one person's may."""
    waiting = [
        NewPrincipal(
            id=new_id(),
            kind=PrincipalKind.PLATFORM,
            name=fresh("waiting-"),
            public_key=new_id().bytes * 2,
            tenant_id=None,
        )
        for _ in range(WAITING)
    ]
    for at in range(0, WAITING, ROWS):
        people.operators[0].identity.register_principals(waiting[at : at + ROWS])
    body = proposals_pb2.ListProposalsRequest(page_size=1_000).SerializeToString()
    return _of_identity(people.operators[0], "/ringfence.common.v1.ProposalService/ListProposals", [body], people)


def _of_payments(flooding: Client, path: str, bodies: Sequence[bytes], other: Client, **listing: Any) -> Kind:
    body = payment_instruction_pb2.ListInstructionsRequest(page_size=10, **listing).SerializeToString()
    return Kind("payment-instruction", flooding, path, bodies, other, PAYMENTS + "ListInstructions", body)


def _searching(people: People) -> Kind:
    first, second = people.regulators
    return Kind(
        "audit", first, AUDIT + "Search", _many(_search), second, AUDIT + "Search", _search().SerializeToString()
    )


def _many(make: Callable[[], Any]) -> list[bytes]:
    return [make().SerializeToString() for _ in range(BODIES)]


def _parties() -> identity_pb2.RegisterPartiesRequest:
    rows = [
        identity_pb2.NewParty(
            id=new_id().bytes,
            kind=identity_pb2.PARTY_KIND_PERSON,
            personal_data=identity_pb2.PersonalData(name="A B", identity_number=fresh("ID"), country="DE"),
        )
        for _ in range(ROWS)
    ]
    return identity_pb2.RegisterPartiesRequest(parties=rows)


def _aliases(platform: Platform) -> list[bytes]:
    owner = platform.customer("Nora Vale")
    account, party = owner.account.id.bytes, owner.party.id.bytes

    def request() -> identity_pb2.RegisterAliasesRequest:
        rows = [identity_pb2.Alias(iban=new_iban(), account_id=account, owner_id=party) for _ in range(ROWS)]
        return identity_pb2.RegisterAliasesRequest(aliases=rows)

    return _many(request)


def _principals() -> identity_pb2.RegisterPrincipalsRequest:
    rows = [
        identity_pb2.NewPrincipal(
            id=new_id().bytes,
            kind=identity_pb2.PRINCIPAL_KIND_PLATFORM,
            name=fresh("flood-"),
            public_key=new_id().bytes * 2,
        )
        for _ in range(ROWS)
    ]
    return identity_pb2.RegisterPrincipalsRequest(principals=rows)


def _search() -> audit_pb2.SearchRequest:
    return audit_pb2.SearchRequest(subject_id=new_id().bytes)


def _files() -> list[bytes]:
    """Messages of many elements that are no payments: each takes long to find that out."""
    return [
        payment_instruction_pb2.SubmitFileRequest(
            content=f"<Document>{fresh()}{'<a/>' * FILE_ELEMENTS}</Document>".encode()
        ).SerializeToString()
        for _ in range(FILES)
    ]


def _lists() -> list[bytes]:
    return [
        payment_instruction_pb2.ImportSanctionsListRequest(
            list_name=fresh("flood-"),
            format=payment_instruction_pb2.SANCTIONS_LIST_FORMAT_CSV,
            content="\n".join(
                ["name,kind,reference", *(f"Nobody {fresh()},person,1" for _ in range(LIST_NAMES))]
            ).encode(),
            published_ns=time.time_ns(),
        ).SerializeToString()
        for _ in range(LISTS)
    ]


def _calls(measured: MeasuredStack, kind: Kind, seconds: float) -> Seen:
    """Measures calls of a few callers; one that is refused is made again, and takes until it is answered."""
    seen = Seen()

    async def run() -> Seen:
        async with authorised(kind.other.credentials, kind.service) as (channel, metadata):
            method: Any = channel.unary_unary(kind.asks)

            async def paced(body: bytes) -> int:
                began = time.perf_counter()
                while True:
                    try:
                        await method(body, metadata=metadata, timeout=CALL_SECONDS)
                        break
                    except grpc.aio.AioRpcError as error:
                        is_refused = error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
                        if not is_refused or time.perf_counter() - began > CALL_SECONDS:
                            raise
                seen.latencies_ms.append((time.perf_counter() - began) * 1_000)
                await asyncio.sleep(PAUSE_SECONDS)
                return 1

            jobs = [[kind.body]] * int(CALLERS * seconds / PAUSE_SECONDS)
            with measured.cpu.during(seen.cpu):
                return await closed_loop(paced, jobs, CALLERS, seconds)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        done = runner.run(run())
    done.latencies_ms, done.cpu = seen.latencies_ms, seen.cpu
    return done


KINDS: Mapping[str, Callable[[People], Kind]] = {
    "tenant_beside_parties": lambda people: _of_identity(
        people.flooding.client, PARTIES + "RegisterParties", _many(_parties), people
    ),
    "tenant_beside_aliases": lambda people: _of_identity(
        people.flooding.client, PARTIES + "RegisterAliases", _aliases(people.flooding), people
    ),
    "tenant_beside_principals": lambda people: _of_identity(
        people.operators[0], TOKENS + "RegisterPrincipals", _many(_principals), people
    ),
    "tenant_beside_proposals": _listing,
    "tenant_beside_files": lambda people: _of_payments(
        people.flooding.client, PAYMENTS + "SubmitFile", _files(), people.other.client
    ),
    "tenant_beside_lists": lambda people: _of_payments(
        people.operators[0],
        PAYMENTS + "ImportSanctionsList",
        _lists(),
        people.operators[1],
        tenant_id=people.other.id.bytes,
    ),
    "tenant_beside_searches": _searching,
}
