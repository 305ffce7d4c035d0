"""The servicer: bounds, mapping, and who may see what."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import pytest
from ringfence_kernel.access.caller import Caller, calling
from ringfence_kernel.rpc.page_tokens import PageTokenInvalid
from ringfence_kernel.values.errors import DomainError, InvalidArgument
from ringfence_payment_instruction.modules import joined_servicer
from ringfence_payment_instruction.submissions.domain.errors import TenantForbidden
from ringfence_payment_instruction.submissions.domain.status import Status
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb
from ringfence_protos.payment_instruction.v1.payment_instruction_pb2_grpc import (
    PaymentInstructionServiceServicer as Servicer,
)

from .messages import camt_054, entry, pain_001
from .world import ANNA, BANK, BORIS, OTHER_TENANT, TENANT, World, an_id


@contextmanager
def acting_as(subject: bytes, tenant: bytes | None) -> Iterator[None]:
    """Makes calls come from a principal."""
    caller = Caller(
        "spiffe://x/principal/y",
        None,
        subject,
        urlsafe_b64encode(sha256(subject).digest()).rstrip(b"=").decode(),
        tenant,
        token="access token",
        person=subject,
        key_sha256=sha256(subject).digest(),
    )
    with calling(caller):
        yield


@pytest.fixture
def servicer(world: World) -> Servicer:
    """The servicer over the application."""
    return joined_servicer(world.application)


def new(name: str, **changes: object) -> pb.NewInstruction:
    """Returns an instruction on the wire."""
    fields: dict[str, object] = {
        "id": an_id(name),
        "end_to_end_id": name,
        "debtor_iban": ANNA,
        "creditor_iban": BORIS,
        "creditor_name": "Boris Example",
        "amount_minor": 10_00,
        "currency": "EUR",
    }
    return pb.NewInstruction(**(fields | changes))  # type: ignore[arg-type]


async def test_a_batch_is_submitted_read_listed_and_watched(world: World, servicer: Servicer) -> None:
    """What went in comes out, under the same ids."""
    request = pb.SubmitInstructionsRequest(submission_id=an_id("s"), instructions=[new("one"), new("two")])
    with acting_as(TENANT, TENANT):
        states = (await servicer.SubmitInstructions(request, None)).states
        assert [state.status for state in states] == [pb.INSTRUCTION_STATUS_AUTHENTICATED] * 2
        await world.reaches("two", Status.SETTLED)
        got = await servicer.GetInstructions(pb.GetInstructionsRequest(instruction_ids=[an_id("two")]), None)
        (instruction,) = got.instructions
        assert instruction.order == new("two")
        assert (instruction.submission_id, instruction.maker_id) == (an_id("s"), TENANT)
        assert (instruction.debtor_account_id, instruction.creditor_account_id) == (
            an_id("anna account"),
            an_id("boris account"),
        )
        first = await servicer.ListInstructions(pb.ListInstructionsRequest(page_size=1), None)
        second = await servicer.ListInstructions(
            pb.ListInstructionsRequest(page_size=1, page_token=first.next_page_token), None
        )
        assert [page.instructions[0].order.end_to_end_id for page in (first, second)] == ["one", "two"]
        assert second.next_page_token == ""
        async for change in servicer.WatchInstructions(pb.WatchInstructionsRequest(), None):
            assert change.states[0].status == pb.INSTRUCTION_STATUS_RECEIVED
            break


async def test_what_was_answered_is_in_the_list_asked_for_next(servicer: Servicer) -> None:
    """Every instruction of a submission that was answered is listed at once, without a wait of the caller's."""
    with acting_as(TENANT, TENANT):
        for number in range(20):
            names = [f"{number} {row}" for row in range(5)]
            request = pb.SubmitInstructionsRequest(submission_id=an_id(names[0]), instructions=map(new, names))
            await servicer.SubmitInstructions(request, None)
            asked = pb.ListInstructionsRequest(submission_id=an_id(names[0]))
            listed = (await servicer.ListInstructions(asked, None)).instructions
            assert [each.order.end_to_end_id for each in listed] == names


async def test_a_page_token_is_for_its_own_question(servicer: Servicer) -> None:
    """With another filter, order, bound or tenant it is refused; another page size and one's own name are not."""
    with acting_as(TENANT, TENANT):
        request = pb.SubmitInstructionsRequest(submission_id=an_id("s"), instructions=map(new, "abc"))
        await servicer.SubmitInstructions(request, None)
        token = (await servicer.ListInstructions(pb.ListInstructionsRequest(page_size=1), None)).next_page_token
        same = pb.ListInstructionsRequest(page_size=2, page_token=token, tenant_id=TENANT)
        page = await servicer.ListInstructions(same, None)
        assert [each.order.end_to_end_id for each in page.instructions] == ["b", "c"]
    others: list[dict[str, Any]] = [
        {"status": pb.INSTRUCTION_STATUS_SETTLED}, {"submission_id": an_id("s")}, {"newest_first": True},
        {"from_ns": 1}, {"until_ns": 2**63 - 1}, {"tenant_id": OTHER_TENANT},
    ]  # fmt: skip
    with acting_as(an_id("operator"), None):
        for other in others:
            asked = pb.ListInstructionsRequest(**({"tenant_id": TENANT, "page_token": token} | other))
            with pytest.raises(PageTokenInvalid):
                await servicer.ListInstructions(asked, None)


