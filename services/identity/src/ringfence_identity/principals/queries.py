"""What siblings may ask about principals: the one way into this module for them."""

from dataclasses import dataclass

from ringfence_identity.principals.domain import principals
from ringfence_identity.principals.domain.errors import (
    ExistsWithDifferentData,
    OperatorRequired,
    PrincipalNotActive,
    PrincipalNotFound,
    TenantNotFound,
)
from ringfence_identity.principals.domain.principals import Actor, check_note
from ringfence_identity.principals.domain.roles import ROLE_OF_KIND, Kind
from ringfence_identity.principals.domain.state import Principal, State

__all__ = [
    "ROLE_OF_KIND",
    "Actor",
    "ExistsWithDifferentData",
    "Kind",
    "OperatorRequired",
    "Principal",
    "PrincipalNotActive",
    "PrincipalNotFound",
    "PrincipalQueries",
    "TenantNotFound",
    "check_note",
]


@dataclass(frozen=True, slots=True)
class PrincipalQueries:
    """Answers from the state as it is decided so far, so that pure decisions may ask."""

    state: State

    def get(self, principal: bytes) -> Principal | None:
        """Returns a principal, or None."""
        return self.state.principals.get(principal)

    def find(self, principal: bytes) -> Principal:
        """Returns a principal; raises PrincipalNotFound."""
        return principals.find(self.state, principal)

    def is_known(self, principal: bytes) -> bool:
        """Whether a principal has this id."""
        return principal in self.state.principals

    def is_active(self, principal: Principal) -> bool:
        """Whether it may act: it is active itself, and so is the platform it belongs to."""
        return self.state.is_active(principal)

    def may_act(self, principal: Principal, now_ns: int) -> bool:
        """Whether it is active, and neither has its role ended by date nor what it reads by, which has begun."""
        return self.state.may_act(principal, now_ns)

    def ends_ns(self, principal: Principal) -> int:
        """Returns when its role, or what it reads by, ends, UTC nanoseconds; 0 for never."""
        return self.state.ends_ns(principal)

    def operators(self) -> list[Principal]:
        """Returns the operators that are active, whether or not their roles have ended by date."""
        everybody = list(self.state.principals.values())
        return [each for each in everybody if each.kind is Kind.OPERATOR and self.state.is_active(each)]

    def is_tenant(self, tenant: bytes) -> bool:
        """Whether an active platform has this id."""
        return self.state.is_tenant(tenant)

    def is_platform(self, principal: bytes) -> bool:
        """Whether a platform has this id, active or not."""
        found = self.get(principal)
        return found is not None and found.kind is Kind.PLATFORM

    def require_operator(self, by: bytes) -> None:
        """Raises OperatorRequired unless `by` is an active operator at this moment."""
        principals.require_operator(self.state, by)

    def require_tenant(self, tenant: bytes) -> None:
        """Raises TenantNotFound unless an active platform has this id."""
        principals.require_tenant(self.state, tenant)
