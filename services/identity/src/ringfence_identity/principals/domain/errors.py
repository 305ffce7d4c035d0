"""Refusals about principals, and about ids, which all share, in order of precedence."""

from typing import ClassVar

from ringfence_kernel.values.errors import DomainError, NotFound


class PrincipalNotActive(DomainError):
    """The principal waits for a second operator, or it or its platform is suspended."""

    reason: ClassVar[str] = "PRINCIPAL_NOT_ACTIVE"
    code: ClassVar[str] = "PERMISSION_DENIED"


class OperatorRequired(DomainError):
    """Only an operator may do this."""

    reason: ClassVar[str] = "OPERATOR_REQUIRED"
    code: ClassVar[str] = "PERMISSION_DENIED"


class SecondPersonRequired(DomainError):
    """The confirmation must come from another operator than the proposal, and not from its subject."""

    reason: ClassVar[str] = "SECOND_PERSON_REQUIRED"
    code: ClassVar[str] = "PERMISSION_DENIED"


class PrincipalNotFound(NotFound):
    """No principal has this id."""

    reason: ClassVar[str] = "PRINCIPAL_NOT_FOUND"


class TenantNotFound(NotFound):
    """No active platform has this id."""

    reason: ClassVar[str] = "TENANT_NOT_FOUND"


class ExistsWithDifferentData(DomainError):
    """The id is taken by something with other contents."""

    reason: ClassVar[str] = "EXISTS_WITH_DIFFERENT_DATA"
    code: ClassVar[str] = "ALREADY_EXISTS"