async def test_an_iban_with_spaces_is_the_same_iban(world: World, servicer: Servicer) -> None:
    """People group IBANs by four."""
    spaced = " ".join(ANNA[at : at + 4] for at in range(0, len(ANNA), 4)).lower()
    request = pb.SubmitInstructionsRequest(submission_id=an_id("s"), instructions=[new("one", debtor_iban=spaced)])
    with acting_as(TENANT, TENANT):
        await servicer.SubmitInstructions(request, None)
    await world.reaches("one", Status.SETTLED)


async def test_files_and_evidence_go_through_the_servicer(world: World, servicer: Servicer) -> None:
    """pain.001 in, pain.002 out; camt.054 in, counts out; a sanctions list in, its size out."""
    with acting_as(TENANT, TENANT):
        content = pain_001("FILE-1", ANNA, ("A", "10.00", BORIS))
        answer = await servicer.SubmitFile(pb.SubmitFileRequest(content=content), None)
    assert (len(answer.submission_id), len(answer.instruction_ids)) == (16, 1)
    assert b"FILE-1" in answer.status_report
    with acting_as(an_id("bank"), None):
        content = camt_054("N", BANK, entry("R1", "5.00", BORIS), entry("R2", "5.00"))
        counts = await servicer.SubmitEvidence(pb.SubmitEvidenceRequest(content=content), None)
    assert counts == pb.SubmitEvidenceResponse(credited=1, suspended=1)
    with acting_as(an_id("operator"), None):
        imported = await servicer.ImportSanctionsList(
            pb.ImportSanctionsListRequest(
                list_name="Own",
                format=pb.SANCTIONS_LIST_FORMAT_CSV,
                content=b"name,kind,reference\nA B,person,1\n",
                published_ns=world.clock.now_ns(),
            ),
            None,
        )
    assert imported.names == 1


async def test_tenants_and_the_custodians_people_name_what_they_may(
    servicer: Servicer,
) -> None:
    """A tenant may not name another, whether it exists or not; an operator must name one."""
    ids = [an_id("one")]
    with acting_as(TENANT, TENANT):
        for tenant in (OTHER_TENANT, an_id("nobody")):
            request = pb.GetInstructionsRequest(tenant_id=tenant, instruction_ids=ids)
            with pytest.raises(TenantForbidden):
                await servicer.GetInstructions(request, None)
    with acting_as(an_id("operator"), None):
        with pytest.raises(TenantForbidden):
            await servicer.GetInstructions(pb.GetInstructionsRequest(instruction_ids=ids), None)
        found = await servicer.GetInstructions(pb.GetInstructionsRequest(tenant_id=TENANT, instruction_ids=ids), None)
    assert not found.instructions


async def test_an_operator_names_the_tenant_to_decide(world: World, servicer: Servicer) -> None:
    """Without a tenant nothing is decided; with one the answer names the operator as approver."""
    request = pb.SubmitInstructionsRequest(submission_id=an_id("s"), instructions=[new("one", amount_minor=600_00)])
    with acting_as(TENANT, TENANT):
        await servicer.SubmitInstructions(request, None)
    await world.reaches("one", Status.HELD)
    approval = pb.DecideInstructionsRequest(instruction_ids=[an_id("one")], decision=pb.DECISION_APPROVE)
    with acting_as(an_id("operator"), None):
        with pytest.raises(TenantForbidden):
            await servicer.DecideInstructions(approval, None)
        assert world.status("one") is Status.HELD
        approval.tenant_id = TENANT
        await servicer.DecideInstructions(approval, None)
        await world.reaches("one", Status.SETTLED)
        read = pb.GetInstructionsRequest(tenant_id=TENANT, instruction_ids=[an_id("one")])
        (instruction,) = (await servicer.GetInstructions(read, None)).instructions
    assert instruction.approver_id == an_id("operator")


GOOD_ID = an_id("good")


def a_list(*parts: pb.SanctionsListFile) -> pb.ImportSanctionsListRequest:
    """Returns an import of a list of one file, with these beside it."""
    content = b"name,kind,reference\nA B,person,1\n"
    return pb.ImportSanctionsListRequest(list_name="L", format=1, content=content, published_ns=1, parts=parts)


