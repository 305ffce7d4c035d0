"""The contract, from the descriptor set that protoc makes of the protos: methods, messages, events, codes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path, PurePosixPath

from google.protobuf import descriptor_pb2 as pb
from grpc_tools import protoc
from ringfence_protos.common.v1 import access_pb2, events_pb2

from docs.site.places import ROOT
from docs.site.reference.markdown import anchor, code, table, text
from docs.site.reference.refusals import Refusal, of_method

FOLDER = PurePosixPath("reference/api")
SERVICES = {"identity", "custody", "payment-instruction", "audit"}
_NESTED, _FIELD, _ENUM_IN_MESSAGE, _VALUE, _METHOD = 3, 2, 4, 2, 2
_MESSAGES, _ENUMS, _SERVICES, _SYNTAX = 4, 5, 6, 12
"""Numbers of fields in descriptors, of which paths to comments are made (descriptor.proto, SourceCodeInfo)."""
_KINDS = {
    pb.FieldDescriptorProto.Type.Value(f"TYPE_{name.upper()}"): name
    for name in "bool bytes double fixed32 fixed64 float int32 int64 sfixed64 sint64 string uint32 uint64".split()
}
_REPEATED = pb.FieldDescriptorProto.LABEL_REPEATED


def pages() -> dict[PurePosixPath, str]:
    """Returns a page for each proto, and one that leads to all methods."""
    files = descriptor_set()
    made = {FOLDER / f"{_name(file)}.md": _page(file) for file in files}
    made[FOLDER / "index.md"] = _index(files)
    return made


def descriptor_set() -> Sequence[pb.FileDescriptorProto]:
    """Returns the protos as protoc reads them, with comments; raises RuntimeError where it does not."""
    protos = ROOT / "protos"
    sources = sorted(str(path.relative_to(protos)) for path in protos.glob("ringfence/**/*.proto"))
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "all.pb"
        known = resources.files("grpc_tools") / "_proto"
        paths = [f"--proto_path={protos}", f"--proto_path={known}"]
        if protoc.main(["protoc", *paths, "--include_source_info", f"--descriptor_set_out={target}", *sources]):
            raise RuntimeError("protoc does not read the protos")
        return pb.FileDescriptorSet.FromString(target.read_bytes()).file


class _Comments:
    """The comments of a file, by the path to what they stand before."""

    def __init__(self, file: pb.FileDescriptorProto) -> None:
        self._by_path = {tuple(each.path): each for each in file.source_code_info.location}

    def of(self, *path: int) -> str:
        """Returns the comment before a thing as one paragraph, without orders to linters."""
        found = self._by_path.get(path)
        lines = found.leading_comments.splitlines() if found else []
        return text(" ".join(line for line in lines if "buf:lint" not in line))


def _name(file: pb.FileDescriptorProto) -> str:
    _, package, _, name = file.name.removesuffix(".proto").split("/")
    return package if name == package else f"{package}-{name}"


def _index(files: Sequence[pb.FileDescriptorProto]) -> str:
    rows = []
    for file in files:
        comments = _Comments(file)
        for index, service in enumerate(file.service):
            for number, method in enumerate(service.method):
                link = f"[{method.name}](#{file.package}.{service.name}.{method.name})".lower().replace(
                    f"[{method.name.lower()}]", f"[{method.name}]"
                )
                says = comments.of(_SERVICES, index, _METHOD, number)
                rows.append([link, f"[{service.name}]({_name(file)}.md)", _access(method, short=True), says])
    below = "\n".join(f"/{FOLDER}/{_name(file)}" for file in files)
    return (
        f"# Methods and messages\n\nEvery method of the four services, from the protos. {len(rows)} methods; "
        "the protos themselves are in `protos/ringfence`. What refuses any call, in which order, stands in "
        "[Errors](../../errors.md); a page of a service has what its methods may be refused for beyond that.\n\n"
        f"{table(['method', 'service', 'who may call it', 'does'], rows)}\n```{{toctree}}\n:hidden:\n\n{below}\n```\n"
    )


def _page(file: pb.FileDescriptorProto) -> str:
    comments = _Comments(file)
    parts = [f"# {_name(file).replace('-', ': ').replace('_', ' ')}\n"]
    parts.append(f"`{file.name}`, package `{file.package}`. {comments.of(_SYNTAX)}\n")
    for index, service in enumerate(file.service):
        parts += _service(file, service, comments, index)
    described = [each for each in file.message_type if each.options.HasExtension(events_pb2.event)]
    plain = [each for each in file.message_type if not each.options.HasExtension(events_pb2.event)]
    for title, messages in (("Events", described), ("Messages", plain)):
        if messages:
            parts.append(f"## {title}\n")
        for message in messages:
            place = list(file.message_type).index(message)
            parts += _message(message, f"{file.package}.{message.name}", comments, (_MESSAGES, place))
    if file.enum_type:
        parts.append("## Codes\n")
    for index, enum in enumerate(file.enum_type):
        parts += _enum(enum, f"{file.package}.{enum.name}", comments, (_ENUMS, index))
    return "\n".join(parts)


def _service(
    file: pb.FileDescriptorProto, service: pb.ServiceDescriptorProto, comments: _Comments, index: int
) -> Iterator[str]:
    owner = file.package.split(".")[1].replace("_", "-")
    yield f"## {service.name}\n"
    yield f"{comments.of(_SERVICES, index)}\n"
    for number, method in enumerate(service.method):
        yield anchor(f"{file.package}.{service.name}.{method.name}") + f"### {method.name}\n"
        yield f"{comments.of(_SERVICES, index, _METHOD, number)}\n"
        asks = ("a stream of " if method.client_streaming else "") + _link(method.input_type)
        answers = ("a stream of " if method.server_streaming else "") + _link(method.output_type)
        yield f"- {code(f'/{file.package}.{service.name}/{method.name}')}"
        yield f"- May be called by {_access(method)}."
        yield f"- Asks {asks}, answers {answers}."
        if owner in SERVICES and (found := of_method(owner, method.name)):
            yield f"- Refusals of its module, beyond those of every call: {_reasons(found)}."
        yield ""


def _reasons(found: Sequence[Refusal]) -> str:
    return ", ".join(code(each.reason) for each in found)


def _access(method: pb.MethodDescriptorProto, *, short: bool = False) -> str:
    access = method.options.Extensions[access_pb2.access]
    if access.certificate_only:
        who = "any client certificate"
    elif access.workloads:
        who = f"{', '.join(access.workloads)}{'' if short else ' by their certificates'}"
    else:
        who = code(access.scope) if short else f"a token with the scope {code(access.scope)}"
    return who + ("; proposes, another person confirms" if access.two_people else "")


def _message(message: pb.DescriptorProto, name: str, comments: _Comments, path: tuple[int, ...]) -> Iterator[str]:
    if message.options.map_entry:
        return
    event = message.options.Extensions[events_pb2.event]
    yield anchor(name) + f"### {message.name}\n"
    yield f"{comments.of(*path)}\n"
    if event.topic:
        yield f"Topic {code(event.topic)}, in the stream of its {text(event.stream) or 'own'}.\n"
    maps = {each.name: each for each in message.nested_type if each.options.map_entry}
    rows = (
        [code(each.name), _type(each, maps), _group(message, each), comments.of(*path, _FIELD, index)]
        for index, each in enumerate(message.field)
    )
    yield table(["field", "type", "one of", "meaning"], rows)
    for index, nested in enumerate(message.nested_type):
        yield from _message(nested, f"{name}.{nested.name}", comments, (*path, _NESTED, index))
    for index, enum in enumerate(message.enum_type):
        yield from _enum(enum, f"{name}.{enum.name}", comments, (*path, _ENUM_IN_MESSAGE, index))


def _group(message: pb.DescriptorProto, field: pb.FieldDescriptorProto) -> str:
    grouped = field.HasField("oneof_index") and not field.proto3_optional
    return text(message.oneof_decl[field.oneof_index].name) if grouped else ""


def _type(field: pb.FieldDescriptorProto, maps: Mapping[str, pb.DescriptorProto]) -> str:
    entry = maps.get(field.type_name.rpartition(".")[2])
    if entry is not None:
        return f"map of {_type(entry.field[0], {})} to {_type(entry.field[1], {})}"
    kind = _KINDS.get(field.type) or _link(field.type_name)
    prefix = "list of " if field.label == _REPEATED else "optional " if field.proto3_optional else ""
    return prefix + kind


def _link(type_name: str) -> str:
    name = type_name.removeprefix(".")
    short = name.rpartition(".")[2]
    return f"[{short}](#{name.lower()})" if name.startswith("ringfence.") else code(short)


def _enum(enum: pb.EnumDescriptorProto, name: str, comments: _Comments, path: tuple[int, ...]) -> Iterator[str]:
    yield anchor(name) + f"### {enum.name}\n"
    yield f"{comments.of(*path)}\n"
    rows = (
        [str(each.number), code(each.name), comments.of(*path, _VALUE, index)] for index, each in enumerate(enum.value)
    )
    yield table(["number", "name", "meaning"], rows)
