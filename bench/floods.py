"""Floods of every kind that one tenant or operator can make, and how long another's calls of the same service take.

Each kind is a method that costs most or keeps something for ever; beside it another caller of that service asks for
little, a few calls one after the other, alone and beside the flood in turns.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import uvloop
from ringfence.client import Client
from ringfence.identity import PrincipalKind
from ringfence.ids import new_id
from ringfence_local_stack.scenario import Scenario
from ringfence_local_stack.scenario.ibans import new_iban
from ringfence_local_stack.scenario.platform import Platform
from ringfence_local_stack.scenario.waiting import fresh
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_protos.identity.v1 import identity_pb2
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2

from bench.contention import burning, cores_of
from bench.flood import CALLERS, PAUSE_SECONDS, REFUSED, ROUNDS, Flood, compared, flood_of, flooded, told
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
FILES, LISTS = 40, 10
"""Large bodies are fewer: each is answered anew as often as it comes, or refused."""


@dataclass(frozen=True)
class Kind:
    """A flood by its name, whose it is and whither; and who asks what of the same service beside it."""

    name: str
    service: str
    flooding: Client
    path: str
    bodies: Sequence[bytes]
    other: Client
    asks: str
    body: bytes


def flood_rows(measured: MeasuredStack, results: Results, seconds: float) -> None:
    """Measures a row for each kind."""
    for kind in _kinds(Scenario(measured.sandbox)):
        results.progress(f"flood of {kind.name}: {kind.path}")
        alone, beside, contended = Seen(), Seen(), Seen()
        codes: Counter[str] = Counter()
        lasted: list[float] = []
        for _ in range(ROUNDS):
            quiet = _calls(measured, kind, seconds / ROUNDS)
            flood: Flood = asyncio.run(flood_of(kind.flooding.credentials, kind.service, kind.path, kind.bodies))
            with flooded(flood, codes, lasted):
                loud = _calls(measured, kind, seconds / ROUNDS)
            with burning(max(0.0, cores_of(loud) - cores_of(quiet))):
                contended.add(_calls(measured, kind, seconds / ROUNDS))
            alone.add(quiet)
            beside.add(loud)
        control = compared(alone, contended)
        figures = {
            **compared(alone, beside),
            "p50_contended_ratio": control["p50_ratio"],
            "p99_contended_ratio": control["p99_ratio"],
            "contended_cores": cores_of(contended) - cores_of(alone),
            "flood_taken_per_second": codes["OK"] / sum(lasted),
            "flood_refused_per_second": codes[REFUSED] / sum(lasted),
        }
        results.add(
            row(f"tenant_beside_{kind.name}", 1, CALLERS, beside, ("tenant alone", alone.per_second), **figures)
        )
        plain = f"of plain contention {figures['p99_contended_ratio']:.2f}"
        results.progress(f"{told(kind.name, beside, figures)}, {plain}")


def _kinds(scenario: Scenario) -> list[Kind]:
    flooding, other = (scenario.platform("Nora Vale", name=f"bench-{name}") for name in ("flooding", "asking"))
    first, second = scenario.operators
    auditors = [scenario.principal(PrincipalKind.REGULATOR) for _ in range(2)]
    party = identity_pb2.GetPartiesRequest(party_ids=[other.customer("Nora Vale").party.id.bytes]).SerializeToString()
    listing = payment_instruction_pb2.ListInstructionsRequest(page_size=10)
    of_platform, of_operator = (
        listing.SerializeToString(),
        payment_instruction_pb2.ListInstructionsRequest(page_size=10, tenant_id=other.id.bytes).SerializeToString(),
    )
    search = audit_pb2.SearchRequest(subject_id=new_id().bytes).SerializeToString()
    get, many, ask = PARTIES + "GetParties", PAYMENTS + "ListInstructions", AUDIT + "Search"
    payments, asking = "payment-instruction", other.client
    return [
        Kind("parties", "identity", flooding.client, PARTIES + "RegisterParties", _many(_parties), asking, get, party),
        Kind(
            "aliases", "identity", flooding.client, PARTIES + "RegisterAliases", _aliases(flooding), asking, get, party
        ),
        Kind("principals", "identity", first, TOKENS + "RegisterPrincipals", _many(_principals), asking, get, party),
        Kind("files", payments, flooding.client, PAYMENTS + "SubmitFile", _files(), asking, many, of_platform),
        Kind("lists", payments, first, PAYMENTS + "ImportSanctionsList", _lists(), second, many, of_operator),
        Kind("searches", "audit", auditors[0], ask, _many(_search), auditors[1], ask, search),
    ]


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
