"""Files cost what they cost: so many at once of one sender, and so many that are refused for good."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from ringfence_kernel.access.caller import Caller, calling
from ringfence_kernel.values.settings import InvalidSetting, read
from ringfence_payment_instruction.bootstrap import WITH_FILES
from ringfence_payment_instruction.settings import PaymentInstructionSettings
from ringfence_payment_instruction.submissions.application.reading import FileQuotas, FileReading
from ringfence_payment_instruction.submissions.domain.errors import RefusedFilesExceeded, TooManyFiles
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb

from .messages import pain_001
from .world import ANNA, BANK_FEED, BORIS, OTHER_TENANT, PLATFORM, World

OTHER = replace(PLATFORM, subject=OTHER_TENANT, tenant=OTHER_TENANT)
REQUIRED = {
    "RINGFENCE_SERVICE": "payment-instruction",
    "RINGFENCE_LISTEN": "localhost:7001",
    "RINGFENCE_DATABASE_URL": "postgresql://app@localhost:5432/payments",
    "VAULT_ADDR": "https://localhost:8200",
    "RINGFENCE_VAULT_ROLE_ID": "role",
    "RINGFENCE_VAULT_WRAPPED_SECRET_ID_FILE": "/run/wrapped",
    "RINGFENCE_NATS_URL": "tls://localhost:4222",
    "RINGFENCE_WORKLOAD_CA_FILE": "/run/workload.pem",
    "RINGFENCE_CLIENT_CA_FILE": "/run/client.pem",
    "RINGFENCE_TRUST_DOMAIN": "ringfence.local",
    "RINGFENCE_RAIL_SPOOL_DIRECTORY": "/run/spool",
}
QUOTAS = FileQuotas(calls=3, calls_each=2, readings=3, readings_each=2)


def refusals(world: World) -> int:
    """Returns how many files are refused for ever."""
    return world.topics().count("SubmissionRefused.v1")


async def test_beyond_its_quota_a_refused_file_leaves_nothing(world: World) -> None:
    """The tenant hears when to come again; what was answered before is answered, and good files are taken in."""
    world.file_quotas = FileQuotas(refused_per_hour=3)
    await world.restart()
    garbage = [b"garbage %d" % number for number in range(5)]
    first = [await world.submit_file(PLATFORM, content) for content in garbage[:3]]
    for content in garbage[3:]:
        with pytest.raises(RefusedFilesExceeded) as caught:
            await world.submit_file(PLATFORM, content)
        assert (caught.value.code, caught.value.reason) == ("RESOURCE_EXHAUSTED", "REFUSED_FILES_QUOTA_EXCEEDED")
        assert 600 < (caught.value.retry_after_seconds or 0) <= 1_200
    assert refusals(world) == 3
    assert [await world.submit_file(PLATFORM, content) for content in garbage[:3]] == first
    assert (await world.submit_file(PLATFORM, pain_001("GOOD", ANNA, ("A", "10.00", BORIS)))).submission_id
    assert (await world.submit_file(OTHER, garbage[4])).status_report
    assert refusals(world) == 4


class Slow:
    """A reader that waits, in its thread, until a test lets it go on."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self.go_on = threading.Event()
        self.read = 0

    def __call__(self, content: bytes) -> bytes:
        """Returns the content."""
        self.go_on.wait(10)
        self.read += 1
        return content


@pytest.fixture
def slow() -> Slow:
    """A slow reader."""
    return Slow()


async def begun(reading: FileReading, slow: Slow, *callers: Caller) -> list[asyncio.Task[bytes]]:
    """Begins to read a file of each caller."""
    tasks = [asyncio.ensure_future(reading.read(each, slow, b"file")) for each in callers]
    await asyncio.sleep(0)
    return tasks


async def test_so_many_files_are_read_at_once(slow: Slow) -> None:
    """Two of one sender and three in all; the event loop goes on meanwhile, and then there is room again."""
    reading = FileReading(QUOTAS, asyncio.to_thread)
    tasks = await begun(reading, slow, PLATFORM, PLATFORM)
    with pytest.raises(TooManyFiles) as caught:
        await reading.read(PLATFORM, slow, b"file")
    assert (caught.value.code, caught.value.reason) == ("RESOURCE_EXHAUSTED", "TOO_MANY_FILES_AT_ONCE")
    assert caught.value.retry_after_seconds
    tasks += await begun(reading, slow, OTHER)
    with pytest.raises(TooManyFiles):
        await reading.read(BANK_FEED, slow, b"file")
    assert slow.read == 0
    slow.go_on.set()
    assert await asyncio.gather(*tasks) == [b"file"] * 3
    assert await reading.read(PLATFORM, slow, b"file") == b"file"


