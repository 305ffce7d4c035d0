"""Movements after a snapshot: as they were in memory."""

from ringfence_payment_instruction.statements.domain.movements import Movements
from ringfence_payment_instruction.statements.domain.state import State

from .bank import MIRROR
from .test_movements import World, _detail, _entry


def test_a_snapshot_finds_movements_in_the_order_in_which_memory_does() -> None:
    """One that has learned something later is found where it was."""
    world = World()
    twice = [_entry(1_000, _detail(iban), ref="R") for iban in ("NORA", "IVO")]
    world.statement(0, 2_000, *twice)
    for number, iban in enumerate(("NORA", "IVO")):
        world.news(_entry(1_000, _detail(iban, ref=f"T{number}"), ref="R"))
        known = world.books.known
        restored = Movements.restored(known.save())
        said = [each.told.references for each in known.known.values()]
        assert [[*known.by_references(each)] for each in said] == [[*restored.by_references(each)] for each in said]


def test_a_snapshot_counts_on() -> None:
    """What a mirror's changes are numbered by goes on after it."""
    world = World()
    world.news(_entry(1_000, _detail("NORA"), ref="X"))
    state, restored = world.books.state, State()
    restored.restore({name: memoryview(content) for name, content in state.save()})
    assert (restored.changes, restored.digest()) == (state.changes, state.digest())
    assert restored.changes[MIRROR] > 0
