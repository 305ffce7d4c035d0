"""Methods of PartyService for audit alone: each maps, calls one handler and maps back."""

from dataclasses import dataclass
from typing import Any

from ringfence_kernel.rpc import bounds
from ringfence_kernel.sealing.envelopes import AssociatedData
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_protos.identity.v1 import identity_pb2 as pb

from ringfence_identity.disclosure.application.finding import Finding, Page
from ringfence_identity.disclosure.application.opening import Opening, Sealed
from ringfence_identity.disclosure.domain.found import Found

MAX_TENANTS, MAX_PAGE, DEFAULT_PAGE = 1_000, 1_000, 100
MAX_NAME, MAX_NUMBER, MAX_IBAN = 140, 64, 68
MAX_FIELDS, MAX_FIELD_NAME, MAX_SEALED = 500, 200, 65_536
MAX_VERSION = 2**63 - 1


@dataclass(frozen=True, slots=True)
class DisclosureApi:
    """Serves what audit may tell granted readers."""

    finding: Finding
    opening: Opening

    async def FindParties(self, request: pb.FindPartiesRequest, context: Any) -> pb.FindPartiesResponse:
        """Finds parties; answers ids."""
        bounds.size("tenant_ids", len(request.tenant_ids), maximum=MAX_TENANTS)
        tenants = {bounds.identifier("tenant_ids", each) for each in request.tenant_ids}
        most = bounds.page("page_size", request.page_size, default=DEFAULT_PAGE, maximum=MAX_PAGE)
        after = bounds.optional_identifier("after_subject_id", request.after_subject_id) or b""
        match request.WhichOneof("sought"):
            case "name":
                name = bounds.text("name", request.name, maximum=MAX_NAME)
                return _answer(await self.finding.by_name(name, tenants, after, most))
            case "identity_number":
                number = bounds.text("identity_number", request.identity_number, maximum=MAX_NUMBER)
                return _answer(await self.finding.by_number(number, tenants, after, most))
            case "iban":
                iban = bounds.text("iban", request.iban, maximum=MAX_IBAN)
                return _answer(await self.finding.by_iban(iban, tenants))
        raise InvalidArgument("nothing is sought", field="sought")

    async def Disclose(self, request: pb.DiscloseRequest, context: Any) -> pb.DiscloseResponse:
        """Opens sealed fields."""
        bounds.size("fields", len(request.fields), minimum=1, maximum=MAX_FIELDS)
        opened = await self.opening.open([_sealed(each) for each in request.fields])
        return pb.DiscloseResponse(
            fields=[pb.DisclosedField(content=each.content, reason=each.reason) for each in opened]
        )


def _sealed(message: pb.SealedField) -> Sealed:
    bounds.size("field", len(message.field.encode()), minimum=1, maximum=MAX_FIELD_NAME)
    bounds.size("sealed", len(message.sealed), minimum=1, maximum=MAX_SEALED)
    stream = bounds.identifier("stream_id", message.stream_id)
    version = bounds.number("version", message.version, minimum=0, maximum=MAX_VERSION)
    subject = bounds.identifier("subject_id", message.subject_id)
    return Sealed(subject, AssociatedData(stream, version, message.field), message.sealed)


def _answer(page: Page) -> pb.FindPartiesResponse:
    return pb.FindPartiesResponse(
        found=[_found(each) for each in page.found],
        next_subject_id=page.next_subject,
        marked_position=page.marked_position,
        head_position=page.head_position,
    )


def _found(each: Found) -> pb.FoundParty:
    return pb.FoundParty(
        tenant_id=each.tenant,
        party_id=each.party,
        subject_id=each.subject,
        account_id=each.account,
        found_by=pb.FoundBy.Value(f"FOUND_BY_{each.found_by}"),
        erased=each.erased,
    )
