"""One gRPC service served by several modules, each with the methods that are its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

ServicerT = TypeVar("ServicerT")


def joined(base: Callable[[], ServicerT], *parts: object) -> ServicerT:
    """Returns a servicer of the generated `base` whose every method is that of the one part that has it.

    Raises TypeError where a method is served by none of the parts, or by two: a service with a hole never starts.
    """
    # The parameter is no `type[ServicerT]`: for that the type checker takes concrete classes only.
    generated = cast(type[ServicerT], base)
    methods: dict[str, Any] = {}
    for name in (each for each in vars(generated) if not each.startswith("_")):
        found = [part for part in parts if hasattr(part, name)]
        if len(found) != 1:
            raise TypeError(f"{generated.__name__}.{name} is served by {len(found)} parts")
        methods[name] = staticmethod(getattr(found[0], name))
    made: ServicerT = type(generated.__name__, (generated,), methods)()
    return made
