"""Beneficial owners in clear: they exist only between a request and their sealing, and until an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from ringfence_kernel.sealing.envelopes import AssociatedData, blind_index, seal, unseal
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.ids import ID_BYTES, ZERO_ID

from ringfence_identity.parties.application.personal import PersonalData, joined
from ringfence_identity.parties.domain.errors import SharesExceedWhole

MAX_OWNERS = 100
MAX_DENOMINATOR = 2**53


@dataclass(frozen=True, slots=True, repr=False)
class Owner:
    """A person who has a share of a company, controls it otherwise, or both."""

    id: bytes
    personal: PersonalData
    share: Fraction
    controls: bool

    def __post_init__(self) -> None:
        """Raises InvalidArgument naming the field, never its value."""
        if len(self.id) != ID_BYTES or self.id == ZERO_ID:
            raise InvalidArgument("id must be 16 bytes, not all zero", field="owners.id")
        if not (self.share or self.controls):
            raise InvalidArgument("an owner has a share, control or both", field="owners.share_numerator")

    def texts(self) -> dict[str, str]:
        """Returns every field that is not empty as text, under its name in the event."""
        texts = self.personal.texts()
        texts["share"] = str(self.share) if self.share else ""
        texts["controls"] = "1" if self.controls else ""
        return {f"{self.id.hex()}.{name}": text for name, text in texts.items() if text}


def exact_share(numerator: int, denominator: int) -> Fraction:
    """Returns a share between 0 and 1; raises InvalidArgument for what is no fraction, SharesExceedWhole beyond 1."""
    if denominator > MAX_DENOMINATOR or (numerator and not denominator):
        raise InvalidArgument("share_denominator must be 1 to 2^53", field="owners.share_denominator")
    share = Fraction(numerator, denominator or 1)
    if share > 1:
        raise SharesExceedWhole
    return share


@dataclass(frozen=True, slots=True)
class CompanyOwners:
    """All owners of one company."""

    party: bytes
    owners: tuple[Owner, ...]

    def __post_init__(self) -> None:
        """Raises InvalidArgument for too many or the same twice, SharesExceedWhole for more than the whole."""
        if len(self.owners) > MAX_OWNERS:
            raise InvalidArgument("a company has at most 100 owners", field="owners")
        if len({owner.id for owner in self.owners}) != len(self.owners):
            raise InvalidArgument("each owner is named once", field="owners.id")
        if sum((owner.share for owner in self.owners), Fraction()) > 1:
            raise SharesExceedWhole

    def sealed(self, key: bytes, subject: bytes, version: int) -> dict[str, bytes]:
        """Seals every field of every owner for this version of the company's stream."""
        return {
            name: seal(key, text.encode(), AssociatedData(subject, version, name))
            for name, text in self._texts().items()
        }

    def digest(self, key: bytes) -> bytes:
        """Returns a hash keyed by the company's data key, 16 bytes: in whatever order they are named."""
        named = [text for pair in sorted(self._texts().items()) for text in pair]
        return blind_index(key, "identity.owners", joined(*named))

    def _texts(self) -> dict[str, str]:
        return {name: text for owner in self.owners for name, text in owner.texts().items()}


def opened_owners(key: bytes, subject: bytes, version: int, sealed: Mapping[str, bytes]) -> Sequence[Owner]:
    """Opens what `sealed` made, in order of ids; raises EnvelopeBroken for bytes from elsewhere."""
    by_owner: dict[str, dict[str, str]] = {}
    for name, envelope in sorted(sealed.items()):
        owner, _, field = name.partition(".")
        by_owner.setdefault(owner, {})[field] = unseal(key, envelope, AssociatedData(subject, version, name)).decode()
    return [_opened(bytes.fromhex(owner), texts) for owner, texts in by_owner.items()]


def _opened(identifier: bytes, texts: Mapping[str, str]) -> Owner:
    return Owner(identifier, PersonalData.of_texts(texts), Fraction(texts.get("share", "0")), "controls" in texts)
