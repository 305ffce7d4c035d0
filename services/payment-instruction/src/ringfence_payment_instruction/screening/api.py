"""Sanctions lists: imported, confirmed, retired, and shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb

from ringfence_payment_instruction.screening.application.acting import ListActs
from ringfence_payment_instruction.screening.application.importing import Imported, ListFiles, ListImport, ListPart
from ringfence_payment_instruction.screening.application.queries import ListsInForce
from ringfence_payment_instruction.screening.application.releasing import HitReleases
from ringfence_payment_instruction.screening.application.showing import Hits, ShownHit
from ringfence_payment_instruction.screening.domain.editions import ChangeKind, EntryChange
from ringfence_payment_instruction.submissions.api import mapping

MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_LIST_NAME = 64
SHA256_BYTES = 32
MAX_NOTE = 280
MAX_TIME_NS = 2**63 - 1
MAX_CHANGES = 200
MAX_CHANGED_NAMES = 8


@dataclass(frozen=True, slots=True)
class ScreeningApi:
    """Imports sanctions lists, and proposes what two people do about them."""

    importing: ListImport
    acts: ListActs
    lists: ListsInForce
    releases: HitReleases
    hits: Hits

    async def ShowHits(self, request: pb.ShowHitsRequest, context: Any) -> pb.ShowHitsResponse:
        """Shows which entries of lists name somebody in a payment."""
        tenant = bounds.identifier("tenant_id", request.tenant_id)
        found = await self.hits.of(tenant, bounds.identifier("instruction_id", request.instruction_id))
        stopped_by = found.stopped_by
        return pb.ShowHitsResponse(
            hits=map(_hit, found.hits),
            stopped_by=stopped_by.name if stopped_by else "",
            stopped_by_sha256=stopped_by.entry_sha256 if stopped_by else b"",
            more=found.more,
        )

    async def ReleaseHits(self, request: pb.ReleaseHitsRequest, context: Any) -> pb.ReleaseHitsResponse:
        """Proposes to let payments go on that a list has stopped."""
        tenant = bounds.identifier("tenant_id", request.tenant_id)
        ids = mapping.instruction_ids(request.instruction_ids)
        note = bounds.text("note", request.note, minimum=1, maximum=MAX_NOTE)
        proposal = await self.releases.propose(tenant, ids, note, current_caller())
        return pb.ReleaseHitsResponse(proposal_id=proposal)

    async def ImportSanctionsList(
        self, request: pb.ImportSanctionsListRequest, context: Any
    ) -> pb.ImportSanctionsListResponse:
        """Imports an edition of a sanctions list."""
        parts = _parts(request)
        size = len(request.content) + sum(map(len, parts.values()))
        bounds.size("content", len(request.content) and size, minimum=1, maximum=MAX_FILE_BYTES)
        files = ListFiles(
            list_name=_list_name(request.list_name),
            list_format=bounds.number(
                "format", request.format, minimum=1, maximum=max(pb.SanctionsListFormat.values())
            ),
            content=request.content,
            published_ns=bounds.number("published_ns", request.published_ns, minimum=1, maximum=MAX_TIME_NS),
            parts=parts,
            sha256=_sha256("sha256", request.sha256),
            part_sha256={ListPart(each.part): _sha256("parts", each.sha256) for each in request.parts},
        )
        return _imported(await self.importing.import_list(current_caller(), files))

    async def ConfirmSanctionsList(
        self, request: pb.ConfirmSanctionsListRequest, context: Any
    ) -> pb.ConfirmSanctionsListResponse:
        """Proposes that a list is unchanged."""
        name, note = _list_name(request.list_name), bounds.text("note", request.note, maximum=MAX_NOTE)
        proposal = await self.acts.propose_confirmation(current_caller(), name, note)
        return pb.ConfirmSanctionsListResponse(proposal_id=proposal)

    async def RetireSanctionsList(
        self, request: pb.RetireSanctionsListRequest, context: Any
    ) -> pb.RetireSanctionsListResponse:
        """Proposes to use a list no more."""
        name, note = _list_name(request.list_name), bounds.text("note", request.note, maximum=MAX_NOTE)
        proposal = await self.acts.propose_retirement(current_caller(), name, note)
        return pb.RetireSanctionsListResponse(proposal_id=proposal)

    async def ListSanctionsLists(
        self, request: pb.ListSanctionsListsRequest, context: Any
    ) -> pb.ListSanctionsListsResponse:
        """Returns the lists in force."""
        lists, proposals = await self.lists.committed()
        return pb.ListSanctionsListsResponse(
            lists=[
                pb.SanctionsList(
                    list_name=name,
                    digest=each.digest,
                    published_ns=each.published_ns,
                    confirmed_ns=each.confirmed_ns,
                    stale_ns=min(each.current_ns + self.lists.maximum_age_ns, MAX_TIME_NS),
                    entries=len(each.entry_references),
                    names=len(each.references),
                    waiting_proposal_id=proposals.get(name, b""),
                )
                for name, each in sorted(lists.items())
            ]
        )


def _hit(found: ShownHit) -> pb.ShownHit:
    return pb.ShownHit(
        field=found.field,
        typed=found.typed,
        list_name=found.list_name,
        reference=found.reference,
        published_ns=found.published_ns,
        confirmed_ns=found.confirmed_ns,
        waiting=found.is_waiting,
        released=found.is_released,
        names=[pb.ListedAs(text=each.text, alike=each.is_alike) for each in found.names],
        stops=found.is_stopping,
    )


def _list_name(name: str) -> str:
    return bounds.text("list_name", name, maximum=MAX_LIST_NAME)


def _sha256(name: str, digest: bytes) -> bytes:
    if digest:
        bounds.size(name, len(digest), minimum=SHA256_BYTES, maximum=SHA256_BYTES)
    return digest


def _parts(request: pb.ImportSanctionsListRequest) -> dict[ListPart, bytes]:
    parts = dict[ListPart, bytes]()
    for file in request.parts:
        number = bounds.number("parts", file.part, minimum=1, maximum=len(ListPart))
        if ListPart(number) in parts or not file.content:
            raise InvalidArgument("parts are not empty, and one of each", field="parts")
        parts[ListPart(number)] = file.content
    return parts


def _imported(imported: Imported) -> pb.ImportSanctionsListResponse:
    found = imported.difference
    return pb.ImportSanctionsListResponse(
        names=imported.names,
        entries=imported.entries,
        aliases=imported.aliases,
        entries_added=found.count(ChangeKind.ADDED),
        entries_removed=found.count(ChangeKind.REMOVED),
        entries_changed=found.count(ChangeKind.CHANGED),
        names_added=found.names_added,
        names_removed=found.names_removed,
        changes=map(_change, found.changes[:MAX_CHANGES]),
        unchanged=imported.unchanged,
        proposal_id=imported.proposal,
        digest=imported.digest,
        may_be_cut=imported.may_be_cut,
    )


def _change(change: EntryChange) -> pb.SanctionsEntryChange:
    return pb.SanctionsEntryChange(
        what=pb.SanctionsChangeKind.ValueType(change.what),
        reference=change.reference,
        kind=pb.SanctionsEntryKind.ValueType(change.kind),
        names_added=change.names_added[:MAX_CHANGED_NAMES],
        names_added_count=len(change.names_added),
        names_removed_count=change.names_removed,
    )
