"""What regulators and auditors may read of the log: granted by two people for a case, ending by itself (ADR 49)."""

from dataclasses import dataclass

from ringfence_kernel.values.country import country
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.ids import ID_BYTES

from ringfence_identity.principals.domain.errors import TenantNotFound
from ringfence_identity.principals.domain.events import AccessGranted, JurisdictionStated
from ringfence_identity.principals.domain.roles import READING_KINDS, Kind
from ringfence_identity.principals.domain.state import Grant, State

MAX_PLATFORMS = MAX_JURISDICTIONS = 30
"""What fits into a leaf as text."""
MAX_CASE_CHARACTERS = 140


@dataclass(frozen=True, slots=True)
class NewGrant:
    """What somebody shall be able to read.

    No `platforms` and no `jurisdictions` are those of all, and facts of none; where both are there a platform has to be
    of both. It holds from `from_ns` on, 0 for at once, and before `until_ns`, 0 for as long as the role, UTC
    nanoseconds.
    """

    platforms: tuple[bytes, ...]
    jurisdictions: tuple[str, ...]
    from_ns: int
    until_ns: int
    case_reference: str

    def __post_init__(self) -> None:
        """Raises InvalidArgument naming the field that is malformed."""
        if len(self.platforms) > MAX_PLATFORMS or any(len(each) != ID_BYTES for each in self.platforms):
            raise InvalidArgument("tenant_ids are at most 30, of 16 bytes each", field="tenant_ids")
        if list(self.platforms) != sorted(set(self.platforms)):
            raise InvalidArgument("tenant_ids name each platform once", field="tenant_ids")
        if len(self.jurisdictions) > MAX_JURISDICTIONS:
            raise InvalidArgument("jurisdictions are at most 30", field="jurisdictions")
        for each in self.jurisdictions:
            check_jurisdiction(each, "jurisdictions")
        if list(self.jurisdictions) != sorted(set(self.jurisdictions)):
            raise InvalidArgument("jurisdictions name each country once", field="jurisdictions")
        if self.until_ns and self.until_ns <= self.from_ns:
            raise InvalidArgument("until_ns is after from_ns, or 0", field="until_ns")
        if not 1 <= len(self.case_reference) <= MAX_CASE_CHARACTERS:
            raise InvalidArgument("case_reference must have 1 to 140 characters", field="case_reference")


def check_jurisdiction(code: str, field: str) -> None:
    """Raises InvalidArgument unless this is a country's one code of ISO 3166-1 alpha-2."""
    if country(code) != code:
        raise InvalidArgument(f"{field} are countries by ISO 3166-1 alpha-2", field=field)


def check_reader(kind: Kind) -> None:
    """Raises InvalidArgument for kinds that read nothing by a grant."""
    if kind not in READING_KINDS:
        raise InvalidArgument("grants are for regulators and auditors", field="grant")


def grant(
    state: State, principal_id: bytes, new: NewGrant, grant_id: bytes, by: bytes, now_ns: int
) -> list[AccessGranted]:
    """Has a known principal read by a grant, of this id, in the place of the one before; the same changes nothing.

    Raises InvalidArgument for who reads nothing or a grant that is over, TenantNotFound for what is no platform.
    """
    require_unended(new, now_ns)
    check_reader(state.principals[principal_id].kind)
    require_platforms(state, new)
    return [] if is_of(state.grants.get(principal_id), new) else [granted(principal_id, new, grant_id, by)]


def granted(principal_id: bytes, new: NewGrant, grant_id: bytes, by: bytes) -> AccessGranted:
    """Returns the event of a grant."""
    platforms = tuple(each.hex() for each in new.platforms)
    return AccessGranted(
        principal_id, grant_id, platforms, new.jurisdictions, new.from_ns, new.until_ns, new.case_reference, by
    )


def require_platforms(state: State, new: NewGrant) -> None:
    """Raises TenantNotFound for what is no platform, active or not: what happened before it was stopped is read too."""
    if not all(_is_platform(state, each) for each in new.platforms):
        raise TenantNotFound


def require_unended(new: NewGrant, now_ns: int) -> None:
    """Raises InvalidArgument where a grant would be over before it is given."""
    if new.until_ns and new.until_ns <= now_ns:
        raise InvalidArgument("until_ns is over", field="until_ns")


def is_of(held: Grant | None, new: NewGrant) -> bool:
    """Whether somebody reads by a grant that says this."""
    return held is not None and said_by(held) == new


def said_by(held: Grant) -> NewGrant:
    """Returns what a grant says."""
    return NewGrant(held.platforms, held.jurisdictions, held.from_ns, held.until_ns, held.case_reference)


def state_jurisdiction(state: State, platform: bytes, code: str, by: bytes) -> list[JurisdictionStated]:
    """Says by which country's law a platform is supervised; the same again changes nothing.

    Raises InvalidArgument, TenantNotFound.
    """
    check_jurisdiction(code, "jurisdiction")
    if not _is_platform(state, platform):
        raise TenantNotFound
    return [] if state.jurisdictions.get(platform) == code else [JurisdictionStated(platform, code, by)]


def _is_platform(state: State, platform: bytes) -> bool:
    found = state.principals.get(platform)
    return found is not None and found.kind is Kind.PLATFORM
