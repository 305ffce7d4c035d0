"""Lets callers in to the audit service by what they are granted, before anything of their request is looked at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from ringfence_kernel.access.caller import Caller, current_caller

from ringfence_audit.log.application.seeing import seeing
from ringfence_audit.log.domain.sight import Sight
from ringfence_audit.standing.domain.errors import GrantTooNarrow

HEED_SIGHT = frozenset(
    {
        "GetCheckpoint",
        "GetConsistencyProof",
        "Search",
        "GetReceipt",
        "ListLeaves",
        "ListUnprovenTransfers",
        "GetReport",
        "GetBooks",
        "DemandBooks",
        "ListReads",
        "BindDossier",
        "LookUp",
        "Disclose",
    }
)
"""Methods that show a reader of some platforms these alone. Any other is not for such readers, a new one too."""
ServicerT = TypeVar("ServicerT")
SightOf = Callable[[Caller], Awaitable[Sight]]
Method = Callable[[Any, Any], Awaitable[Any]]


def guarded(base: Callable[[], ServicerT], servicer: ServicerT, rights: SightOf) -> ServicerT:
    """Gives a servicer of the generated `base` whose every method is answered within what its caller is shown.

    It raises GrantTooNarrow, and what `rights` does.
    """
    # The parameter is no `type[ServicerT]`: for that the type checker takes concrete classes only.
    generated = cast(type[ServicerT], base)
    names = [each for each in vars(generated) if not each.startswith("_")]
    methods = {name: staticmethod(_guarded(name, getattr(servicer, name), rights)) for name in names}
    made: ServicerT = type(generated.__name__, (generated,), methods)()
    return made


def _guarded(name: str, method: Method, rights: SightOf) -> Method:
    async def answer(request: Any, context: Any) -> Any:
        sight = await rights(current_caller())
        if not sight.is_whole and name not in HEED_SIGHT:
            raise GrantTooNarrow
        with seeing(sight):
            return await method(request, context)

    return answer