MALFORMED = [
    ("SubmitInstructions", pb.SubmitInstructionsRequest(instructions=[new("x")])),
    ("SubmitInstructions", pb.SubmitInstructionsRequest(submission_id=bytes(16), instructions=[new("x")])),
    ("SubmitInstructions", pb.SubmitInstructionsRequest(submission_id=GOOD_ID)),
    ("SubmitInstructions", pb.SubmitInstructionsRequest(submission_id=GOOD_ID, instructions=[new("x")] * 8_191)),
    ("SubmitInstructions", pb.SubmitInstructionsRequest(submission_id=GOOD_ID, instructions=[new("x", id=b"short")])),
    ("SubmitInstructions", pb.SubmitInstructionsRequest(submission_id=GOOD_ID, instructions=[new("y" * 2_000)])),
    ("SubmitFile", pb.SubmitFileRequest()),
    ("SubmitEvidence", pb.SubmitEvidenceRequest()),
    ("SubmitEvidence", pb.SubmitEvidenceRequest(content=b"\x00\xff")),
    ("GetInstructions", pb.GetInstructionsRequest()),
    ("GetInstructions", pb.GetInstructionsRequest(instruction_ids=[GOOD_ID] * 1_001)),
    ("ListInstructions", pb.ListInstructionsRequest(page_size=1_001)),
    ("ListInstructions", pb.ListInstructionsRequest(page_token="1.x")),
    ("ListInstructions", pb.ListInstructionsRequest(page_token="9" * 25 + ".1")),
    ("ListInstructions", pb.ListInstructionsRequest(page_token="²." * 2)),
    ("ListInstructions", pb.ListInstructionsRequest(status=99)),
    ("ListInstructions", pb.ListInstructionsRequest(from_ns=2**63)),
    ("ListInstructions", pb.ListInstructionsRequest(until_ns=2**64 - 1)),
    ("ListInstructions", pb.ListInstructionsRequest(submission_id=b"x")),
    ("DecideInstructions", pb.DecideInstructionsRequest(instruction_ids=[GOOD_ID])),
    ("DecideInstructions", pb.DecideInstructionsRequest(instruction_ids=[GOOD_ID], decision=77)),
    ("DecideInstructions", pb.DecideInstructionsRequest(instruction_ids=[GOOD_ID], decision=1, note="n" * 281)),
    ("ImportSanctionsList", pb.ImportSanctionsListRequest(list_name="L", format=99, content=b"x", published_ns=1)),
    ("ImportSanctionsList", pb.ImportSanctionsListRequest(list_name="L", format=1, content=b"x")),
    ("ImportSanctionsList", pb.ImportSanctionsListRequest(list_name="\n", format=1, content=b"x", published_ns=1)),
    ("ImportSanctionsList", pb.ImportSanctionsListRequest(list_name="L", format=3, content=b"<", published_ns=1)),
    ("ImportSanctionsList", a_list(pb.SanctionsListFile(content=b"x"))),
    ("ImportSanctionsList", a_list(pb.SanctionsListFile(part=pb.SANCTIONS_LIST_PART_ALIASES))),
    ("ImportSanctionsList", a_list(*[pb.SanctionsListFile(part=pb.SANCTIONS_LIST_PART_ALIASES, content=b"x")] * 2)),
    ("ImportSanctionsList", a_list(pb.SanctionsListFile(part=pb.SANCTIONS_LIST_PART_ALIASES, content=b"x"))),
    ("ConfirmSanctionsList", pb.ConfirmSanctionsListRequest(list_name="L")),
    ("ConfirmSanctionsList", pb.ConfirmSanctionsListRequest(list_name="L", note="n\u202e")),
    ("RetireSanctionsList", pb.RetireSanctionsListRequest(list_name="", note="n")),
    ("RetireSanctionsList", pb.RetireSanctionsListRequest(list_name="L", note="n" * 281)),
]


async def test_malformed_requests_are_refused_by_name(world: World, servicer: Servicer) -> None:
    """INVALID_ARGUMENT for each of them; nothing is recorded."""
    head = world.writer.head
    for number, (method, request) in enumerate(MALFORMED):
        with acting_as(TENANT, TENANT), pytest.raises(DomainError) as refusal:
            await getattr(servicer, method)(request, None)
        assert refusal.value.code == "INVALID_ARGUMENT", (number, method)
    assert world.writer.head == head


async def test_a_watch_beyond_any_position_is_refused(servicer: Servicer) -> None:
    """Positions are below 2^63."""
    with acting_as(TENANT, TENANT), pytest.raises(InvalidArgument):
        await anext(servicer.WatchInstructions(pb.WatchInstructionsRequest(after_position=2**64 - 1), None))
