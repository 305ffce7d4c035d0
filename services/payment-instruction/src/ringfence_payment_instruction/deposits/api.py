"""What clients have under way, and releasing what a list has kept in suspense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_kernel.values.money import currency
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb

from ringfence_payment_instruction.deposits.application.listing import Listed, SuspendedList
from ringfence_payment_instruction.deposits.application.releasing import SuspenseReleases
from ringfence_payment_instruction.deposits.application.under_way import UnderWay
from ringfence_payment_instruction.submissions.api import mapping

MAX_OWNERS = 100
MAX_NOTE = 280
MAX_ROWS = 500
PAGE_SIZE = 100
DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class DepositsApi:
    """Tells what is under way, and releases what is blocked."""

    under_way: UnderWay
    releases: SuspenseReleases
    listing: SuspendedList

    async def ListSuspended(self, request: pb.ListSuspendedRequest, context: Any) -> pb.ListSuspendedResponse:
        """Returns entries in suspense, page by page."""
        tenant = mapping.tenant(request.tenant_id)
        after = bounds.optional_identifier("after_id", request.after_id) or b""
        size = bounds.page("page_size", request.page_size, default=PAGE_SIZE, maximum=MAX_ROWS)
        found, next_id = await self.listing.page(tenant, after, size)
        return pb.ListSuspendedResponse(entries=[_listed(each) for each in found], next_id=next_id)

    async def GetSuspended(self, request: pb.GetSuspendedRequest, context: Any) -> pb.GetSuspendedResponse:
        """Shows how money in suspense stands."""
        tenant, entry = mapping.tenant(request.tenant_id), bounds.identifier("entry_id", request.entry_id)
        found = await self.releases.show(tenant, entry)
        listed = await self.listing.one(tenant, found.id)
        return pb.GetSuspendedResponse(
            reason=found.reason,
            blocked=found.is_blocked,
            findings=[
                pb.SuspendedFinding(list_reference=str(each), finding_sha256=each.finding) for each in found.named
            ],
            entry=_listed(listed),
            payer_name=found.payer_name,
            payer_iban=found.payer_iban,
        )

    async def ReleaseSuspended(self, request: pb.ReleaseSuspendedRequest, context: Any) -> pb.ReleaseSuspendedResponse:
        """Proposes to release money from blocked suspense."""
        tenant, entry = mapping.tenant(request.tenant_id), bounds.identifier("entry_id", request.entry_id)
        document, note = request.document_sha256, bounds.text("note", request.note, minimum=1, maximum=MAX_NOTE)
        bounds.size("document_sha256", len(document), minimum=DIGEST_BYTES, maximum=DIGEST_BYTES)
        proposal = await self.releases.propose(tenant, entry, document, note, current_caller())
        return pb.ReleaseSuspendedResponse(proposal_id=proposal)

    async def CountOpenPayments(
        self, request: pb.CountOpenPaymentsRequest, context: Any
    ) -> pb.CountOpenPaymentsResponse:
        """Counts what clients have under way."""
        bounds.size("owner_ids", len(request.owner_ids), maximum=MAX_OWNERS)
        tenant = bounds.identifier("tenant_id", request.tenant_id)
        owners = [bounds.identifier("owner_ids", each) for each in request.owner_ids]
        return pb.CountOpenPaymentsResponse(open=await self.under_way.count(tenant, owners))


def _listed(found: Listed) -> pb.SuspendedEntry:
    entry = found.entry
    return pb.SuspendedEntry(
        entry_id=entry.id,
        amount_minor=entry.amount_minor,
        currency=currency(entry.ledger).alpha,
        reference=entry.reference,
        reason=entry.reason,
        mirror_id=entry.mirror,
        suspended_ns=entry.suspended_ns,
        clearing=mapping.state(found.clearing) if found.clearing else None,
    )
