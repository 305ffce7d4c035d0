"""A stack to play on, and who has authority there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ringfence.client import Client
from ringfence.identity import NewPrincipal, PrincipalKind
from ringfence.ids import new_id
from ringfence.ledger import AccountClass
from ringfence.payments import ListFormat
from ringfence.sanctions import ImportedList
from ringfence.transport import Patience

from ringfence_local_stack.errors import LocalStackError
from ringfence_local_stack.sandbox.bank import simulated_bank
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.sandbox.stacks import empty_stack
from ringfence_local_stack.scenario.platform import Platform
from ringfence_local_stack.scenario.waiting import fresh
from ringfence_local_stack.servers.postgres import FLEETING
from ringfence_local_stack.stack.local_stack import LocalStack
from ringfence_local_stack.stack.running import RunningStack

Proposed = TypeVar("Proposed")
Done = TypeVar("Done")
NOBODY = "Nobody At All"
_SCREENING = "payment-instruction"


class Scenario:
    """A running stack with its two operators, its regulator and its bank feed."""

    def __init__(self, sandbox: Sandbox, processes: LocalStack | None = None) -> None:
        self.sandbox = sandbox
        self._processes = processes

    @classmethod
    @contextmanager
    def private(
        cls,
        settings: Mapping[str, str] | None = None,
        patience: Patience | None = None,
        progress: Callable[[str], None] = lambda what: None,
        **options: Any,
    ) -> Iterator[Scenario]:
        """Starts a stack of its own, gone afterwards, on which a sanctions list is in force that nobody stands on.

        `settings` are environment variables for every service; further options as for LocalStack. PostgreSQL waits for
        no disk: what was committed outlives the death of any process, not the machine's.
        """
        options = {"postgres_settings": FLEETING, **options}
        with empty_stack(progress, settings, **options) as stack, Sandbox(stack.running, patience) as sandbox:
            scenario = cls(sandbox, stack)
            if _SCREENING in stack.parts:
                scenario.import_list([NOBODY], "scenario")
            yield scenario

    @classmethod
    @contextmanager
    def attached(cls, directory: Path | None = None, patience: Patience | None = None) -> Iterator[Scenario]:
        """The stack that is up, in the default folder or a named one; no list is imported. Raises StackNotRunning."""
        with Sandbox(LocalStack.attach(directory), patience) as sandbox:
            yield cls(sandbox)

    @property
    def stack(self) -> RunningStack:
        """Where everything is: addresses, certificates, the folder."""
        return self.sandbox.stack

    @property
    def processes(self) -> LocalStack:
        """The parts of a private stack, to be killed and started again; raises LocalStackError for an attached one."""
        if self._processes is None:
            raise LocalStackError("the parts of this stack belong to another process")
        return self._processes

    @property
    def operators(self) -> tuple[Client, Client]:
        """The two operators."""
        return self.sandbox.operators

    @property
    def regulator(self) -> Client:
        """The regulator."""
        return self.sandbox.regulator

    def principal(self, kind: PrincipalKind, name: str = "", platform: Platform | None = None) -> Client:
        """A principal of any kind, registered by the operators; approvers and importers belong to a platform."""
        name = name or fresh(f"{kind.name.lower().replace('_', '-')}-")
        self.sandbox.principal(name, kind, tenant_id=platform.id if platform else None)
        return self.sandbox.client(name)

    def newcomer(self, kind: PrincipalKind, platform: Platform | None = None) -> NewPrincipal:
        """A principal that nobody has registered yet, for acts that two people must do."""
        key = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
        tenant_id = platform.id if platform else None
        return NewPrincipal(id=new_id(), kind=kind, name=fresh("new-"), public_key=key, tenant_id=tenant_id)

    def platform(self, *customers: str, name: str = "", currency: str = "EUR", banked: bool = True) -> Platform:
        """A platform with its second person and customers of these names, each with an account and an IBAN.

        With a suspense account and an account at its bank, unless told otherwise.
        """
        made = Platform(self.sandbox, name or fresh("platform-"), currency)
        assert made.approver
        if banked:
            made.account(AccountClass.SUSPENSE)
            assert made.bank
        made.customers(*customers)
        return made

    def by_two(self, propose: Callable[[Client], Proposed], confirm: Callable[[Client, Proposed], Done]) -> Done:
        """An act of two people: the first operator proposes, the second confirms what came of it."""
        first, second = self.operators
        return confirm(second, propose(first))

    def import_list(
        self, names: Sequence[str], list_name: str = "", *, published_ns: int = 0, operator: Client | None = None
    ) -> int:
        """Puts a sanctions list of persons in force, under a new name or as its next edition; returns its size.

        It is published now unless told otherwise, and keeps to itself: other lists stay in force.
        """
        return self.read_list(names, list_name, published_ns=published_ns, operator=operator).names

    def read_list(
        self, names: Sequence[str], list_name: str = "", *, published_ns: int = 0, operator: Client | None = None
    ) -> ImportedList:
        """The same, with everything that is answered: what the edition changes, and whether it waits."""
        rows = "".join(f'"{name}",person,C-{number}\n' for number, name in enumerate(names))
        content = f"name,kind,reference\n{rows}".encode()
        return self._import(content, ListFormat.CSV, list_name, published_ns, operator)

    def import_list_file(
        self,
        content: bytes,
        list_format: ListFormat,
        list_name: str = "",
        *,
        published_ns: int = 0,
        operator: Client | None = None,
    ) -> int:
        """Puts a file as it was published in force, in the same way."""
        return self._import(content, list_format, list_name, published_ns, operator).names

    def simulated_bank(self, accounts: Sequence[str], fail_amounts: Sequence[str] = ()) -> AbstractContextManager[None]:
        """Lets the bank simulator answer payments while the block lasts, instead of the caller."""
        return simulated_bank(self.stack, accounts, fail_amounts=fail_amounts)

    def _import(
        self, content: bytes, list_format: ListFormat, list_name: str, published_ns: int, operator: Client | None
    ) -> ImportedList:
        caller = operator or self.operators[0]
        return caller.payments.import_sanctions_list(
            list_name or fresh("list-"), list_format, content, published_ns or time.time_ns()
        )
