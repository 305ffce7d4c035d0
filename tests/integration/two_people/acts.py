"""What a row of the matrix is, and the people who act in it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from ringfence.client import Client
from ringfence.errors import RingfenceError
from ringfence.identity import ItemResult, NewPrincipal, PrincipalKind, require_done
from ringfence.ids import new_id
from ringfence_local_stack.sandbox.folders import CERTIFICATE, CERTIFICATE_KEY, PrincipalFolder
from ringfence_local_stack.scenario import Scenario
from ringfence_local_stack.scenario.waiting import eventually
from ringfence_protos.identity.v1 import identity_pb2

from ..wire import WITH_PROPOSALS, Wire, methods

ISSUE_TOKEN = next(method for method in methods() if method.descriptor.name == "IssueToken")
HEARD_SECONDS = 60
"""Within how long every service has heard of a suspension, on whatever machine."""
LAPSING_SECONDS = (5, 20, 60)
"""How long a role lasts that is to end once it was used: a longer one where the machine was too slow for it."""
Done = TypeVar("Done")
PENDING = frozenset({"APPROVAL_PENDING"})


@dataclass(frozen=True)
class Act:
    """One act: `propose` calls the method and returns the proposal's id, `happened` looks whether it was done."""

    service: str
    propose: Callable[[Client], UUID]
    happened: Callable[[], bool]


@dataclass
class People:
    """The stack's two operators, who prepare and look, and others."""

    scenario: Scenario
    folder: Path

    @cached_property
    def proposer(self) -> Newcomer:
        """Another operator, who proposes and nothing else."""
        return self.operator()

    @cached_property
    def twin(self) -> Newcomer:
        """Another principal and person, whose assertions the proposer's key signs."""
        return self.operator(key_of=self.proposer, public_key=self.proposer.principal.public_key)

    @cached_property
    def other_self(self) -> Newcomer:
        """Another principal with a key and certificate of its own, of the proposer's person."""
        return self.operator(person_id=self.proposer.principal.id)

    @cached_property
    def same_certificate(self) -> Newcomer:
        """Another principal and person with a key of its own, over the proposer's certificate, pinned for both."""
        return self.operator(
            certificate_of=self.proposer, certificate_sha256=self.proposer.principal.certificate_sha256
        )

    @cached_property
    def suspended(self) -> Newcomer:
        """An operator with tokens that every service has seen, suspended since."""
        made = self.operator().seen()
        require_done(self.scenario.operators[0].identity.suspend_principals([made.principal.id], "left the company"))
        assert eventually(lambda: all(map(made.is_refused, WITH_PROPOSALS)), HEARD_SECONDS)
        return made

    @cached_property
    def lapsed(self) -> Newcomer:
        """An operator whose role has ended by date, after every service has seen a token."""
        made = self.before_it_ends(LAPSING_SECONDS, Newcomer.seen)
        time.sleep(max(0.0, made.principal.until_ns / 10**9 - time.time()))
        return made

    def before_it_ends(self, seconds: Sequence[int], do: Callable[[Newcomer], Done]) -> Done:
        """Returns what a new operator has done before the role ends, in as many seconds; once more where it was not."""
        for each in seconds:
            made = self.described(PrincipalKind.OPERATOR)
            until_ns = time.time_ns() + each * 10**9
            try:
                return do(self.registered(made.until(until_ns)))
            except (RingfenceError, AssertionError):
                if time.time_ns() < until_ns or each == seconds[-1]:
                    raise
        raise AssertionError("for no time at all")

    def described(self, kind: PrincipalKind, tenant_id: UUID | None = None, **changes: Any) -> Newcomer:
        """Makes keys and certificate of somebody whom nobody has registered yet."""
        identifier = new_id()
        path = self.folder / str(identifier)
        folder = PrincipalFolder.make(path, str(identifier), kind, identifier, tenant_id)
        if twin := changes.pop("key_of", None):
            (path / "signing.key").write_bytes((twin.folder.path / "signing.key").read_bytes())
        folder.equip(self.scenario.stack)
        if twin := changes.pop("certificate_of", None):
            for name in (CERTIFICATE, CERTIFICATE_KEY):
                (path / name).write_bytes((twin.folder.path / name).read_bytes())
        return Newcomer(self.scenario, folder, replace(folder.new_principal, **changes))

    def operator(self, **changes: Any) -> Newcomer:
        """Makes an operator, registered by the stack's two."""
        return self.registered(self.described(PrincipalKind.OPERATOR, **changes))

    def registered(self, made: Newcomer) -> Newcomer:
        """Has the stack's two operators register somebody."""
        first, second = self.scenario.operators
        proposed = only(first.identity.register_principals([made.principal]))
        require_done(second.proposals["identity"].confirm([proposed]))
        return made

    def refuse_what_waits(self) -> None:
        """Has nothing wait any more: whoever proposes the same again is answered by what waits, whosever that is."""
        second = self.scenario.operators[1]
        for service in WITH_PROPOSALS:
            if waiting := [each.id for each in second.proposals[service].waiting()]:
                second.proposals[service].refuse(waiting, "from before")

    def platform(self) -> Client:
        """Makes a platform, registered by the stack's two operators."""
        return self.scenario.principal(PrincipalKind.PLATFORM)


