"""Postal addresses in the fields of ISO 20022, as banks are told them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from ringfence_protos.common.v1 import postal_address_pb2 as pb
from ringfence_protos.identity.v1 import identity_pb2


@dataclass(frozen=True, kw_only=True)
class PostalAddress:
    """Where somebody lives or has a seat: town and country, and what else there is.

    `country` is an ISO 3166-1 alpha-2 code; `address_lines`, at most two, take what no field does.
    """

    town_name: str
    country: str
    department: str = ""
    sub_department: str = ""
    street_name: str = ""
    building_number: str = ""
    building_name: str = ""
    floor: str = ""
    post_box: str = ""
    room: str = ""
    post_code: str = ""
    town_location_name: str = ""
    district_name: str = ""
    country_sub_division: str = ""
    address_lines: Sequence[str] = ()

    def __str__(self) -> str:
        """Returns it in one line."""
        place = " ".join(filter(None, (self.post_code, self.town_name)))
        street = " ".join(filter(None, (self.street_name, self.building_number)))
        return ", ".join(filter(None, (*self.address_lines, street, place, self.country)))


def message(address: PostalAddress | None) -> pb.PostalAddress | None:
    """An address as it is sent."""
    if address is None:
        return None
    return pb.PostalAddress(**{each.name: getattr(address, each.name) for each in fields(address)})


def read(data: identity_pb2.PersonalData) -> PostalAddress | None:
    """The address among somebody's data, None without one in fields."""
    if not data.HasField("postal_address"):
        return None
    address = data.postal_address
    texts = {each.name: getattr(address, each.name) for each in fields(PostalAddress)}
    return PostalAddress(**(texts | {"address_lines": tuple(address.address_lines)}))
