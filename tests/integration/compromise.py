"""Somebody with one stolen identity: tries every method that the protos name, with whatever he may know."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import iso4217
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from ringfence.client import Client
from ringfence.credentials import Credentials
from ringfence.ids import new_id
from ringfence.money import to_minor
from ringfence_local_stack.sandbox.birth import spool_folder
from ringfence_local_stack.scenario import Scenario, messages
from ringfence_local_stack.scenario.ibans import new_iban
from ringfence_local_stack.scenario.waiting import LOOK_SECONDS, fresh
from ringfence_local_stack.servers.certificates import CertificateFiles
from ringfence_protos.identity.v1 import identity_pb2

from .wire import Answer, Method, Wire, methods

LARGE_MINOR = 5_000_00
CURRENCIES = sorted(each.code for each in iso4217.Currency if each.exponent is not None)
HELD = ["EUR", "JPY"]
"""What the drills' clients have money in: half of what a thief names, the other half is any."""
ID_BYTES = 16
REFUSED = ("UNAUTHENTICATED", "PERMISSION_DENIED", "FAILED_PRECONDITION")
"""Who is answered so does not get in."""
UNANSWERED = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED", "RESOURCE_EXHAUSTED")
"""Nothing is said yet: the same call may be let in."""
ANSWERED_SECONDS = 30.0
_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
}


@dataclass
class Known:
    """What the thief knows: values by the name of a field, ids by what they are, and what answers have told him."""

    values: dict[str, list[Any]]
    ids: dict[str, list[bytes]]
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    himself: bytes = b""
    """Nobody suspends himself."""
    certificate_of: Callable[[bytes], bytes] = lambda principal: b""
    """SHA-256 of a certificate in a principal's name, validly signed, which is his."""

    def candidates(self, name: str) -> list[bytes]:
        """Ids that may stand in a field of this name, and a new one."""
        singular = name.removesuffix("s")
        kind = next((kind for kind in self.ids if singular.removesuffix("_id").endswith(kind)), "")
        told = self.ids.get(kind) or [each for pool in self.ids.values() for each in pool]
        return [*told, new_id().bytes]

    def learn(self, message: Message) -> None:
        """Keeps the ids of an answer."""
        for descriptor, value in message.ListFields():
            if descriptor.message_type is not None and descriptor.message_type.GetOptions().map_entry:
                continue  # by names, none of which is an id
            each_value = value if descriptor.is_repeated else [value]
            if descriptor.type == FieldDescriptor.TYPE_MESSAGE:
                for each in each_value:
                    self.learn(each)
            elif descriptor.type == FieldDescriptor.TYPE_BYTES:
                kind = descriptor.name.removesuffix("s").removesuffix("_id")
                pool = self.ids.setdefault(kind, [])
                pool += [each for each in each_value if len(each) == ID_BYTES and each not in (*pool, self.himself)]


class Guesses:
    """Plausible requests: every field filled by its name, at random among what is known."""

    def __init__(self, known: Known, seed: int) -> None:
        """The same seed makes the same choices."""
        self._known, self._random = known, random.Random(seed)

    def message(self, descriptor: Descriptor) -> Message:
        """A message with one to three of everything that is repeated."""
        made = GetMessageClass(descriptor)()
        for each in descriptor.fields:
            if self._random.random() < 0.1:
                continue
            if not each.is_repeated:
                self._put(made, each)
                continue
            count = 1 if descriptor.name.endswith("Columns") else self._random.randint(1, 3)
            values = getattr(made, each.name)
            if each.type == FieldDescriptor.TYPE_MESSAGE:
                values.extend(self.message(each.message_type) for _ in range(count))
            else:
                values.extend(self._value(each) for _ in range(count))
        if "certificate_sha256" in descriptor.fields_by_name:
            of = getattr(made, "principal_id", b"") or getattr(made, "id", b"")
            made.certificate_sha256 = self._known.certificate_of(of)
        return made

    def _put(self, made: Message, of: FieldDescriptor) -> None:
        if of.type == FieldDescriptor.TYPE_MESSAGE:
            getattr(made, of.name).CopyFrom(self.message(of.message_type))
        else:
            setattr(made, of.name, self._value(of))

    def _value(self, of: FieldDescriptor) -> Any:
        if of.name in self._known.values:
            value = self._random.choice(self._known.values[of.name])
            return value() if callable(value) else value
        if of.type == FieldDescriptor.TYPE_BYTES:
            return self._random.choice(self._known.candidates(of.name))
        if of.type == FieldDescriptor.TYPE_ENUM:
            return self._random.choice([each.number for each in of.enum_type.values if each.number])
        if of.type == FieldDescriptor.TYPE_BOOL:
            return self._random.random() < 0.5
        if of.cpp_type in _INTEGERS:
            return self._number(of.name)
        return fresh("text ")

    def _number(self, name: str) -> int:
        if name.endswith("_minor"):
            return self._random.choice([1, LARGE_MINOR, 999_999])
        if name.endswith("_ns"):
            return self._random.choice([0, time.time_ns(), time.time_ns() + 10**15])
        return self._random.choice([0, 1, 2, 978])


