"""How many accounts a tenant may open: they stay for ever, so that the number has a bound in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest
from ringfence_custody.ledger.domain.errors import AccountsExceeded, ColumnsMalformed
from ringfence_custody.ledger.domain.purposes import AccountClass
from ringfence_custody.ledger.domain.result_codes import CreateAccountStatus as Status
from ringfence_kernel.store import EventStore
from ringfence_protos.custody.v1 import custody_pb2 as pb

from .conftest import Custody, running
from .ledger import EUR, id_of

PLATFORM, OTHER = b"platform one 001", b"platform two 002"
PER_HOUR = 4
NAMES = ("a", "b", "c", "d", "e", "f")


def request(names: Sequence[str], ledger: int) -> pb.CreateAccountsRequest:
    """Returns a request for suspense accounts, which need no owner."""
    count = len(names)
    columns = pb.AccountColumns(
        id=b"".join(map(id_of, names)),
        owner_id=bytes(16) * count,
        account_class=[int(AccountClass.SUSPENSE)] * count,  # type: ignore[list-item]
        ledger=[ledger] * count,
        code=[1] * count,
    )
    return pb.CreateAccountsRequest(accounts=columns)


async def opened(custody: Custody, names: Sequence[str], tenant: bytes = PLATFORM, ledger: int = EUR) -> list[Status]:
    """Opens accounts; returns the result of each."""
    reply: Any = await custody.call("CreateAccounts", request(names, ledger), tenant)
    return [Status(each) for each in reply.status]


async def test_a_tenant_opens_so_many_accounts_and_others_theirs(stores: Callable[[], EventStore]) -> None:
    """The last request is taken in full; the next is refused with the time to come again, and opens none."""
    async with running(stores, accounts_per_hour=PER_HOUR) as custody:
        assert await opened(custody, NAMES[:3]) == [Status.CREATED] * 3
        assert await opened(custody, NAMES[3:]) == [Status.CREATED] * 3
        position = custody.writer.head.position
        with pytest.raises(AccountsExceeded) as caught:
            await opened(custody, ["g"])
        assert (caught.value.code, caught.value.reason) == ("RESOURCE_EXHAUSTED", "ACCOUNTS_QUOTA_EXCEEDED")
        assert 2_000 < (caught.value.retry_after_seconds or 0) <= 2_700
        assert custody.writer.head.position == position
        assert await opened(custody, NAMES[:1], OTHER) == [Status.CREATED]


async def test_what_opens_nothing_counts_nothing(stores: Callable[[], EventStore]) -> None:
    """Retries are answered as often as they come, and so are refused rows and malformed requests."""
    malformed = pb.CreateAccountsRequest(accounts=pb.AccountColumns(id=b"1" * 16 * 9, owner_id=b"short"))
    async with running(stores, accounts_per_hour=PER_HOUR) as custody:
        assert await opened(custody, NAMES[:3]) == [Status.CREATED] * 3
        for _ in range(PER_HOUR):
            assert await opened(custody, NAMES[:3]) == [Status.EXISTS] * 3
            assert Status.CREATED not in await opened(custody, ["x"], ledger=0)
            with pytest.raises(ColumnsMalformed):
                await custody.call("CreateAccounts", malformed, PLATFORM)
        assert await opened(custody, NAMES[3:4]) == [Status.CREATED]


async def test_a_call_that_is_given_up_counts(stores: Callable[[], EventStore]) -> None:
    """What it has opened is not known to the call: nobody opens more by hanging up in time."""
    async with running(stores, accounts_per_hour=PER_HOUR) as custody:
        given_up = asyncio.ensure_future(opened(custody, NAMES[:5]))
        await asyncio.sleep(0)
        given_up.cancel()
        with suppress(asyncio.CancelledError):
            await given_up
        with pytest.raises(AccountsExceeded):
            await opened(custody, ["g"])


async def test_zero_is_no_bound(custody: Custody) -> None:
    """A quota of zero refuses nobody."""
    names = [f"account {number}" for number in range(100)]
    assert await opened(custody, names) == [Status.CREATED] * 100
    assert await opened(custody, ["one more"]) == [Status.CREATED]
