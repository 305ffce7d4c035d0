"""SafeguardingService: map, call one command or query, map back."""

from __future__ import annotations

from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.money import MAX_AMOUNT_MINOR
from ringfence_protos.custody.v1 import safeguarding_pb2 as pb
from ringfence_protos.custody.v1 import safeguarding_pb2_grpc

from ringfence_custody.ledger.api.mapping import book_of
from ringfence_custody.safeguarding.application.commands import Assigning, DayCommands, RegisteredFacts, Registering
from ringfence_custody.safeguarding.application.queries import DayQueries
from ringfence_custody.safeguarding.domain.days import Day, DayKey, Status
from ringfence_custody.safeguarding.domain.figures import POOLS
from ringfence_custody.safeguarding.domain.state import Component

NOTE_CHARACTERS, REFERENCE_CHARACTERS = 1_000, 140
DIGEST_BYTES = 32
MAX_LEDGER, MAX_CODE, MAX_DAY = 999, 65_535, 100_000
_COMPONENTS = {
    pb.RESOURCE_COMPONENT_ASSETS: Component.ASSETS,
    pb.RESOURCE_COMPONENT_INSURANCE: Component.INSURANCE,
}
_STATUSES = {
    Status.CUT: pb.SAFEGUARDING_STATUS_CUT,
    Status.COMPUTED: pb.SAFEGUARDING_STATUS_COMPUTED,
    Status.PREPARED: pb.SAFEGUARDING_STATUS_PREPARED,
    Status.REVIEWED: pb.SAFEGUARDING_STATUS_REVIEWED,
    Status.SIGNED: pb.SAFEGUARDING_STATUS_SIGNED,
}


class SafeguardingServicer(safeguarding_pb2_grpc.SafeguardingServiceServicer):
    """Safeguarding days over gRPC: a platform reads its own, operators work them."""

    def __init__(self, commands: DayCommands, facts: RegisteredFacts, queries: DayQueries) -> None:
        """Serves these."""
        self._commands, self._facts, self._queries = commands, facts, queries

    async def ListSafeguardingDays(
        self, request: pb.ListSafeguardingDaysRequest, context: Any
    ) -> pb.ListSafeguardingDaysResponse:
        """Returns the days of a platform."""
        found = await self._queries.of_tenant(book_of(current_caller(), request.tenant_id))
        return pb.ListSafeguardingDaysResponse(days=[shown(day, what) for day, what in found])

    async def PrepareSafeguardingDay(
        self, request: pb.PrepareSafeguardingDayRequest, context: Any
    ) -> pb.PrepareSafeguardingDayResponse:
        """Notes who has prepared a day."""
        note = bounds.text("note", request.note, minimum=0, maximum=NOTE_CHARACTERS)
        day = await self._commands.prepare(_key(request.key), note, current_caller())
        return pb.PrepareSafeguardingDayResponse(day=self._shown(day))

    async def ReviewSafeguardingDay(
        self, request: pb.ReviewSafeguardingDayRequest, context: Any
    ) -> pb.ReviewSafeguardingDayResponse:
        """Notes who has reviewed it."""
        note = bounds.text("note", request.note, minimum=0, maximum=NOTE_CHARACTERS)
        day = await self._commands.review(_key(request.key), note, current_caller())
        return pb.ReviewSafeguardingDayResponse(day=self._shown(day))

    async def SignSafeguardingDay(
        self, request: pb.SignSafeguardingDayRequest, context: Any
    ) -> pb.SignSafeguardingDayResponse:
        """Closes a day."""
        day = await self._commands.sign(_key(request.key), current_caller())
        return pb.SignSafeguardingDayResponse(day=self._shown(day))

    async def NotifySafeguardingDay(
        self, request: pb.NotifySafeguardingDayRequest, context: Any
    ) -> pb.NotifySafeguardingDayResponse:
        """Notes that the regulator was told."""
        reference = bounds.text("reference", request.reference, maximum=REFERENCE_CHARACTERS)
        digest = _digest(request.document_sha256)
        day = await self._commands.notify(_key(request.key), digest, reference, current_caller())
        return pb.NotifySafeguardingDayResponse(day=self._shown(day))

    async def ReopenSafeguardingDay(
        self, request: pb.ReopenSafeguardingDayRequest, context: Any
    ) -> pb.ReopenSafeguardingDayResponse:
        """Begins another version of a day."""
        reason = bounds.text("reason", request.reason, maximum=NOTE_CHARACTERS)
        day = await self._commands.reopen(_key(request.key), reason, current_caller())
        return pb.ReopenSafeguardingDayResponse(day=self._shown(day))

    async def RegisterResource(self, request: pb.RegisterResourceRequest, context: Any) -> pb.RegisterResourceResponse:
        """Proposes a component of the resource."""
        component = _COMPONENTS.get(request.component)
        if component is None:
            raise InvalidArgument("component must be ASSETS or INSURANCE", field="component")
        first = bounds.number("from_day", request.from_day, minimum=1, maximum=MAX_DAY)
        wanted = Registering(
            pool=request.pool or POOLS[0],
            ledger=bounds.number("ledger", request.ledger, minimum=1, maximum=MAX_LEDGER),
            component=component,
            amount_minor=bounds.number("amount_minor", request.amount_minor, minimum=0, maximum=MAX_AMOUNT_MINOR),
            from_day=first,
            until_day=bounds.number("until_day", request.until_day, minimum=first, maximum=MAX_DAY),
            document_sha256=_digest(request.document_sha256),
        )
        tenant = bounds.identifier("tenant_id", request.tenant_id)
        return pb.RegisterResourceResponse(proposal_id=await self._facts.register(tenant, wanted, current_caller()))

    async def AssignPool(self, request: pb.AssignPoolRequest, context: Any) -> pb.AssignPoolResponse:
        """Proposes which pool accounts of a code belong to."""
        wanted = Assigning(
            bounds.number("account_code", request.account_code, minimum=1, maximum=MAX_CODE), request.pool
        )
        tenant = bounds.identifier("tenant_id", request.tenant_id)
        return pb.AssignPoolResponse(proposal_id=await self._facts.assign(tenant, wanted, current_caller()))

    def _shown(self, day: Day) -> pb.SafeguardingDay:
        return shown(day, self._queries.open(day))


