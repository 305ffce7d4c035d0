"""What a row of the matrix is, and the people who act in it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

from ringfence.client import Client
from ringfence.identity import ItemResult, NewPrincipal, PrincipalKind, require_done
from ringfence.ids import new_id
from ringfence_local_stack.sandbox.folders import PrincipalFolder
from ringfence_local_stack.scenario import Scenario
from ringfence_protos.identity.v1 import identity_pb2

from ..wire import Wire, methods

ISSUE_TOKEN = next(method for method in methods() if method.descriptor.name == "IssueToken")
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

    def described(self, kind: PrincipalKind, tenant_id: UUID | None = None, **changes: Any) -> Newcomer:
        """Makes keys and certificate of somebody whom nobody has registered yet."""
        identifier = new_id()
        path = self.folder / str(identifier)
        folder = PrincipalFolder.make(path, str(identifier), kind, identifier, tenant_id)
        if twin := changes.pop("key_of", None):
            (path / "signing.key").write_bytes((twin.folder.path / "signing.key").read_bytes())
        folder.equip(self.scenario.stack)
        return Newcomer(self.scenario, folder, replace(folder.new_principal, **changes))

    def operator(self, **changes: Any) -> Newcomer:
        """Makes an operator, registered by the stack's two."""
        made = self.described(PrincipalKind.OPERATOR, **changes)
        first, second = self.scenario.operators
        proposed = only(first.identity.register_principals([made.principal]))
        require_done(second.proposals["identity"].confirm([proposed]))
        return made

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
"""By the name of the method."""


def row(method: str) -> Callable[[Row], Row]:
    """Enters what prepares an act of a method."""

    def enter(prepare: Row) -> Row:
        assert method not in ROWS
        ROWS[method] = prepare
        return prepare

    return enter


def only(results: list[ItemResult]) -> UUID:
    """Returns the proposal of a batch of one."""
    (result,) = results
    assert (result.reason in PENDING, result.proposal_id is not None) == (True, True), result
    assert result.proposal_id is not None
    return result.proposal_id