@dataclass
class Thief:
    """Has one principal's key and certificate, and what he makes of them."""

    scenario: Scenario
    credentials: Credentials
    known: Known
    seed: int
    answered: dict[str, int] = field(default_factory=dict)
    certificates: dict[bytes, CertificateFiles] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """The worst is taken for granted: whoever signs client certificates signs him one for each principal."""
        self.known.certificate_of = self.certificate_of

    def certificate_of(self, principal: bytes) -> bytes:
        """By what identity would know his certificate in a principal's name."""
        if len(principal) != ID_BYTES:
            return b""
        if principal not in self.certificates:
            signed = self.scenario.stack.issue_principal_certificate(str(UUID(bytes=principal)))
            self.certificates[principal] = signed
        pem = self.certificates[principal].certificate.read_bytes()
        return x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA256())

    def walk(self, rounds: int) -> None:
        """Calls every method some times, in an order that changes, and learns from the answers."""
        self.known.himself = self.credentials.principal_id.bytes
        guesses, order = Guesses(self.known, self.seed), random.Random(self.seed)
        wire = Wire(self.scenario.stack, self.credentials)
        try:
            for _ in range(rounds):
                for method in order.sample(open_methods(), len(open_methods())):
                    self._try(wire, method, guesses.message(method.descriptor.input_type))
        finally:
            wire.close()

    def become(self) -> list[Credentials]:
        """Those of the principals brought in with a key of his own that are let in; returns who he is now.

        He has a validly signed certificate for each.
        """
        mine = []
        for principal in self.known.ids.get("principal", []):
            self.certificate_of(principal)
            files = self.certificates[principal]
            as_him = replace(
                self.credentials,
                principal_id=UUID(bytes=principal),
                signing_key=self.known.key,
                certificate_chain_pem=files.certificate.read_bytes(),
                certificate_key_pem=files.key.read_bytes(),
            )
            if self._is_let_in(as_him):
                mine.append(as_him)
        return mine

    def _is_let_in(self, as_him: Credentials) -> bool:
        """Whether he gets a token; asks again until the answer is one, since an outage would hide what he became."""
        wire, end = Wire(self.scenario.stack, as_him), time.monotonic() + ANSWERED_SECONDS
        try:
            while (answer := _token_of(wire, as_him)).code in UNANSWERED and time.monotonic() < end:
                time.sleep(LOOK_SECONDS)
        finally:
            wire.close()
        assert answer.code in ("OK", *REFUSED), answer
        return answer.code == "OK"

    def _try(self, wire: Wire, method: Method, request: Message) -> None:
        answer = wire.call(method, request.SerializeToString(), token=self.token(wire, method))
        if answer.code == "OK":
            self.answered[str(method)] = self.answered.get(str(method), 0) + 1
            if answer.reply:
                self.known.learn(GetMessageClass(method.descriptor.output_type).FromString(answer.reply))

    def token(self, wire: Wire, method: Method) -> str | None:
        """His token for a method that asks for one; a new one every two minutes."""
        if not method.access.scope:
            return None
        held, good_until = self.known.values.setdefault("token of", [("", 0.0)])[0]
        if time.monotonic() > good_until:
            answer = _token_of(wire, self.credentials)
            assert answer.code == "OK", answer
            held = identity_pb2.IssueTokenResponse.FromString(answer.reply).access_token
            self.known.values["token of"] = [(held, time.monotonic() + 120)]
        return str(held)


def _token_of(wire: Wire, credentials: Credentials) -> Answer:
    issue = next(each for each in methods() if each.descriptor.name == "IssueToken")
    request = identity_pb2.IssueTokenRequest(client_assertion=credentials.assertion())
    return wire.call(issue, request.SerializeToString())


def open_methods() -> list[Method]:
    """Every method that asks for a token: workloads and token issue are closed to whoever has no such certificate.

    A key is not rotated: who does that locks himself out.
    """
    return [each for each in methods() if each.access.scope and each.descriptor.name != "RotateKey"]


def left_minor(scenario: Scenario) -> Counter[str]:
    """What the bank was told to pay, in minor units by currency."""
    folder: Path = spool_folder(scenario.stack.directory) / "outbox"
    told = Counter[str]()
    for file in folder.glob("*.xml"):
        if (content := file.read_bytes()).startswith(b"<"):
            for each in messages.sent_payments(content):
                amount = each.element.find("{*}IntrBkSttlmAmt")
                assert amount is not None
                currency = amount.attrib["Ccy"]
                told[currency] += to_minor(amount.text or "", currency)
    return told


def broken_tasks(scenario: Scenario) -> list[str]:
    """What the services' logs say of work that has failed: none of it may, whatever somebody asks for."""
    logs = (scenario.stack.directory / "logs").glob("*.log")
    return [line for log in logs for line in log.read_text().splitlines() if '"event":"task_failed"' in line]


def knowledge(ids: dict[str, list[bytes]], **values: list[Any]) -> Known:
    """What a thief brings along: a key of his own, an account elsewhere, and the usual words."""
    outside, key = new_iban(), Ed25519PrivateKey.generate()
    return Known(
        {
            "public_key": [key.public_key().public_bytes_raw()],
            "creditor_iban": [outside],
            "iban": [new_iban, outside],
            "currency": [*CURRENCIES, *HELD * (len(CURRENCIES) // len(HELD))],
            "name": [lambda: fresh("thief-")],
            "creditor_name": ["A Thief"],
            "country": ["DE"],
            "date_of_birth": ["1980-01-01", ""],
            "identity_number": [lambda: fresh("ID")],
            "note": ["urgent"],
            "page_token": [""],
            "end_to_end_id": [lambda: fresh("E")],
            "list_name": ["scenario", lambda: fresh("list-")],
            "content": [b"name,kind,reference\nNobody,person,1\n"],
            **values,
        },
        ids,
        key,
    )


def allowed_minor(by: Client, tenant_id: UUID, accounts: Mapping[str, int]) -> Counter[str]:
    """What the limits in force let a platform's key pay on a day, in minor units by the currency of its accounts."""
    limits = by.limits.get(tenant_id, list(accounts)).currencies
    return Counter(
        {each.currency: min(each.day_minor, accounts[each.currency] * each.debtor_day_minor) for each in limits}
    )
