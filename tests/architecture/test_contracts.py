"""What services publish is what protos/ describes, and the other way round."""

from __future__ import annotations

from dataclasses import field, make_dataclass
from enum import Enum, IntEnum, StrEnum
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import pytest
from google.protobuf.descriptor import EnumDescriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from ringfence import registers as sdk_registers
from ringfence import result_codes, unproven
from ringfence_audit.evidence.domain.bookings import Flaw, Move
from ringfence_audit.translation.application.translator import PUBLISHED
from ringfence_audit.translation.domain.facts import OF_EVERY_LEAF, RENAMED
from ringfence_custody.ledger.domain.lifecycle import Standing
from ringfence_custody.ledger.domain.result_codes import CreateAccountStatus, CreateTransferStatus
from ringfence_custody.registers.domain.records import LetterKind, LetterState
from ringfence_kernel.calendars.noted import NotedCalendars
from ringfence_kernel.feed.published import code_names, described
from ringfence_kernel.store.codec import EventCodec, open_envelope
from ringfence_kernel.values.descriptions import Facts
from ringfence_payment_instruction.deposits.domain.evidence import Disposition, Outcome
from ringfence_payment_instruction.submissions.domain.status import Directive, Status
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_protos.audit.v1 import events_pb2 as audit
from ringfence_protos.common.v1 import events_pb2 as common
from ringfence_protos.common.v1 import proposal_events_pb2 as proposals
from ringfence_protos.custody.v1 import custody_pb2, registers_pb2
from ringfence_protos.custody.v1 import events_pb2 as custody
from ringfence_protos.identity.v1 import events_pb2 as identity
from ringfence_protos.payment_instruction.v1 import events_pb2 as payment_instruction
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2

from tests.architecture import texts
from tests.architecture.contracts import (
    code_differences,
    event_differences,
    event_types,
    unclassed_texts,
    view_differences,
    with_change,
)
from tests.architecture.documents import DOCS

SERVICES = [
    ("ringfence_identity", identity.DESCRIPTOR),
    ("ringfence_custody", custody.DESCRIPTOR),
    ("ringfence_payment_instruction", payment_instruction.DESCRIPTOR),
    ("ringfence_audit", audit.DESCRIPTOR),
    # What every service publishes of proposals.
    ("ringfence_kernel.proposals", proposals.DESCRIPTOR),
]
CODES = [
    (CreateAccountStatus, custody_pb2.CreateAccountStatus.DESCRIPTOR),
    (CreateTransferStatus, custody_pb2.CreateTransferStatus.DESCRIPTOR),
    (Standing, custody.OwnerStanding.DESCRIPTOR),
    (LetterKind, registers_pb2.LetterKind.DESCRIPTOR),
    (LetterState, registers_pb2.LetterState.DESCRIPTOR),
    (sdk_registers.LetterKind, registers_pb2.LetterKind.DESCRIPTOR),
    (sdk_registers.LetterState, registers_pb2.LetterState.DESCRIPTOR),
    (sdk_registers.AppointmentKind, registers_pb2.AppointmentKind.DESCRIPTOR),
    (Status, payment_instruction_pb2.InstructionStatus.DESCRIPTOR),
    (Directive, payment_instruction.Directive.DESCRIPTOR),
    (Disposition, payment_instruction.Disposition.DESCRIPTOR),
    (Outcome, payment_instruction.EntryOutcome.DESCRIPTOR),
    (Flaw, audit_pb2.Flaw.DESCRIPTOR),
    (unproven.Flaw, audit_pb2.Flaw.DESCRIPTOR),
    (Move, audit_pb2.MirrorMove.DESCRIPTOR),
    (unproven.MirrorMove, audit_pb2.MirrorMove.DESCRIPTOR),
]
OF_THE_KERNEL = {
    "ringfence_identity": NotedCalendars.EVENTS,
    "ringfence_payment_instruction": NotedCalendars.EVENTS,
}
"""What services publish whose classes they share."""
BY_SERVICE = pytest.mark.parametrize(("package", "file"), SERVICES, ids=[package for package, _ in SERVICES])


@BY_SERVICE
def test_every_published_event_is_described(package: str, file: FileDescriptor) -> None:
    """Topics, fields, kinds and defaults of the dataclasses are those of the messages, both ways."""
    written = [*event_types(package), *OF_THE_KERNEL.get(package, ())]
    assert event_differences(written, described(file)) == []


def test_what_is_followed_of_custodys_days_is_described() -> None:
    """Whole: whoever follows custody for its days passes over the rest."""
    views = event_types("ringfence_kernel.calendars", published=False)
    followed = [each for each in views if each not in NotedCalendars.EVENTS]
    assert {each.TOPIC for each in followed} == {"CalendarYear.v1", "BusinessDayOpened.v1"}
    assert view_differences(followed, described(custody.DESCRIPTOR)) == []


@BY_SERVICE
def test_what_a_service_reads_of_others_is_described(package: str, file: FileDescriptor) -> None:
    """A follower's own picture of another service's event has fields and kinds that the other one describes."""
    everything = {topic: each for _, other in SERVICES if other is not file for topic, each in described(other).items()}
    assert view_differences(event_types(package, published=False), everything) == []


