"""A service's state made of its modules' states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import ClassVar

import pytest
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing.journal import Journal
from ringfence_kernel.writing.states import SavedStates, States


@dataclass(frozen=True)
class Opened:
    """A drawer was opened."""

    name: str


@dataclass(frozen=True)
class Closed:
    """A drawer was closed."""

    name: str


@dataclass
class Names:
    """Remembers the names it has heard, in order."""

    EVENTS: ClassVar[tuple[type, ...]] = (Opened, Closed)
    heard: list[str] = field(default_factory=list)

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Adds the name."""
        journal.append(self.heard, recorded.event.name)

    def digest(self) -> bytes:
        """Hashes the names."""
        return sha256(" ".join(self.heard).encode()).digest()

    def save(self) -> Sections:
        """Returns the names."""
        return [("heard", " ".join(self.heard).encode())]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes the names."""
        self.heard = bytes(sections["heard"]).decode().split()


class Openings(Names):
    """Remembers openings alone."""

    EVENTS: ClassVar[tuple[type, ...]] = (Opened,)


def recorded(event: object) -> Recorded:
    """Returns an event as if it had been recorded."""
    return Recorded(1, bytes(16), 1, event, 0, "")


def test_every_module_that_names_an_event_takes_it_in() -> None:
    """An event reaches its own module and the siblings that listen to it, and nobody else."""
    names, openings = Names(), Openings()
    states = States({"names": names, "openings": openings}, digest_format=1)
    for event in (Opened("a"), Closed("a"), Opened("b")):
        states.apply(recorded(event), Journal())
    assert (names.heard, openings.heard) == (["a", "a", "b"], ["a", "b"])


def test_an_event_that_no_module_names_is_an_error() -> None:
    """A state that would silently miss an event is refused instead."""
    with pytest.raises(KeyError):
        States({"openings": Openings()}, digest_format=1).apply(recorded(Closed("a")), Journal())


def test_the_digest_tells_modules_apart() -> None:
    """The same content under another module's name, or moved between modules, is another state."""
    one = States({"a": Names(heard=["x"]), "b": Names()}, 1).digest()
    assert one != States({"a": Names(), "b": Names(heard=["x"])}, 1).digest()
    assert one != States({"c": Names(heard=["x"]), "b": Names()}, 1).digest()
    assert one == States({"a": Names(heard=["x"]), "b": Names()}, 1).digest()


def test_saved_modules_come_back_each_to_its_own() -> None:
    """Sections carry their module's name, so equal names of two modules do not meet."""
    saved = SavedStates({"a": Names(heard=["x"]), "ab": Names(heard=["y", "z"])}, 1)
    back = {"a": Names(), "ab": Names()}
    SavedStates(back, 1).restore({name: memoryview(content) for name, content in saved.save()})
    assert (back["a"].heard, back["ab"].heard) == (["x"], ["y", "z"])


def test_a_snapshot_that_one_module_cannot_read_leaves_all_empty() -> None:
    """A snapshot from before a module existed is taken up by none: a replay begins with nothing."""
    saved = SavedStates({"a": Names(heard=["x"])}, 1).save()
    back = {"a": Names(), "b": Names()}
    with pytest.raises(LookupError):
        SavedStates(back, 1).restore({name: memoryview(content) for name, content in saved})
    assert (back["a"].heard, back["b"].heard) == ([], [])
