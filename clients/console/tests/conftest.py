"""A console over the example log, and a browser that was let in."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from ringfence_console import OneTimeLink, console
from starlette.applications import Starlette

from clients.console.tests.asking import HOST, Asking
from clients.console.tests.example import ExampleFacts, host


@dataclass
class Opened:
    """The console as one browser has it; `keys` are those of the links that were given out, `now` is the clock."""

    facts: ExampleFacts = field(default_factory=ExampleFacts)
    keys: list[str] = field(default_factory=list)
    now: float = 100.0

    def __post_init__(self) -> None:
        admission = OneTimeLink(self.keys.append, clock=lambda: self.now)
        self.app: Starlette = console(host(self.facts), admission, [HOST])
        self.ask = Asking(self.app)

    def enter(self) -> int:
        """Follows the newest link."""
        return self.ask(f"/enter?key={self.keys[-1]}").status


@pytest.fixture
def opened() -> Opened:
    """A console that has let nobody in yet."""
    return Opened()


@pytest.fixture
def entered(opened: Opened) -> Opened:
    """A console that has let one browser in."""
    assert opened.enter() == 303
    return opened