@BY_SERVICE
def test_every_description_is_whole(package: str, file: FileDescriptor) -> None:
    """A message is named as its topic, says how audit takes it, and has a byte order where it packs integers."""
    descriptions = described(file)
    assert {each.topic.rsplit(".v", 1)[0] for each in descriptions.values()} == set(file.message_types_by_name)
    for each in descriptions.values():
        assert each.stream
        assert (each.facts == common.FACTS_NONE) is (package == "ringfence_audit")
        packed = [part for part in each.fields.values() if part.packed]
        assert bool(each.rows) is bool(packed)
        assert all(part.order for part in packed if part.width > 1 and part.code)
        assert all(part.kind == "bytes" for part in packed)


@BY_SERVICE
def test_every_text_has_a_class(package: str, file: FileDescriptor) -> None:
    """Of every text an event says whether it may stand in a leaf, so that nobody's words get there unthought."""
    assert unclassed_texts(described(file)) == []


def test_the_list_of_texts_is_that_of_the_descriptions() -> None:
    """docs/texts.md shows every field of text of every event that the log takes over, by class, and no other."""
    _, _, table = (DOCS / "texts.md").read_text(encoding="utf-8").partition("## The list\n")
    listed = [line for line in table.splitlines() if line.startswith("| ")]
    services = [
        ("all", proposals),
        ("identity", identity),
        ("custody", custody),
        ("payment-instruction", payment_instruction),
    ]
    expected = [row for service, module in services for row in texts.rows(service, described(module.DESCRIPTOR))]
    assert listed == [texts.HEAD, *expected]


def test_a_text_without_a_class_is_found() -> None:
    """A new text that nobody has thought about fails the comparison, and so does one in a list or a map."""

    def more(proto: Any) -> None:
        frozen = next(message for message in proto.message_type if message.name == "AccountsFrozen")
        frozen.field.add(name="remark", number=9, type=FieldDescriptorProto.TYPE_STRING)
        frozen.field.add(
            name="remarks",
            number=10,
            type=FieldDescriptorProto.TYPE_STRING,
            label=FieldDescriptorProto.LABEL_REPEATED,
        )

    found = unclassed_texts(described(with_change(custody.DESCRIPTOR, more)))
    assert found == [
        "AccountsFrozen.v1.remark: a text without a class",
        "AccountsFrozen.v1.remarks: a text without a class",
    ]


@pytest.mark.parametrize(("codes", "enum"), CODES, ids=[codes.__name__ for codes, _ in CODES])
def test_every_code_is_in_the_proto(codes: type[IntEnum], enum: EnumDescriptor) -> None:
    """Numbers, names and order of precedence are those of the proto's enum, both ways."""
    assert code_differences(codes, enum) == []


def test_the_sdk_has_the_protos_names_for_result_codes() -> None:
    """The third table is the same one: names in lower case by number."""
    for names, enum in (
        (result_codes.ACCOUNT_STATUS, custody_pb2.CreateAccountStatus.DESCRIPTOR),
        (result_codes.TRANSFER_STATUS, custody_pb2.CreateTransferStatus.DESCRIPTOR),
    ):
        assert names == {number: name.lower() for number, name in code_names(enum).items()}


@BY_SERVICE
def test_encoded_events_have_the_kinds_described(package: str, file: FileDescriptor) -> None:
    """What the codec writes of an event of each topic is, decoded without a schema, of the kinds described."""
    types = event_types(package)
    codec = EventCodec(types)
    for event_type in types:
        topic, state = codec.encode(sample(event_type), 1)
        fields: dict[str, Any] = msgspec.msgpack.decode(open_envelope(state).fields)
        assert list(described(file)[topic].misfits(fields)) == []


def sample(event_type: type[Any]) -> Any:
    """Returns an event with something of the right kind in every field; packed columns are empty."""
    return event_type(**{name: _sample(hint) for name, hint in get_type_hints(event_type).items() if name != "TOPIC"})


def _sample(hint: Any) -> Any:
    if get_origin(hint) is tuple:
        return ()
    if get_origin(hint) is dict:
        key, value = get_args(hint)
        return {_sample(key): _sample(value)}
    return next(iter(hint)) if issubclass(hint, Enum) else hint()


FROZEN = next(each for each in event_types("ringfence_custody") if each.__name__ == "AccountsFrozen")


def custody_differences(*instead: type[Any]) -> list[str]:
    """Compares custody's events, some replaced by others of their topic, with their descriptions."""
    topics = {each.TOPIC: each for each in [*event_types("ringfence_custody"), *instead]}
    return event_differences(topics.values(), described(custody.DESCRIPTOR))


def event_like(base: type[Any], topic: str, *more: Any) -> type[Any]:
    """Returns an event type with more fields, or other kinds, than another."""
    return make_dataclass("Changed", more, bases=(base,), namespace={"TOPIC": topic}, frozen=True)


