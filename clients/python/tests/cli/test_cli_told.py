"""Facts as commands print them: a sentence and an amount, each field with its meaning and to the last digit."""

from __future__ import annotations

from uuid import UUID

import pytest
import typer
from ringfence.commands import told
from ringfence_desk.fact import Fact
from ringfence_desk.language import Language
from ringfence_desk.names import Names

ID = bytes(range(16))
TRANSFER = Fact(
    7,
    "custody.transfer.v1",
    {
        "amount_minor": 123_450,
        "ledger": 978,
        "code": 3,
        "flags": 2,
        "time_ns": 1_700_000_000_123_456_789,
        "value_date_days": 19_675,
        "debit_account_id": ID,
        "credit_account_id": bytes(reversed(ID)),
        "user_data_128": ID,
        "digest": b"\x01\x02",
        "source": "custody",
    },
)


def test_a_transfer_reads_like_a_statement() -> None:
    """A row has when it was, what it is about, how much, and what it says in the language asked for."""
    accounts = "account 0001…0e0f → account 0f0e…0100"
    when = "2023-11-14 22:13:20.123 UTC"
    assert told.rows([TRANSFER], Names(), Language.ENGLISH) == [
        ["7", when, "custody.transfer.v1", "1,234.50 EUR", f"Reserved for payment: {accounts}"]
    ]
    (row,) = told.rows([TRANSFER], Names(), Language.CHINESE)
    assert row[1:] == [
        when,
        "custody.transfer.v1",
        "1,234.50 EUR",
        "已预留（付款）：账户 0001…0e0f → 账户 0f0e…0100",
    ]


def test_times_stand_in_utc_and_by_a_zone_s_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As typed, or as the environment names it; UTC stays what programs read, and what is no zone is said."""
    monkeypatch.setenv("TZ", ":Europe/Berlin")
    berlin, utc = told.zone_of(""), "14 Nov 2023 22:13:20.123 UTC"
    for zone, local in (
        (berlin, "14 Nov 2023 23:13:20.123"),
        (told.zone_of("Asia/Shanghai"), "15 Nov 2023 06:13:20.123"),
    ):
        assert zone is not None
        (row,) = told.rows([TRANSFER], Names(), Language.ENGLISH, zone)
        shown = dict(zip(told.columns(zone), row, strict=True))
        assert shown["time"] == "2023-11-14 22:13:20.123 UTC"
        assert shown[zone.key] == f"{local} {zone.key}"
        fields = {name: said for name, _, said, _ in told.field_rows(TRANSFER, Names(), Language.ENGLISH, zone)}
        assert fields["time_ns"] == f"{utc}, {local} {zone.key}"
    for nothing in ("", "UTC", "CET-1CEST", "../etc/passwd"):
        monkeypatch.setenv("TZ", nothing)
        assert told.zone_of("") is None
    with pytest.raises(typer.BadParameter, match="no zone"):
        told.zone_of("Mars/Olympus")


def test_fields_have_a_meaning_and_a_value_to_the_last_digit() -> None:
    """Amounts with their currency, times in UTC, ids as they are typed, codes and bits in words, days as dates."""
    fields = {
        name: [label, said, exact] for name, label, said, exact in told.field_rows(TRANSFER, Names(), Language.ENGLISH)
    }
    assert fields["amount_minor"] == ["amount", "1,234.50 EUR", "123450"]
    assert fields["ledger"] == ["currency", "EUR", "978"]
    assert fields["code"] == ["code", "payment", "3"]
    assert fields["flags"] == ["flags", "reserves", "2"]
    assert fields["time_ns"] == ["time", "14 Nov 2023 22:13:20.123 UTC", "2023-11-14T22:13:20.123456789Z"]
    assert fields["value_date_days"] == ["value date", "14 Nov 2023", "19675"]
    assert fields["user_data_128"] == ["what it rests on", "0001…0e0f", str(UUID(bytes=ID))]
    assert fields["digest"] == ["hash of the content", "0102", "0102"]


def test_a_text_stands_in_the_place_of_its_commitment() -> None:
    """What a fact commits to is shown where it was opened, and the commitment where it was not."""
    fact = Fact(1, "identity.kyc_changed.v1", {"note_commitment": b"\x01" * 32}, {"note": "seen\x1b[2J"})
    assert told.field_rows(fact, Names(), Language.ENGLISH) == [
        ["note", "note", "seen〚U+001B〛[2J", "seen〚U+001B〛[2J"]
    ]
    closed = Fact(1, "identity.kyc_changed.v1", {"note_commitment": b"\x01" * 32})
    assert told.field_rows(closed, Names(), Language.ENGLISH) == [
        ["note_commitment", "note (commitment)", "01" * 32, "01" * 32]
    ]


@pytest.mark.parametrize("number", [-(2**63), 2**63 - 1, -1, 999])
@pytest.mark.parametrize("language", Language)
def test_what_a_log_may_hold_is_shown_whatever_it_is(number: int, language: Language) -> None:
    """A number that is no currency, purpose, day or time of ours is shown all the same."""
    names = ("amount_minor", "ledger", "code", "flags", "time_ns", "day", "version")
    fact = Fact(1, "custody.transfer.v1", dict.fromkeys(names, number))
    assert len(told.field_rows(fact, Names(), language)) == len(names)
    assert told.rows([fact], Names(), language)


def test_bits_that_nobody_knows_are_shown() -> None:
    """A bit without a word stays a number, beside those that have one; of none there is a dash."""
    shown = [
        told.field_rows(Fact(1, "custody.transfer.v1", {"flags": flags}), Names(), Language.ENGLISH)[0][2]
        for flags in (2 + 1024, 0)
    ]
    assert shown == ["reserves, 1024", "–"]
