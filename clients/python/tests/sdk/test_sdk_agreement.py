"""The SDK's own tables and formats agree with the protos, the ledger and the kernel."""

import re
from datetime import date
from enum import IntEnum
from pathlib import Path

import pytest
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from hypothesis import given
from hypothesis import strategies as st
from ringfence import columns, external_id, ids, ledger, money, new_id, result_codes
from ringfence.audit import Finding
from ringfence.identity import KycStatus, PartyKind, PrincipalKind
from ringfence.payments import DECISION_NOT_TAKEN, Decision, InstructionStatus, ListFormat
from ringfence_custody.ledger.domain import columns as custody_columns
from ringfence_custody.ledger.domain import purposes
from ringfence_custody.ledger.domain import result_codes as ledger_codes
from ringfence_kernel.values import ids as kernel_ids
from ringfence_kernel.values import money as kernel_money
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_protos.custody.v1 import custody_pb2
from ringfence_protos.identity.v1 import identity_pb2
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2


@pytest.mark.parametrize(
    ("ours", "proto", "prefix"),
    [
        (PrincipalKind, identity_pb2.PrincipalKind, "PRINCIPAL_KIND_"),
        (PartyKind, identity_pb2.PartyKind, "PARTY_KIND_"),
        (KycStatus, identity_pb2.KycStatus, "KYC_STATUS_"),
        (ledger.AccountClass, custody_pb2.AccountClass, "ACCOUNT_CLASS_"),
        (ledger.AccountStatus, custody_pb2.AccountStatus, "ACCOUNT_STATUS_"),
        (ledger.AccountSide, custody_pb2.AccountSide, "ACCOUNT_SIDE_"),
        (InstructionStatus, payment_instruction_pb2.InstructionStatus, "INSTRUCTION_STATUS_"),
        (Decision, payment_instruction_pb2.Decision, "DECISION_"),
        (ListFormat, payment_instruction_pb2.SanctionsListFormat, "SANCTIONS_LIST_FORMAT_"),
        (Finding, audit_pb2.SourceFinding, "SOURCE_FINDING_"),
    ],
)
def test_enums_are_those_of_the_protos(ours: type[IntEnum], proto: EnumTypeWrapper, prefix: str) -> None:
    """Every value of the proto's enum but the unspecified one has the same name and number here."""
    theirs = {name.removeprefix(prefix): number for name, number in proto.items() if number}
    assert {each.name: each.value for each in ours} == theirs


def test_result_codes_are_the_ledgers() -> None:
    """Every result code of the ledger has its name here, and no other code has one."""
    assert {each.value: each.name.lower() for each in ledger_codes.CreateAccountStatus} == result_codes.ACCOUNT_STATUS
    assert {each.value: each.name.lower() for each in ledger_codes.CreateTransferStatus} == result_codes.TRANSFER_STATUS


def test_flags_and_purposes_are_the_ledgers() -> None:
    """Flags and purposes have the ledger's names and numbers."""
    assert {each.name: each.value for each in ledger.AccountFlag} == {
        each.name: each.value for each in ledger_codes.AccountFlag
    }
    assert {each.name: each.value for each in ledger.TransferFlag} == {
        each.name: each.value for each in ledger_codes.TransferFlag
    }
    assert {each.name.lower(): each.value for each in ledger.Purpose} == {
        each.name: each.code for each in purposes.PURPOSES
    }


def test_unknown_result_code_is_named_by_its_number() -> None:
    """A code that is newer than this SDK is shown, not hidden behind an error."""
    assert result_codes.transfer_status(255) == "status_255"


def test_currencies_are_the_kernels() -> None:
    """Every currency has the kernel's ledger and number of decimals."""
    for currency in kernel_money.CURRENCIES:
        assert money.ledger_of(currency.alpha) == currency.numeric_code
        assert money.currency_of(currency.numeric_code) == currency.alpha
        assert money.exponent_of(currency.alpha) == currency.exponent


@given(st.text(max_size=20), st.uuids(), st.text(max_size=40))
def test_external_ids_are_the_kernels(domain: str, tenant: object, key: str) -> None:
    """The same outside key becomes the same id in the SDK and in the services."""
    assert external_id(domain, tenant, key).bytes == kernel_ids.external_id(domain, tenant.bytes, key)  # type: ignore[arg-type, attr-defined]


