"""pain.001 in and pain.002 out, through the application."""

import re
from dataclasses import replace
from typing import NoReturn

import pytest
from ringfence_kernel.aside.calling import InputNotReadable, ReadingUnavailable
from ringfence_kernel.values.errors import DomainError
from ringfence_payment_instruction.iso20022.aside import SMALL_BYTES
from ringfence_payment_instruction.submissions.application import files
from ringfence_payment_instruction.submissions.application.files import file_submission_id as file_id
from ringfence_payment_instruction.submissions.application.ports import FileRefusal
from ringfence_payment_instruction.submissions.application.reading import FileQuotas
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.errors import IdentityUnavailable, RefusedFilesExceeded
from ringfence_payment_instruction.submissions.domain.status import Status

from .messages import pain_001
from .world import ANNA, BORIS, FOREIGN, OTHER_TENANT, PLATFORM, STRANGER, World, an_id


def said(report: bytes, tag: str) -> list[str]:
    """Returns the texts of an element."""
    return re.findall(f"<{tag}>([^<]*)</{tag}>", re.sub(r"<(/?)\w+:", r"<\1", report.decode()))


async def test_a_file_is_taken_in_and_settles(world: World) -> None:
    """Its pain.002 names the file and every payment; both ways lead to their ends."""
    content = pain_001("FILE-1", ANNA, ("A", "10.00", BORIS), ("B", "20.00", STRANGER))
    answer = await world.submit_file(PLATFORM, content)
    assert said(answer.status_report, "OrgnlMsgId") == ["FILE-1"]
    assert said(answer.status_report, "TxSts") == ["ACCP", "ACCP"]
    submission = world.states.submissions.submissions[next(iter(world.states.submissions.submissions))]
    await world.until(lambda: list(submission.statuses) == [Status.SETTLED, Status.SENT])
    assert answer.instruction_ids == submission.id_list
    assert world.custody.balances[an_id("boris account")] == 10_00


async def test_the_same_bytes_get_the_first_report_again(world: World) -> None:
    """Byte for byte, also after a restart, and nothing is paid again."""
    content = pain_001("FILE-1", ANNA, ("A", "10.00", BORIS))
    first = await world.submit_file(PLATFORM, content)
    await world.restart()
    assert await world.submit_file(PLATFORM, content) == first
    await world.until(lambda: world.custody.balances[an_id("boris account")] == 10_00)
    assert len(world.states.submissions.submissions) == 1


async def test_other_bytes_under_a_message_id_are_refused(world: World) -> None:
    """AM05; the first answer stands. Another tenant's message ids are its own."""
    first = await world.submit_file(PLATFORM, pain_001("FILE-1", ANNA, ("A", "10.00", BORIS)))
    other_bytes = pain_001("FILE-1", ANNA, ("A", "11.00", BORIS))
    second = await world.submit_file(PLATFORM, other_bytes)
    assert (said(second.status_report, "GrpSts"), said(second.status_report, "Cd")) == (["RJCT"], ["AM05"])
    assert second.submission_id == b""
    other = replace(PLATFORM, subject=OTHER_TENANT, tenant=OTHER_TENANT)
    third = await world.submit_file(other, pain_001("FILE-1", FOREIGN, ("A", "11.00", BORIS)))
    assert third.submission_id not in (b"", first.submission_id)


@pytest.mark.parametrize(
    ("content", "code", "message_id"),
    [
        (pain_001("BAD-1", ANNA, ("A", "10.00", BORIS), count=2), "AM18", "BAD-1"),
        (b"no xml at all", "FF01", "NOTPROVIDED"),
        (
            b'<!DOCTYPE x [<!ENTITY e "y">]>' + pain_001("BAD-2", ANNA, ("A", "10.00", BORIS))[39:],
            "FF01",
            "NOTPROVIDED",
        ),
        (pain_001("BAD-3", ANNA, ("A", "10.00", BORIS[:-1] + "0")), "AC01", "BAD-3"),
    ],
    ids=["count", "noise", "doctype", "iban"],
)
async def test_a_file_with_a_flaw_is_refused_whole(world: World, content: bytes, code: str, message_id: str) -> None:
    """A pain.002 says why, the refusal is recorded, and the same bytes get the same report."""
    first = await world.submit_file(PLATFORM, content)
    assert said(first.status_report, "GrpSts") == ["RJCT"]
    assert said(first.status_report, "Cd") == [code]
    assert said(first.status_report, "OrgnlMsgId") == [message_id]
    await world.restart()
    assert await world.submit_file(PLATFORM, content) == first
    assert (first.submission_id, len(world.states.submissions.submissions)) == (b"", 0)
    recorded = [topic for topic in world.topics() if topic != "SanctionsListImported.v1"]
    assert recorded == ["SubmissionRefused.v1"]


async def test_single_payments_of_a_file_may_be_refused(world: World) -> None:
    """The group is PART, each refused payment has its code, the others go on."""
    content = pain_001("FILE-1", ANNA, ("A", "10.00", BORIS), ("B", "10.00", ANNA))
    answer = await world.submit_file(PLATFORM, content)
    assert said(answer.status_report, "GrpSts") == ["PART"]
    assert said(answer.status_report, "TxSts") == ["ACCP", "RJCT"]
    assert said(answer.status_report, "Cd") == ["AC03"]
    cheques = await world.submit_file(PLATFORM, pain_001("FILE-2", ANNA, ("A", "10.00", BORIS), method="CHK"))
    assert said(cheques.status_report, "Cd") == ["AG03"]
    amount = b'<InstdAmt Ccy="EUR">10.00</InstdAmt>'
    equivalent = b'<EqvtAmt><Amt Ccy="EUR">10.00</Amt><CcyOfTrf>USD</CcyOfTrf></EqvtAmt>'
    converted = pain_001("FILE-3", ANNA, ("A", "10.00", BORIS)).replace(amount, equivalent)
    answer = await world.submit_file(PLATFORM, converted)
    assert said(answer.status_report, "Cd") == ["AM03"]