async def test_a_file_counts_until_it_is_read(slow: Slow) -> None:
    """Whoever gives up has a thread at work yet, and gets no other."""
    reading = FileReading(QUOTAS, asyncio.to_thread)
    for task in await begun(reading, slow, PLATFORM, PLATFORM):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    with pytest.raises(TooManyFiles):
        await reading.read(PLATFORM, slow, b"file")
    slow.go_on.set()
    async with asyncio.timeout(10):
        while slow.read < 2:
            await asyncio.sleep(0.01)
    assert await reading.read(PLATFORM, slow, b"file") == b"file"


async def test_a_reader_that_fails_leaves_its_place() -> None:
    """Its error is the caller's."""
    reading = FileReading(QUOTAS, asyncio.to_thread)

    def failing() -> None:
        raise KeyError

    for _ in range(QUOTAS.readings + 1):
        with pytest.raises(KeyError):
            await reading.read(PLATFORM, failing)


def test_a_call_with_a_file_is_refused_before_the_file_is_there() -> None:
    """So many calls of one sender and in all wait for their files."""
    reading = FileReading(QUOTAS, asyncio.to_thread)

    def call(caller: Caller) -> None:
        with calling(caller):
            reading.__enter__()

    call(PLATFORM)
    call(PLATFORM)
    with pytest.raises(TooManyFiles):
        call(PLATFORM)
    call(OTHER)
    with pytest.raises(TooManyFiles):
        call(BANK_FEED)
    with calling(PLATFORM):
        reading.__exit__(None, None, None)
    call(BANK_FEED)


def test_every_method_that_takes_a_file_has_this_quota() -> None:
    """Whatever request has a content."""
    methods = pb.DESCRIPTOR.services_by_name["PaymentInstructionService"].methods
    assert {each.name for each in methods if "content" in each.input_type.fields_by_name} == set(WITH_FILES)


@pytest.mark.parametrize(
    ("hand_in", "sender"),
    [
        (lambda world: world.submit_file(PLATFORM, b"x"), PLATFORM),
        (lambda world: world.application.statements.receiving.hand_in(BANK_FEED, b"x"), BANK_FEED),
        (lambda world: world.import_list(b"x"), None),
    ],
    ids=["order", "evidence", "list"],
)
async def test_every_file_of_a_caller_is_read_in_its_turn(
    world: World, slow: Slow, hand_in: Callable[[World], Any], sender: Caller | None
) -> None:
    """While the sender, or all together, read as many as they may, no other is."""
    reading = world.application.submissions.reading
    senders = [sender] * 2 if sender else [PLATFORM, PLATFORM, OTHER, OTHER]
    tasks = await begun(reading, slow, *senders)
    with pytest.raises(TooManyFiles):
        await hand_in(world)
    slow.go_on.set()
    await asyncio.gather(*tasks)


def settings(**given: str) -> PaymentInstructionSettings:
    """Returns the settings of an environment."""
    return read(PaymentInstructionSettings, REQUIRED | given)


def test_quotas_are_settings() -> None:
    """Each is a number from one on, that of refused files from zero on."""
    assert settings().file_quotas() == FileQuotas()
    names = ("FILES", "TENANT_FILES", "FILE_READINGS", "TENANT_FILE_READINGS")
    given = {f"RINGFENCE_{name}_AT_ONCE": str(number) for number, name in enumerate(names, start=1)}
    refused = "RINGFENCE_TENANT_REFUSED_FILES_PER_HOUR"
    expected = FileQuotas(calls=1, calls_each=2, readings=3, readings_each=4, refused_per_hour=0)
    assert settings(**given, **{refused: "0"}).file_quotas() == expected
    for variable, wrong in [*((name, "0") for name in given), (refused, "-1")]:
        with pytest.raises(InvalidSetting, match=variable):
            settings(**{variable: wrong}).file_quotas()