def test_new_ids_are_uuid_version_7_in_order_of_time() -> None:
    """A new id is a UUIDv7 of the RFC 9562 variant whose first 48 bits are the time."""
    first, second = new_id(), new_id()
    assert {first.version, second.version} == {7}
    assert first.variant == "specified in RFC 4122"
    assert first.int >> 80 <= second.int >> 80


def test_column_of_nothing_is_empty() -> None:
    """A column of ids is left out when no row has one, and padded with zeros otherwise."""
    some = new_id()
    assert ids.pack([]) == ids.pack([None, ids.ZERO_ID]) == b""
    assert ids.pack([None, some]) == bytes(16) + some.bytes
    assert ids.pack([some, some]) == some.bytes


SOME_ID = st.sampled_from([None, new_id(), new_id()])
TRANSFERS = st.lists(
    st.builds(
        ledger.NewTransfer,
        id=st.uuids(),
        amount_minor=st.sampled_from([0, 1, ledger.ALL_OF_IT]),
        currency=st.sampled_from(["EUR", "JPY"]),
        code=st.sampled_from(ledger.Purpose),
        debit_account_id=SOME_ID,
        credit_account_id=SOME_ID,
        pending_id=SOME_ID,
        user_data_128=SOME_ID,
        user_data_64=st.sampled_from([0, 2**64 - 1]),
        user_data_32=st.sampled_from([0, 2**32 - 1]),
        timeout_seconds=st.sampled_from([0, 60]),
        flags=st.sampled_from([0, ledger.TransferFlag.PENDING]),
        value_date=st.sampled_from([date(1970, 1, 1), date(1993, 2, 26)]),
    ),
    min_size=1,
    max_size=5,
)


@given(TRANSFERS)
def test_columns_of_one_value_are_read_back_for_every_row(transfers: list[ledger.NewTransfer]) -> None:
    """However a column is shortened, the ledger reads the value of every row from it."""
    packed, count = columns.transfer_columns(transfers), len(transfers)
    for name in ("debit_account_id", "credit_account_id", "pending_id", "user_data_128"):
        values = [(getattr(each, name) or ids.ZERO_ID).bytes for each in transfers]
        assert custody_columns.row_ids(getattr(packed, name), count) == values
    for name in ("amount_minor", "code", "flags", "user_data_64", "user_data_32", "timeout_seconds"):
        values = [getattr(each, name) for each in transfers]
        assert custody_columns.row_numbers(getattr(packed, name), count) == values
    days = [(each.value_date or date.min).toordinal() - date(1970, 1, 1).toordinal() for each in transfers]
    assert custody_columns.row_numbers(packed.value_date_days, count) == days
    assert custody_columns.row_numbers(packed.ledger, count) == [money.ledger_of(each.currency) for each in transfers]


def test_columns_in_which_all_rows_agree_have_one_value() -> None:
    """A thousand plain payments on one mandate carry ids and amounts per row, and the rest once."""
    mandate = new_id()
    transfers = [
        ledger.NewTransfer(
            id=new_id(), amount_minor=n, currency="EUR", code=3, debit_account_id=new_id(), user_data_128=mandate
        )
        for n in range(1_000)
    ]
    packed = columns.transfer_columns(transfers)
    assert (packed.ledger, packed.code, packed.user_data_128) == ([978], [3], mandate.bytes)
    assert (packed.flags, packed.credit_account_id, packed.value_date_days) == ([], b"", [])
    assert (len(packed.id), len(packed.debit_account_id), len(packed.amount_minor)) == (16_000, 16_000, 1_000)


def test_decisions_that_were_not_taken_are_known_by_their_reasons() -> None:
    """Every reason that docs/errors.md gives for a decision that was not taken is one to the SDK."""
    documented = (Path(__file__).parents[4] / "docs" / "errors.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| ([A-Z_]+) \|.*\| why a decision on an instruction was not taken \|$", documented, re.MULTILINE
    )
    assert len(rows) >= 3
    assert set(rows) <= DECISION_NOT_TAKEN
