"""Personal data in clear: it exists only between a request and its sealing, and between opening and an answer."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ringfence_kernel.sealing.envelopes import AssociatedData, blind_index, seal, unseal
from ringfence_kernel.values.addresses import NO_ADDRESS, PostalAddress
from ringfence_kernel.values.characters import is_name
from ringfence_kernel.values.country import country as iso_country
from ringfence_kernel.values.errors import InvalidArgument

from ringfence_identity.parties.domain.kyc import PartyKind

MAX_NAME_CHARACTERS = 140
MAX_NUMBER_CHARACTERS = 64
MAX_ADDRESS_CHARACTERS = 280


@dataclass(frozen=True, slots=True, repr=False)
class PersonalData:
    """Who a party is. Nothing of it shows in a representation, so that it cannot slip into a log."""

    name: str
    identity_number: str
    date_of_birth: str
    address: str
    country: str
    postal_address: PostalAddress = NO_ADDRESS

    def __post_init__(self) -> None:
        """Raises InvalidArgument naming the field, never its value."""
        _require(len(self.name.strip()) >= 1 and len(self.name) <= MAX_NAME_CHARACTERS, "name")
        _require(bool(_compact(self.identity_number)), "identity_number")
        _require(len(self.identity_number) <= MAX_NUMBER_CHARACTERS, "identity_number")
        _require(not self.date_of_birth or _is_date(self.date_of_birth), "date_of_birth")
        _require(len(self.address) <= MAX_ADDRESS_CHARACTERS, "address")
        _require(len(self.country) == 2 and self.country.isascii() and self.country.isupper(), "country")

    @classmethod
    def given(
        cls,
        name: str,
        identity_number: str,
        date_of_birth: str,
        address: str,
        country: str,
        postal_address: PostalAddress = NO_ADDRESS,
    ) -> "PersonalData":
        """Returns what a platform says of a party, its country by its one code; raises InvalidArgument as above.

        What is stored is not asked this: an earlier release took any two capitals for a country.
        """
        code = iso_country(country)
        _require(code is not None, "country")
        _require(is_name(name, MAX_NAME_CHARACTERS), "name")
        if postal_address and (flaw := postal_address.flaw()):
            _require(False, f"postal_address.{flaw}")
        return cls(name, identity_number, date_of_birth, address, code or "", postal_address)

    def texts(self) -> dict[str, str]:
        """Returns every field as text under its name in an event, but for an address in fields that is not given."""
        texts = {
            "name": self.name,
            "identity_number": self.identity_number,
            "date_of_birth": self.date_of_birth,
            "address": self.address,
            "country": self.country,
        }
        return texts | ({"postal_address": self.postal_address.text()} if self.postal_address else {})

    @classmethod
    def of_texts(cls, texts: Mapping[str, str]) -> "PersonalData":
        """Returns what `texts` were made of; what is not there is empty."""
        return cls(
            name=texts.get("name", ""),
            identity_number=texts.get("identity_number", ""),
            date_of_birth=texts.get("date_of_birth", ""),
            address=texts.get("address", ""),
            country=texts.get("country", ""),
            postal_address=PostalAddress.of_text(texts.get("postal_address", "")),
        )

    def sealed(self, key: bytes, party: bytes, version: int) -> dict[str, bytes]:
        """Seals every field that is not empty for this version of the party's stream."""
        return {
            name: seal(key, text.encode(), AssociatedData(party, version, name))
            for name, text in self.texts().items()
            if text
        }

    @classmethod
    def opened(cls, key: bytes, party: bytes, version: int, sealed: dict[str, bytes]) -> "PersonalData":
        """Opens what `sealed` made; raises EnvelopeBroken for bytes from elsewhere."""
        return cls.of_texts(
            {
                name: unseal(key, envelope, AssociatedData(party, version, name)).decode()
                for name, envelope in sealed.items()
            }
        )

    def digest(self, key: bytes) -> bytes:
        """Returns a hash keyed by the party's data key, 16 bytes: equal data, equal digest, and gone with the key."""
        return blind_index(key, "identity.party", joined(*self.texts().values()))

    def number_index(self, key: bytes, tenant: bytes, kind: PartyKind) -> bytes:
        """Returns the blind index of the identity number within a tenant, 16 bytes."""
        value = joined(tenant.hex(), kind, self.country, _compact(self.identity_number))
        return blind_index(key, "identity.number", value)


def _compact(number: str) -> str:
    return "".join(character for character in unicodedata.normalize("NFKC", number).upper() if character.isalnum())


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def joined(*texts: str) -> bytes:
    """Joins texts so that no two lists of texts give the same bytes."""
    parts = (text.encode() for text in texts)
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _require(condition: bool, field: str) -> None:
    if not condition:
        raise InvalidArgument(f"{field} is missing, malformed or too long", field=field)
