"""One gRPC service served by several modules, each with the methods that are its own."""

from __future__ import annotations

from typing import Any, TypeVar

ServicerT = TypeVar("ServicerT")


def joined(base: type[ServicerT], *parts: object) -> ServicerT:
    """Returns a servicer of the generated `base` whose every method is that of the one part that has it.

    Raises TypeError where a method is served by none of the parts, or by two: a service with a hole never starts.
    """
    methods: dict[str, Any] = {}
    for name in (each for each in vars(base) if not each.startswith("_")):
        found = [part for part in parts if hasattr(part, name)]
        if len(found) != 1:
            raise TypeError(f"{base.__name__}.{name} is served by {len(found)} parts")
        methods[name] = staticmethod(getattr(found[0], name))
    made: ServicerT = type(base.__name__, (base,), methods)()
    return made
