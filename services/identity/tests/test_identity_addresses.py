"""Addresses of parties in the fields of ISO 20022, and what the service that tells banks reads of payers."""

from __future__ import annotations

from typing import Any

import pytest
from ringfence_kernel.values.ids import new_id
from ringfence_protos.common.v1.postal_address_pb2 import PostalAddress
from ringfence_protos.identity.v1 import identity_pb2 as pb
from ringfence_protos.identity.v1 import identity_pb2_grpc as rpc

from .test_identity_service_parties import get, new_party, personal, register

ADDRESS = PostalAddress(
    street_name="Dlouhá", building_number="5", post_code="110 00", town_name="Praha", country="CZ",
    address_lines=["zadní dům"],
)  # fmt: skip


def with_address(**changes: Any) -> pb.NewParty:
    """Describes a person with an address in fields."""
    data = personal()
    data.postal_address.CopyFrom(ADDRESS)
    for name, text in changes.items():
        setattr(data.postal_address, name, text)
    return new_party(data)


def test_an_address_in_fields_is_kept_with_the_party(identity: Any) -> None:
    """It is read as it was given, and the same command again changes nothing."""
    platform = identity.platform()
    party = with_address()
    assert register(platform, party) == [""]
    (read,) = get(platform, party.id)
    assert read.personal_data == party.personal_data
    assert register(platform, party) == [""]


def test_another_address_is_another_party(identity: Any) -> None:
    """The same id with another address is refused, as with any other content."""
    platform = identity.platform()
    party = with_address()
    register(platform, party)
    other = pb.NewParty()
    other.CopyFrom(party)
    other.personal_data.postal_address.building_number = "7"
    assert register(platform, other) != [""]


@pytest.mark.parametrize("changes", [{"town_name": ""}, {"country": "UK"}, {"street_name": "S" * 71}])
def test_an_address_that_no_bank_takes_is_refused(identity: Any, changes: dict[str, str]) -> None:
    """One without town or assigned country, or with a text that is too long."""
    assert register(identity.platform(), with_address(**changes)) == ["INVALID_ARGUMENT"]


def test_a_platform_is_read_by_its_registered_name(identity: Any) -> None:
    """It owns accounts of its own; what is no platform and no party stays nobody."""
    platform = identity.platform()
    unknown = new_id()
    keys = [pb.PartyKey(tenant_id=each, party_id=each) for each in (platform.id, unknown)]
    request = pb.ReadPartiesRequest(parties=keys)
    found, nobody = (
        identity.workload("payment-instruction").call(rpc.PartyServiceStub, "ReadParties", request, token="").parties
    )
    assert (found.id, bool(found.personal_data.name)) == (platform.id, True)
    assert nobody == pb.Party()