@dataclass
class Newcomer:
    """Somebody with a key and a certificate."""

    scenario: Scenario
    folder: PrincipalFolder
    principal: NewPrincipal
    _client: Client | None = None

    @property
    def client(self) -> Client:
        """Calls as this principal."""
        if self._client is None:
            credentials = self.folder.credentials()
            assert credentials.addresses is not None
            self._client = Client(credentials.addresses, credentials)
        return self._client

    def until(self, until_ns: int) -> Newcomer:
        """Returns the same, not registered yet, with a role that ends by date."""
        return replace(self, principal=replace(self.principal, until_ns=until_ns))

    def seen(self) -> Newcomer:
        """Returns this one once every service has seen a token."""
        for service in WITH_PROPOSALS:
            self.client.proposals[service].waiting()
        return self

    def is_refused(self, service: str) -> bool:
        """Tells whether a service has heard that this one may decide nothing any more."""
        try:
            (result,) = self.client.proposals[service].confirm([new_id()])
        except RingfenceError as refused:
            return refused.reason == "PRINCIPAL_NOT_ACTIVE"
        return result.reason == "PRINCIPAL_NOT_ACTIVE"

    def claims(self) -> dict[str, Any]:
        """Returns what a fresh token of theirs says, empty where identity refuses one."""
        credentials = self.folder.credentials()
        wire = Wire(self.scenario.stack, credentials)
        request = identity_pb2.IssueTokenRequest(client_assertion=credentials.assertion())
        answer = wire.call(ISSUE_TOKEN, request.SerializeToString())
        wire.close()
        if answer.code != "OK":
            return {}
        _, claims, _ = identity_pb2.IssueTokenResponse.FromString(answer.reply).access_token.split(".")
        told: dict[str, Any] = json.loads(base64.urlsafe_b64decode(claims + "=="))
        return told


Row = Callable[[People], Act]
ROWS: dict[str, Row] = {}
"""By the name of the method, and of what it makes where each of that is an effect of its own: `Method:WHAT`."""


def row(method: str, what: str = "") -> Callable[[Row], Row]:
    """Enters what prepares an act of a method."""
    name = f"{method}:{what}" if what else method

    def enter(prepare: Row) -> Row:
        assert name not in ROWS
        ROWS[name] = prepare
        return prepare

    return enter


def method_of(name: str) -> str:
    """Returns the method of a row."""
    return name.partition(":")[0]


def only(results: list[ItemResult]) -> UUID:
    """Returns the proposal of a batch of one."""
    (result,) = results
    assert (result.reason in PENDING, result.proposal_id is not None) == (True, True), result
    assert result.proposal_id is not None
    return result.proposal_id