async def test_a_file_refused_by_earlier_rules_gets_its_first_answer(world: World) -> None:
    """Also when the rules of today would take it."""
    content = pain_001("FILE-1", ANNA, ("A", "10.00", BORIS))
    reader = world.application.submissions.files.files
    read = reader.read_orders
    strict = FileRefusal("IBAN_INVALID", "AC01", "refused by a rule of then")
    reader.read_orders = lambda *given: read(*given).refused(strict)  # type: ignore[method-assign,union-attr]
    first = await world.submit_file(PLATFORM, content)
    reader.read_orders = read  # type: ignore[method-assign]
    assert await world.submit_file(PLATFORM, content) == first
    assert world.states.submissions.submissions == {}


async def test_a_large_file_that_was_refused_is_not_read_again(world: World) -> None:
    """Its bytes are known, and its answer is kept."""
    flawed = pain_001("FILE-1", ANNA, ("A", "10.00", BORIS), count=2) + b" " * SMALL_BYTES
    first = await world.submit_file(PLATFORM, flawed)
    read = failing(world, InputNotReadable())
    assert await world.submit_file(PLATFORM, flawed) == first
    assert (said(first.status_report, "Cd"), read) == (["AM18"], [])


async def test_a_tenant_has_so_many_files_tried_that_cannot_be_read(world: World) -> None:
    """Then none of its is read for a while; what is no fault of a file does not count, and others go on."""
    content = pain_001("FILE-1", ANNA, ("A", "10.00", BORIS))
    for error in (ReadingUnavailable(), InputNotReadable()):
        read = failing(world, error)
        for _ in range(FileQuotas().refused_per_hour):
            with pytest.raises(type(error)):
                await world.submit_file(PLATFORM, content)
        assert len(read) == FileQuotas().refused_per_hour
    with pytest.raises(RefusedFilesExceeded):
        await world.submit_file(PLATFORM, content)
    assert len(read) == FileQuotas().refused_per_hour
    with pytest.raises(InputNotReadable):
        await world.submit_file(replace(PLATFORM, subject=OTHER_TENANT, tenant=OTHER_TENANT), content)


def failing(world: World, error: DomainError) -> list[bytes]:
    """Has every file fail to be read; returns those that were tried."""
    tried: list[bytes] = []

    def read(content: bytes, *_: object) -> NoReturn:
        tried.append(content)
        raise error

    world.application.submissions.files.files.read_orders = read  # type: ignore[method-assign]
    return tried


@pytest.mark.parametrize("by_earlier_release", [False, True])
async def test_a_refused_file_leaves_its_message_id_to_the_corrected_one(
    world: World, by_earlier_release: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The corrected file is taken in once, and uses the id up; each flawed one keeps its own answer."""
    flawed = pain_001("FILE-1", ANNA, ("A", "10.00", BORIS), count=2)
    if by_earlier_release:
        with monkeypatch.context() as then:
            then.setattr(files, "refused_submission_id", lambda tenant, digest: file_id(tenant, "FILE-1", digest))
            refused = await world.submit_file(PLATFORM, flawed)
    else:
        refused = await world.submit_file(PLATFORM, flawed)
    also_flawed = await world.submit_file(PLATFORM, pain_001("FILE-1", ANNA, ("A", "10.00", BORIS[:-1] + "0")))
    assert [said(each.status_report, "Cd") for each in (refused, also_flawed)] == [["AM18"], ["AC01"]]
    corrected = pain_001("FILE-1", ANNA, ("A", "10.00", BORIS))
    taken = await world.submit_file(PLATFORM, corrected)
    assert said(taken.status_report, "TxSts") == ["ACCP"]
    await world.restart()
    assert await world.submit_file(PLATFORM, corrected) == taken
    assert await world.submit_file(PLATFORM, flawed) == refused
    other = await world.submit_file(PLATFORM, pain_001("FILE-1", ANNA, ("A", "11.00", BORIS)))
    assert said(other.status_report, "Cd") == ["AM05"]
    assert len(world.states.submissions.submissions) == 1


async def test_a_file_for_a_later_day_waits(world: World) -> None:
    """Taken in now, screened and paid on its day."""
    content = pain_001("FILE-1", ANNA, ("A", "10.00", BORIS), day="2099-01-01")
    await world.submit_file(PLATFORM, content)
    (submission,) = world.states.submissions.submissions.values()
    assert submission.reasons == [reasons.EXECUTION_DATE_NOT_REACHED]
    assert world.application.pipeline.is_idle


async def test_identity_away_leaves_no_answer_behind(world: World) -> None:
    """A file that could not be authorised is not refused: the same bytes are taken in later."""
    content = pain_001("FILE-1", ANNA, ("A", "10.00", BORIS))
    world.identity.is_away = True
    with pytest.raises(IdentityUnavailable):
        await world.submit_file(PLATFORM, content)
    world.identity.is_away = False
    answer = await world.submit_file(PLATFORM, content)
    assert said(answer.status_report, "TxSts") == ["ACCP"]