def test_an_event_added_in_the_code_alone_is_found() -> None:
    """A topic that is written and not described fails the comparison."""
    assert custody_differences(event_like(FROZEN, "AccountsMelted.v1")) == ["AccountsMelted.v1: written, not described"]


def test_an_event_taken_out_of_the_code_alone_is_found() -> None:
    """A topic that is described and not written fails the comparison."""
    fewer = [each for each in event_types("ringfence_custody") if each is not FROZEN]
    assert event_differences(fewer, described(custody.DESCRIPTOR)) == ["AccountsFrozen.v1: described, not written"]


def test_a_field_added_in_the_code_alone_is_found() -> None:
    """A field that is written and not described fails the comparison."""
    more = event_like(FROZEN, FROZEN.TOPIC, ("until_ns", int, field(default=0)))
    assert custody_differences(more) == ["AccountsFrozen.v1.until_ns: written, not described"]


def test_a_field_of_another_kind_is_found() -> None:
    """A field that is written as a text and described as bytes fails the comparison."""
    other = event_like(FROZEN, FROZEN.TOPIC, ("ordered_by", str))
    assert custody_differences(other) == ["AccountsFrozen.v1.ordered_by: str written, bytes described"]


def test_a_field_without_a_default_cannot_be_younger_than_its_topic() -> None:
    """A field that older events lack needs a default, or they could not be read any more."""

    def younger(proto: Any) -> None:
        frozen = next(message for message in proto.message_type if message.name == "AccountsFrozen")
        frozen.field[2].options.Extensions[common.since] = 2

    found = event_differences(event_types("ringfence_custody"), described(with_change(custody.DESCRIPTOR, younger)))
    assert found == ["AccountsFrozen.v1.ordered_by: older events lack it, and it has no default"]


def test_an_event_or_field_added_in_the_proto_alone_is_found() -> None:
    """What is described and not written fails the comparison."""

    def more(proto: Any) -> None:
        added = proto.message_type.add(name="AccountsMelted")
        added.options.Extensions[common.event].MergeFrom(
            common.Event(topic="AccountsMelted.v1", facts=common.FACTS_ONE)
        )
        frozen = next(message for message in proto.message_type if message.name == "AccountsFrozen")
        frozen.field.add(name="until_ns", number=9, type=FieldDescriptorProto.TYPE_UINT64)

    found = event_differences(event_types("ringfence_custody"), described(with_change(custody.DESCRIPTOR, more)))
    assert found == ["AccountsFrozen.v1.until_ns: described, not written", "AccountsMelted.v1: described, not written"]


def test_a_code_added_in_the_code_alone_is_found() -> None:
    """A result code that the proto does not list fails the comparison."""
    more = IntEnum("More", [(each.name, each.value) for each in CreateTransferStatus] + [("MOON_IS_FULL", 250)])  # type: ignore[misc]
    found = code_differences(more, custody_pb2.CreateTransferStatus.DESCRIPTOR)
    assert found == ["250 MOON_IS_FULL: in the code of More only"]


def test_a_code_added_in_the_proto_alone_is_found() -> None:
    """A result code that the ledger never answers fails the comparison."""

    def more(proto: Any) -> None:
        enum = next(each for each in proto.enum_type if each.name == "CreateTransferStatus")
        enum.value.add(name="CREATE_TRANSFER_STATUS_MOON_IS_FULL", number=250)

    enum = with_change(custody_pb2.DESCRIPTOR, more).enum_types_by_name["CreateTransferStatus"]
    assert code_differences(CreateTransferStatus, enum) == ["250 MOON_IS_FULL: in the proto only"]


def test_a_state_added_in_the_code_alone_is_found() -> None:
    """A KYC state that the proto does not list fails the comparison of the event that carries it."""
    changed = next(each for each in event_types("ringfence_identity") if each.__name__ == "KycChanged")
    states = StrEnum("States", {each.name: each.value for each in get_type_hints(changed)["after"]} | {"X": "X"})
    topics = {each.TOPIC: each for each in event_types("ringfence_identity")}
    topics[changed.TOPIC] = event_like(changed, changed.TOPIC, ("after", states))
    written = [*topics.values(), *OF_THE_KERNEL["ringfence_identity"]]
    found = event_differences(written, described(identity.DESCRIPTOR))
    assert found == ["KycChanged.v1.after: 0 X: in the code of States only"]


def test_a_column_of_another_width_is_found() -> None:
    """A column whose bytes are not one value per row as described does not fit."""
    fields = {"timestamp_ns": 1, "order_reference": "x", "ordered_by": bytes(16), "account": bytes(7)}
    [found] = described(custody.DESCRIPTOR)["AccountsFrozen.v1"].misfits(fields)
    assert found == "AccountsFrozen.v1: account does not have one value per row"


def test_no_field_takes_the_place_of_what_every_leaf_says() -> None:
    """A fact states its source, position, ordinal and time: a field of such a name would stand there instead."""
    fields = {
        (source, topic, name)
        for source, events in PUBLISHED.items()
        for topic, event in events.items()
        if event.facts is Facts.ONE
        for name in event.fields
    }
    assert not {each for each in fields if each[2] in OF_EVERY_LEAF - RENAMED.keys()}
