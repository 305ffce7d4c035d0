"""A service's state, put together from the states of its modules.

Each module keeps its own part and names the events that it takes in, its siblings' among them. The whole hands every
event to all who named it, and is one state to the writer, to snapshots and to a rebuild.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import ClassVar, Protocol

from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing.journal import Journal


class ModuleState(Protocol):
    """What one module keeps in memory, built from events alone."""

    EVENTS: ClassVar[tuple[type, ...]]
    """The types of all events that it takes in."""

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event; every change goes through the journal. Never refuses a committed event."""

    def digest(self) -> bytes:
        """Returns a hash of it all: equal states, equal digests."""


class SavedModuleState(ModuleState, Protocol):
    """A module's state that can be saved and taken up again; see the kernel's `SavedState`."""

    def save(self) -> Sections:
        """Returns everything that events have said so far."""

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned, into an empty state; raises ValueError or LookupError for another format."""


class States:
    """The states of all modules, as one.

    `digest_format` is raised by whoever changes what a digest is made of: digests of another format, stored by an
    earlier release, say nothing about this one.
    """

    def __init__(self, modules: Mapping[str, ModuleState], digest_format: int) -> None:
        """Takes the modules' states by name; the order counts."""
        self.digest_format = digest_format
        self._modules = dict(modules)
        self._takers: dict[type, list[ModuleState]] = {}
        for module in modules.values():
            for kind in module.EVENTS:
                self._takers.setdefault(kind, []).append(module)

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Hands an event to every module that takes it in; raises KeyError where none does."""
        for module in self._takers[type(recorded.event)]:
            module.apply(recorded, journal)

    def digest(self) -> bytes:
        """Returns SHA-256 over the modules' names and digests, in order."""
        content = sha256()
        for name, module in self._modules.items():
            content.update(len(name).to_bytes(1, "big") + name.encode() + module.digest())
        return content.digest()


class SavedStates(States):
    """The same, where every module's state can be saved."""

    def __init__(self, modules: Mapping[str, SavedModuleState], digest_format: int) -> None:
        """Takes the modules' states by name; the order counts."""
        super().__init__(modules, digest_format)
        self._saved = dict(modules)

    def save(self) -> Sections:
        """Returns the sections of all modules, each named `module/section`."""
        return [
            (f"{name}/{section}", content) for name, module in self._saved.items() for section, content in module.save()
        ]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Gives every module what it saved, or none; raises ValueError or LookupError for another format."""
        empty = {name: memoryview(content) for name, content in self.save()}
        try:
            self._hand_out(sections)
        except Exception:
            self._hand_out(empty)
            raise

    def _hand_out(self, sections: Mapping[str, memoryview]) -> None:
        for name, module in self._saved.items():
            prefix = f"{name}/"
            module.restore({each.removeprefix(prefix): sections[each] for each in sections if each.startswith(prefix)})