def shown(day: Day, what: list[str]) -> pb.SafeguardingDay:
    """Returns a day with what keeps it open."""
    key, computed = day.key, day.computed
    told = pb.SafeguardingDay(
        key=pb.SafeguardingDayKey(tenant_id=key.tenant, ledger=key.ledger, pool=key.pool, day=key.day),
        status=_STATUSES[day.status],
        version=day.version,
        requirement_minor=day.cut.clients_minor + day.cut.suspense_minor,
        is_missed=day.is_missed,
        is_notified=day.is_notified,
        open=what,
    )
    if computed is not None:
        told.resource_minor = computed.resource_minor
        told.internal_minor = computed.internal_minor
        told.overdue_minor = computed.overdue_minor
        told.external_minor = computed.external_minor
        told.document = computed.document
        told.funds_minor, told.unplaced_minor = computed.funds_minor, computed.unplaced_minor
        told.assets_minor, told.insurance_minor = computed.assets_minor, computed.insurance_minor
    told.mirrors.extend(
        pb.SafeguardingMirror(
            mirror_id=each.mirror,
            number=each.number,
            telling_id=each.telling,
            mirror_minor=each.mirror_minor,
            bank_minor=each.bank_minor,
            later_minor=each.later_minor,
            unbooked_minor=each.unbooked_minor,
            difference_minor=each.difference_minor,
        )
        for each in day.compared
    )
    return told


def _key(key: pb.SafeguardingDayKey) -> DayKey:
    pool = key.pool or POOLS[0]
    if pool not in POOLS:
        raise InvalidArgument(f"pool must be one of {', '.join(POOLS)}", field="key.pool")
    return DayKey(
        bounds.identifier("key.tenant_id", key.tenant_id),
        bounds.number("key.ledger", key.ledger, minimum=1, maximum=MAX_LEDGER),
        pool,
        bounds.number("key.day", key.day, minimum=1, maximum=MAX_DAY),
    )


def _digest(value: bytes) -> bytes:
    bounds.size("document_sha256", len(value), minimum=DIGEST_BYTES, maximum=DIGEST_BYTES)
    return value
