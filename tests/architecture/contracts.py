"""Compares what a service writes with what its proto says it writes; empty lists mean that both agree."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, fields
from enum import Enum, IntEnum, StrEnum
from typing import Any, get_args, get_origin, get_type_hints

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import EnumDescriptor, FileDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from ringfence_kernel.feed.published import code_names
from ringfence_kernel.values.descriptions import EventDescription, Facts, FieldDescription, Privacy

UNSPECIFIED = "UNSPECIFIED"
"""Name that buf asks for in place of 0, whatever 0 stands for in the code."""


def event_types(package: str, *, published: bool = True) -> list[type[Any]]:
    """Returns the classes with a TOPIC in a service: those of its domain, which it publishes, or all others."""
    root = importlib.import_module(package)
    found: dict[type[Any], None] = {}
    for module in pkgutil.walk_packages(root.__path__, f"{package}."):
        if module.name.endswith("__main__"):
            continue
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and "TOPIC" in vars(value) and value.__module__.startswith(f"{package}."):
                found[value] = None
    return [each for each in found if ("domain" in each.__module__.split(".")) is published]


def event_differences(events: Iterable[type[Any]], descriptions: Mapping[str, EventDescription]) -> list[str]:
    """Compares event dataclasses with descriptions, both ways: topics, fields, kinds, codes, defaults."""
    written = {event.TOPIC: event for event in events}
    found = [f"{topic}: written, not described" for topic in written.keys() - descriptions.keys()]
    found += [f"{topic}: described, not written" for topic in descriptions.keys() - written.keys()]
    for topic, event in written.items():
        if topic in descriptions:
            found += _field_differences(event, descriptions[topic], whole=True)
    return sorted(found)


def view_differences(views: Iterable[type[Any]], descriptions: Mapping[str, EventDescription]) -> list[str]:
    """Compares what a follower reads of another service's events with their descriptions; it may read less."""
    found = []
    for view in views:
        if view.TOPIC in descriptions:
            found += _field_differences(view, descriptions[view.TOPIC], whole=False)
        else:
            found.append(f"{view.TOPIC}: read, not described")
    return sorted(found)


def unclassed_texts(descriptions: Mapping[str, EventDescription]) -> list[str]:
    """Names the fields of text, codes apart, that say nothing of their privacy, of events that the log takes over."""
    return sorted(
        f"{topic}.{name}: a text without a class"
        for topic, event in descriptions.items()
        for name, each in event.fields.items()
        if is_text(each) and each.privacy is Privacy.UNSPECIFIED and event.facts is not Facts.NONE
    )


def is_text(each: FieldDescription) -> bool:
    """Tells whether a field holds text that is no code."""
    return "str" in each.kind and each.names is None


def code_differences(codes: type[Enum], enum: EnumDescriptor) -> list[str]:
    """Compares numbers, names and order of an enum in the code with the proto's."""
    return _names_differ(codes, code_names(enum))


def with_change(file: FileDescriptor, change: Callable[[descriptor_pb2.FileDescriptorProto], Any]) -> FileDescriptor:
    """Returns a proto file as it would be after a change."""
    pool = DescriptorPool()

    def add(each: FileDescriptor) -> None:
        for dependency in each.dependencies:
            add(dependency)
        proto = descriptor_pb2.FileDescriptorProto()
        each.CopyToProto(proto)
        if each.name == file.name:
            change(proto)
        pool.Add(proto)  # type: ignore[no-untyped-call]

    add(file)
    changed: FileDescriptor = pool.FindFileByName(file.name)
    return changed


def _field_differences(event: type[Any], description: EventDescription, *, whole: bool) -> Iterator[str]:
    topic, hints = event.TOPIC, get_type_hints(event)
    written = {each.name: each for each in fields(event)}
    for name in written.keys() - description.fields.keys():
        yield f"{topic}.{name}: written, not described"
    for name, described in description.fields.items():
        if name not in written:
            if whole:
                yield f"{topic}.{name}: described, not written"
            continue
        if (kind := _kind(hints[name])) != described.kind:
            yield f"{topic}.{name}: {kind} written, {described.kind} described"
        if whole and described.since and not _has_default(written[name]):
            yield f"{topic}.{name}: older events lack it, and it has no default"
        yield from _codes_of(topic, hints[name], described)


def _codes_of(topic: str, hint: Any, described: FieldDescription) -> Iterator[str]:
    if isinstance(hint, type) and issubclass(hint, Enum):
        for difference in _names_differ(hint, described.names or {}):
            yield f"{topic}.{described.name}: {difference}"


def _names_differ(codes: type[Enum], names: Mapping[int, str]) -> list[str]:
    if issubclass(codes, IntEnum):
        ours = [(int(each), each.name) for each in codes]
        theirs = list(names.items())
        # Zero has buf's name where the code has another one, or none.
        if theirs and theirs[0] == (0, UNSPECIFIED):
            theirs = theirs[1:]
            ours = [each for each in ours if each[0] != 0]
    else:
        ours = [(0, str(each.value)) for each in codes]
        theirs = [(0, name) for name in names.values() if name != UNSPECIFIED]
    found = [f"{number} {name}: in the code of {codes.__name__} only" for number, name in ours
             if (number, name) not in theirs]  # fmt: skip
    found += [f"{number} {name}: in the proto only" for number, name in theirs if (number, name) not in ours]
    if not found and issubclass(codes, IntEnum) and ours != theirs:
        found.append(f"{codes.__name__}: another order")
    return found


def _kind(hint: Any) -> str:
    if get_origin(hint) is tuple:
        return f"list[{_kind(get_args(hint)[0])}]"
    if get_origin(hint) is dict:
        key, value = get_args(hint)
        return f"dict[{_kind(key)}, {_kind(value)}]"
    if issubclass(hint, StrEnum):
        return "str"
    if issubclass(hint, IntEnum):
        return "int"
    return str(hint.__name__)


def _has_default(each: Field[Any]) -> bool:
    return each.default is not MISSING or each.default_factory is not MISSING
