"""Facts in words: what a receipt and a search print."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from ringfence.commands.wording import amount_of, fields_of, gist_of
from ringfence_verifier import Fact

ID = bytes(range(16))


@pytest.fixture
def in_shanghai(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine's clock shows the time of Shanghai."""
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def shown(kind: str, **fields: int | bytes | str) -> dict[str, str]:
    """What is printed of a fact, by field."""
    return dict(fields_of(Fact(kind, fields)))


def test_a_transfer_reads_like_a_statement(in_shanghai: None) -> None:
    """Amount with its currency, times in UTC and here, ids as they are typed, code and flags by name, days as dates."""
    told = shown(
        "custody.transfer.v1",
        amount_minor=123_450,
        ledger=978,
        code=3,
        flags=2,
        time_ns=1_700_000_000_123_456_789,
        value_date_days=19_675,
        transfer_id=ID,
        user_data_128=ID,
        digest=b"\x01\x02",
        source="custody",
    )
    assert told == {
        "amount_minor": "1,234.50 EUR",
        "ledger": "EUR",
        "code": "payment",
        "flags": "pending",
        "time_ns": "2023-11-14 22:13:20.123456 UTC (2023-11-15 06:13:20 +0800 here)",
        "value_date_days": "2023-11-14",
        "transfer_id": "00010203-0405-0607-0809-0a0b0c0d0e0f",
        "user_data_128": "00010203-0405-0607-0809-0a0b0c0d0e0f",
        "digest": "0102",
        "source": "custody",
    }


@pytest.mark.parametrize("number", [-(2**63), 2**63 - 1, -1, 999])
def test_what_a_log_may_hold_is_shown_whatever_it_is(number: int) -> None:
    """A number that is no currency, purpose, day or time of ours is shown as it is."""
    names = ("amount_minor", "ledger", "code", "flags", "time_ns", "day", "version")
    told = shown("custody.transfer.v1", **dict.fromkeys(names, number))
    assert set(told) == set(names)
    assert told["version"] == told["amount_minor"] == str(number)
    assert amount_of(Fact("custody.transfer.v1", {"amount_minor": number, "ledger": b"EUR"})) == str(number)


def test_flags_that_nobody_knows_are_shown() -> None:
    """A bit without a name stays a number, beside those that have one."""
    assert shown("custody.transfer.v1", flags=2 + 1024)["flags"] == "pending, 1024"
    assert shown("custody.transfer.v1", flags=0)["flags"] == "none"


def test_the_gist_of_a_fact() -> None:
    """Why money moved, or which state was reached; nothing where a fact says neither."""
    assert gist_of(Fact("custody.transfer.v1", {"code": 20})) == "bank retraction"
    assert gist_of(Fact("identity.kyc_changed.v1", {"status": "VERIFIED", "reason": "seen"})) == "VERIFIED seen"
    assert gist_of(Fact("audit.page.v1", {"first": 1})) == ""
    assert amount_of(Fact("audit.page.v1", {"first": 1})) == ""
