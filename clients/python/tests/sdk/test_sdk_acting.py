"""What the console is told of an act that is sent: done where it was committed, refused where surely nothing was."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pool import Default
from ringfence.client import Client
from ringfence.console_host import sending, work
from ringfence.console_host.work import SdkWork
from ringfence.errors import RingfenceError
from ringfence_console.ports import NotThere, Refused, Unavailable
from ringfence_console.work import Command, Done, Item, Matter, Subject, Words

COMMAND = Command(sending.CLOSE, {"break_id": str(UUID(int=1)), "note": "seen"})
ABOUT = sending.About(Subject.BREAK, str(UUID(int=1)))


def sent(monkeypatch: pytest.MonkeyPatch, answer: Any, read: Any) -> Done:
    """Sends an act: `answer` is its service's, `read` what comes of reading it again; errors are raised."""

    def gives(what: Any) -> Any:
        if isinstance(what, Exception):
            raise what
        return what

    monkeypatch.setattr(sending, "send", lambda *_: gives(answer))
    monkeypatch.setattr(work, "opened", lambda *_: gives(read))
    return SdkWork(cast(Client, None)).send(COMMAND)


@pytest.mark.parametrize(
    "read",
    [
        NotThere("x"),
        RingfenceError("NOT_FOUND", "BREAK_NOT_FOUND", "x"),
        RingfenceError("UNAVAILABLE", "", "x"),
        RingfenceError("PERMISSION_DENIED", "PRINCIPAL_SUSPENDED", "x"),
    ],
)
def test_what_was_committed_is_done_though_it_cannot_be_read(monkeypatch: pytest.MonkeyPatch, read: Exception) -> None:
    """Whoever does not answer, or refuses, when it is read again has not undone it."""
    assert sent(monkeypatch, (Done("CLOSED"), ABOUT), read) == Done("CLOSED")


@pytest.mark.parametrize("code", ["UNAVAILABLE", "DEADLINE_EXCEEDED", "UNKNOWN", "INTERNAL", "CANCELLED", "DATA_LOSS"])
def test_without_an_answer_nobody_says_that_nothing_was_done(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Neither where nobody has answered, nor where a service failed on the way."""
    with pytest.raises(Unavailable):
        sent(monkeypatch, RingfenceError(code, "", "x"), None)


@pytest.mark.parametrize("code", ["NOT_FOUND", "PERMISSION_DENIED", "FAILED_PRECONDITION"])
def test_a_refusal_is_one(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Also of what is not there any more: its page says why it was not done."""
    with pytest.raises(Refused) as refusal:
        sent(monkeypatch, RingfenceError(code, "BREAK_NOT_FOUND", "x"), None)
    assert refusal.value.reason == "BREAK_NOT_FOUND"


ONE, OTHER = UUID(int=1), UUID(int=2)
ACTS = [
    (Subject.PAYMENT, f"{ONE}.{OTHER}", "approve"),
    (Subject.HIT, f"{ONE}.{OTHER}", "release"),
    (Subject.PROPOSAL, f"custody.{ONE}", "confirm"),
    (Subject.EXCEPTION, f"{ONE}.{OTHER}.{ONE}", "void"),
    *((Subject.BREAK, str(ONE), each) for each in ("take", "close", "reopen")),
    *((Subject.DAY, f"{ONE}.EUR.2026-11-30.payment-services", each) for each in ("prepare", "review", "sign")),
]


def command_of(subject: Subject, key: str, act: str) -> Command:
    """Makes the command of an act."""
    item = Item(subject=subject, key=key, reason="", since_ns=0)
    matter = Matter(item=item, details={}, standing={"payload": "ab" * 32})
    return sending.command(matter, act, Words("seen", b"d" * 32))


def names_of(message: Descriptor) -> Iterator[str]:
    """Yields the names of a message's fields, and of those of the messages in it."""
    for each in message.fields:
        yield each.name
        if each.message_type is not None:
            yield from names_of(each.message_type)


@pytest.mark.parametrize(("subject", "key", "act"), ACTS)
def test_a_command_names_what_its_request_has_and_nothing_else(subject: Subject, key: str, act: str) -> None:
    """Whoever reviews it reads that it is sent: so each name is that of a field of the method's request."""
    command = command_of(subject, key, act)
    service, _, method = command.method.removeprefix("custody/").partition("/")
    request = Default().FindServiceByName(service).methods_by_name[method].input_type
    assert set(command.request) <= set(names_of(request))
    assert ("note" in command.request) == ("note" in set(names_of(request)))


@pytest.mark.parametrize(("payload", "is_decided"), [(b"\xab" * 32, True), (b"\xcd" * 32, False), (None, True)])
def test_what_is_decided_is_what_was_reviewed(payload: bytes | None, is_decided: bool) -> None:
    """A proposal with another payload is not; one that waits no longer is its service's to judge."""
    decided = list[Any]()
    waiting = [] if payload is None else [SimpleNamespace(id=ONE, payload_sha256=payload)]
    proposals = SimpleNamespace(waiting=lambda: waiting, decide=lambda *given: decided.append(given) or [""])
    client = cast(Client, SimpleNamespace(proposals={"custody": proposals}))
    command = command_of(*ACTS[2])
    if is_decided:
        assert sending.send(client, command)[1] == sending.About(Subject.PROPOSAL, f"custody.{ONE}")
    else:
        with pytest.raises(Refused) as refusal:
            sending.send(client, command)
        assert refusal.value.reason == "PROPOSAL_CHANGED"
    assert len(decided) == is_decided
