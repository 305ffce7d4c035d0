"""DisclosureService: checks the request, calls a handler that records it first, and maps back."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc import bounds
from ringfence_kernel.rpc.page_tokens import PageTokenInvalid
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_protos.audit.v1 import disclosure_pb2 as pb
from ringfence_protos.audit.v1.disclosure_pb2_grpc import DisclosureServiceServicer

from ringfence_audit.disclosure.api.texts import texts_of
from ringfence_audit.disclosure.application.disclosing import Asked, Disclosing
from ringfence_audit.disclosure.application.looking_up import FoundFact, LookedUp, LookingUp, Sought
from ringfence_audit.disclosure.application.ports import By, FoundParty, Opened
from ringfence_audit.disclosure.domain.errors import SourceDiffers
from ringfence_audit.disclosure.domain.sealed import Sealed
from ringfence_audit.log.api import mapping

MAX_REASON, MAX_FIELDS, MAX_FIELD = 280, 100, 64
"""Characters, fields, and bytes of a field's name: all names have room in the leaf of the read."""
MAX_SOUGHT = {By.NAME: 140, By.IDENTITY_NUMBER: 64, By.IBAN: 68, By.TEXT: 280}
_BY = {
    pb.LOOK_UP_BY_NAME: By.NAME,
    pb.LOOK_UP_BY_IDENTITY_NUMBER: By.IDENTITY_NUMBER,
    pb.LOOK_UP_BY_IBAN: By.IBAN,
    pb.LOOK_UP_BY_TEXT: By.TEXT,
}
_TOKEN_BYTES = 24


class DisclosureServicer(DisclosureServiceServicer):
    """What granted readers are told with a reason."""

    def __init__(self, looking_up: LookingUp, disclosing: Disclosing) -> None:
        self._looking_up, self._disclosing = looking_up, disclosing

    async def LookUp(self, request: pb.LookUpRequest, context: Any) -> pb.LookUpResponse:
        """Finds ids; see the proto. Raises SoughtInvalid, SubjectErased, PeerUnavailable, SearchBehind."""
        if request.by not in _BY:
            raise InvalidArgument("say by what to look up", field="by")
        by = _BY[request.by]
        sought = bounds.text("sought", request.sought, maximum=MAX_SOUGHT[by])
        reason = bounds.text("reason", request.reason, maximum=MAX_REASON)
        platform = bounds.optional_identifier("tenant_id", request.tenant_id)
        page_size = bounds.page("page_size", request.page_size, default=100, maximum=1_000)
        subject, leaf = _read_token(request)
        reader = current_caller().subject
        asked = Sought(reader, by, sought, reason, platform, page_size, subject, leaf)
        return _looked_up(request, await self._looking_up(asked))

    async def Disclose(self, request: pb.DiscloseRequest, context: Any) -> pb.DiscloseResponse:
        """Opens sealed fields; see the proto. Raises as Disclosing does."""
        index = bounds.number("leaf_index", request.leaf_index, minimum=0, maximum=mapping.MAX_INDEX)
        bounds.size("fields", len(request.fields), maximum=MAX_FIELDS)
        fields = frozenset(map(_name, request.fields))
        reason = bounds.text("reason", request.reason, maximum=MAX_REASON)
        disclosed = await self._disclosing(Asked(current_caller().subject, index, fields, reason))
        return pb.DiscloseResponse(
            leaf=disclosed.leaf,
            proof=disclosed.proof,
            fields=[_field(index, *each) for each in disclosed.fields],
            read_index=disclosed.read.index,
        )


def _name(field: str) -> str:
    if not field.isascii():
        raise InvalidArgument("names of fields are ASCII", field="fields")
    return bounds.text("fields", field, maximum=MAX_FIELD)


def _field(index: int, sealed: Sealed, opened: Opened) -> pb.DisclosedField:
    try:
        texts = [] if opened.reason else texts_of(sealed.field, opened.content)
    except ValueError as error:
        raise SourceDiffers(leaf_index=str(index), field=sealed.field) from error
    return pb.DisclosedField(
        field=sealed.field,
        sealed=sealed.envelope,
        texts=[pb.DisclosedText(name=name, text=text) for name, text in texts],
        reason=opened.reason,
    )


def _looked_up(request: pb.LookUpRequest, found: LookedUp) -> pb.LookUpResponse:
    return pb.LookUpResponse(
        found=[*map(_party, found.parties), *map(_fact, found.facts)],
        next_page_token=_token(request, found.next_subject, found.before_leaf),
        searched_leaves=found.searched_leaves,
        identity_position=found.identity_position,
        complete=found.complete,
        salt=found.salt,
        read_index=found.read.index,
    )


def _party(each: FoundParty) -> pb.LookedUp:
    is_party = each.subject != each.tenant and any(each.subject)
    return pb.LookedUp(
        subject_id=each.party if is_party else each.account,
        subject_field="party_id" if is_party else "account_id",
        tenant_id=each.tenant,
        account_id=each.account,
        found_by=each.found_by,
    )


def _fact(each: FoundFact) -> pb.LookedUp:
    return pb.LookedUp(
        subject_id=each.subject,
        subject_field=each.subject_field,
        tenant_id=each.tenant,
        found_by=each.field,
        leaf_index=each.index,
        leaf=each.leaf,
        openings=mapping.openings(each.openings),
    )


def _question(request: pb.LookUpRequest) -> bytes:
    """Gives eight bytes of what is asked, without the reason: another page may have another one."""
    asked = pb.LookUpRequest(by=request.by, sought=request.sought, tenant_id=request.tenant_id)
    return sha256(b"LookUp\0" + asked.SerializeToString(deterministic=True)).digest()[:8]


def _token(request: pb.LookUpRequest, subject: bytes, leaf: int) -> str:
    if not (subject or leaf):
        return ""
    goes_on = subject or leaf.to_bytes(16, "big")
    return urlsafe_b64encode(goes_on + _question(request)).decode().rstrip("=")


def _read_token(request: pb.LookUpRequest) -> tuple[bytes, int]:
    """Gives the subject to go on after, or the leaf to go on before; raises PageTokenInvalid."""
    if not request.page_token:
        return b"", 0
    try:
        token = urlsafe_b64decode(request.page_token + "==")
    except ValueError as error:
        raise PageTokenInvalid from error
    if len(token) != _TOKEN_BYTES or token[16:] != _question(request):
        raise PageTokenInvalid
    if request.by != pb.LOOK_UP_BY_TEXT:
        return token[:16], 0
    leaf = int.from_bytes(token[:16], "big")
    if not 0 < leaf <= mapping.MAX_INDEX:
        raise PageTokenInvalid
    return b"", leaf
