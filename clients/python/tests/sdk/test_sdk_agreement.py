"""The SDK's own tables and formats agree with the protos, the ledger and the kernel."""

from enum import IntEnum

import pytest
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from hypothesis import given
from hypothesis import strategies as st
from ringfence import external_id, ids, ledger, money, new_id, result_codes
from ringfence.audit import Finding
from ringfence.identity import KycStatus, PartyKind, PrincipalKind
from ringfence.payments import Decision, InstructionStatus, ListFormat
from ringfence_custody.domain import rules, statuses
from ringfence_kernel import ids as kernel_ids
from ringfence_kernel import money as kernel_money
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
    assert {each.value: each.name.lower() for each in statuses.CreateAccountStatus} == result_codes.ACCOUNT_STATUS
    assert {each.value: each.name.lower() for each in statuses.CreateTransferStatus} == result_codes.TRANSFER_STATUS


def test_flags_and_purposes_are_the_ledgers() -> None:
    """Flags and purposes have the ledger's names and numbers."""
    assert {each.name: each.value for each in ledger.AccountFlag} == {
        each.name: each.value for each in statuses.AccountFlag
    }
    assert {each.name: each.value for each in ledger.TransferFlag} == {
        each.name: each.value for each in statuses.TransferFlag
    }
    assert {each.name.lower(): each.value for each in ledger.Purpose} == {
        each.name: each.code for each in rules.PURPOSES
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
    assert ids.pack([None, ids.ZERO_ID]) == b""
    assert ids.pack([None, some]) == bytes(16) + some.bytes
