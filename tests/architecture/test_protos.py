"""The contract and its generated code."""

from __future__ import annotations

import filecmp
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import descriptor_pool
from ringfence_protos.audit.v1 import audit_pb2, disclosure_pb2, taken_over_pb2
from ringfence_protos.audit.v1 import events_pb2 as audit_events_pb2
from ringfence_protos.common.v1 import (
    access_pb2,
    condition_pb2,
    feed_pb2,
    postal_address_pb2,
    proposal_events_pb2,
    proposals_pb2,
)
from ringfence_protos.common.v1 import events_pb2 as common_events_pb2
from ringfence_protos.custody.v1 import (
    calendars_pb2,
    closings_pb2,
    custody_pb2,
    reconciliation_pb2,
    registers_pb2,
    safeguarding_pb2,
)
from ringfence_protos.custody.v1 import events_pb2 as custody_events_pb2
from ringfence_protos.identity.v1 import events_pb2 as identity_events_pb2
from ringfence_protos.identity.v1 import identity_pb2
from ringfence_protos.payment_instruction.v1 import answers_pb2, payment_instruction_pb2, statements_pb2
from ringfence_protos.payment_instruction.v1 import events_pb2 as payment_instruction_events_pb2

PROTOS = Path(__file__).parents[2] / "protos"
FILES = (
    answers_pb2,
    audit_pb2,
    disclosure_pb2,
    taken_over_pb2,
    feed_pb2,
    proposals_pb2,
    condition_pb2,
    calendars_pb2,
    closings_pb2,
    custody_pb2,
    reconciliation_pb2,
    registers_pb2,
    safeguarding_pb2,
    identity_pb2,
    payment_instruction_pb2,
    statements_pb2,
)
WITHOUT_METHODS = (
    access_pb2,
    common_events_pb2,
    proposal_events_pb2,
    audit_events_pb2,
    custody_events_pb2,
    identity_events_pb2,
    payment_instruction_events_pb2,
)
VALUES = (postal_address_pb2,)
METHODS = [
    method for file in FILES for service in file.DESCRIPTOR.services_by_name.values() for method in service.methods
]


def test_generated_code_is_reproducible(tmp_path: Path) -> None:
    """Generating again gives the committed bytes."""
    copy = tmp_path / "protos"
    shutil.copytree(PROTOS, copy, ignore=shutil.ignore_patterns("gen", "*.egg-info"))
    subprocess.run([sys.executable, copy / "generate.py"], check=True)
    fresh, committed = copy / "gen" / "ringfence_protos", PROTOS / "gen" / "ringfence_protos"
    names = sorted(str(path.relative_to(fresh)) for path in fresh.rglob("*") if path.is_file())
    there = sorted(
        str(path.relative_to(committed))
        for path in committed.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )
    assert names == there
    assert filecmp.cmpfiles(fresh, committed, names, shallow=False) == (names, [], [])


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)
def test_every_method_says_who_may_call_it(method: object) -> None:
    """A method has exactly one access rule."""
    access = method.GetOptions().Extensions[access_pb2.access]  # type: ignore[attr-defined]
    assert [bool(access.scope), bool(access.workloads), access.certificate_only].count(True) == 1


def test_the_pool_knows_every_service() -> None:
    """Every file but one holds one service, none forgotten by the tests above."""
    names = {service.full_name for file in FILES for service in file.DESCRIPTOR.services_by_name.values()}
    assert len(names) == len(FILES) + 1
    for name in names:
        assert descriptor_pool.Default().FindServiceByName(name)


def test_every_file_is_known_here() -> None:
    """A proto is either one with services, or one without any: options, descriptions of events, values."""
    there = {str(path.relative_to(PROTOS)) for path in PROTOS.glob("ringfence/**/*.proto")}
    assert there == {file.DESCRIPTOR.name for file in FILES + WITHOUT_METHODS + VALUES}
    assert not any(file.DESCRIPTOR.services_by_name for file in WITHOUT_METHODS + VALUES)


def test_descriptions_of_events_are_never_answered() -> None:
    """No method takes or returns a description, and no message on the wire holds one."""
    events = {message for file in WITHOUT_METHODS for message in file.DESCRIPTOR.message_types_by_name.values()}
    on_the_wire = {message for method in METHODS for message in (method.input_type, method.output_type)}
    open_messages = list(on_the_wire)
    while open_messages:
        held = {each.message_type for each in open_messages.pop().fields if each.message_type is not None}
        open_messages += held - on_the_wire
        on_the_wire |= held
    assert not events & on_the_wire
