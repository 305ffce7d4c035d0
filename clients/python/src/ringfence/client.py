"""The client: four services behind one object, for one principal."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from ringfence.credentials import Addresses, Credentials
from ringfence.errors import CredentialsError, client_closed
from ringfence.tokens import TokenSource
from ringfence.transport import Connection, Patience, open_channel

if TYPE_CHECKING:
    from ringfence.answers import Answers
    from ringfence.audit import Audit
    from ringfence.books import BookReads
    from ringfence.calendars import Calendars
    from ringfence.condition import Conditions
    from ringfence.custody import Custody
    from ringfence.dossiers import Dossiers
    from ringfence.finding import Finder
    from ringfence.flows import Flows
    from ringfence.grants import Grants
    from ringfence.identity import Identity
    from ringfence.limits import Limits
    from ringfence.payments import Payments
    from ringfence.proposals import Proposals
    from ringfence.reconciliation import Reconciliation
    from ringfence.registers import Registers
    from ringfence.safeguarding import Safeguarding
    from ringfence.statements import Statements

Part = TypeVar("Part")
_WITH_PROPOSALS = ("identity", "custody", "payment-instruction")


class Client:
    """Calls the services as one principal; blocking and thread-safe.

    Connects at the first call. Every call has a deadline and is repeated, within `patience`, while its service is
    unavailable; this is safe because every write carries ids that its caller chose. `proposals` are what waits for a
    second person, by service.
    """

    def __init__(self, addresses: Addresses, credentials: Credentials, patience: Patience | None = None) -> None:
        self.addresses, self.credentials = addresses, credentials
        targets = {
            "identity": addresses.identity,
            "custody": addresses.custody,
            "payment-instruction": addresses.payment_instruction,
            "audit": addresses.audit,
        }
        self._channels = {service: open_channel(address, service, credentials) for service, address in targets.items()}
        self._tokens = TokenSource(self._channels["identity"], credentials)
        self._connection = Connection(self._tokens, patience or Patience())
        self._parts: dict[tuple[str, str], Any] = {}
        self._lock, self._is_closed = threading.Lock(), False

    @property
    def identity(self) -> Identity:
        from ringfence.identity import Identity  # late

        return self._part(Identity, "identity", self.credentials)

    @property
    def custody(self) -> Custody:
        from ringfence.custody import Custody  # late

        return self._part(Custody, "custody")

    @property
    def safeguarding(self) -> Safeguarding:
        from ringfence.safeguarding import Safeguarding  # late

        return self._part(Safeguarding, "custody")

    @property
    def calendars(self) -> Calendars:
        from ringfence.calendars import Calendars  # late

        return self._part(Calendars, "custody")

    @property
    def registers(self) -> Registers:
        from ringfence.registers import Registers  # late

        return self._part(Registers, "custody")

    @property
    def reconciliation(self) -> Reconciliation:
        from ringfence.reconciliation import Reconciliation  # late

        return self._part(Reconciliation, "custody")

    @property
    def payments(self) -> Payments:
        from ringfence.payments import Payments  # late

        return self._part(Payments, "payment-instruction")

    @property
    def flows(self) -> Flows:
        from ringfence.flows import Flows  # late

        return self._part(Flows, "payment-instruction")

    @property
    def grants(self) -> Grants:
        from ringfence.grants import Grants  # late

        return self._part(Grants, "identity")

    @property
    def limits(self) -> Limits:
        from ringfence.limits import Limits  # late

        return self._part(Limits, "payment-instruction")

    @property
    def answers(self) -> Answers:
        from ringfence.answers import Answers  # late

        return self._part(Answers, "payment-instruction")

    @property
    def statements(self) -> Statements:
        from ringfence.statements import Statements  # late

        return self._part(Statements, "payment-instruction")

    @property
    def audit(self) -> Audit:
        from ringfence.audit import Audit  # late

        return self._part(Audit, "audit")

    @property
    def books(self) -> BookReads:
        from ringfence.books import BookReads  # late

        return self._part(BookReads, "audit")

    @property
    def finding(self) -> Finder:
        from ringfence.finding import Finder  # late

        return self._part(Finder, "audit", self.audit)

    @property
    def dossiers(self) -> Dossiers:
        from ringfence.dossiers import Dossiers  # late

        return self._part(Dossiers, "audit", self.audit)

    @property
    def conditions(self) -> Conditions:
        from ringfence.condition import Conditions  # late

        return Conditions(self.addresses, self.credentials, self._tokens)

    @property
    def proposals(self) -> Mapping[str, Proposals]:
        """What waits for a second person, by service."""
        from ringfence.proposals import Proposals  # late

        return {each: self._part(Proposals, each) for each in _WITH_PROPOSALS}

    def _part(self, kind: type[Part], service: str, *more: object) -> Part:
        """A part that calls one service, made when it is asked for first; raises CLIENT_CLOSED once that is too late.

        gRPC ends the process that makes a stub on a closed channel.
        """
        make: Any = kind
        with self._lock:
            key = (kind.__name__, service)
            if key not in self._parts:
                if self._is_closed:
                    raise client_closed()
                self._parts[key] = make(self._channels[service], self._connection, *more)
            part: Part = self._parts[key]
            return part

    @classmethod
    def load(cls, path: Path | str, patience: Patience | None = None) -> Client:
        """A client for a credentials directory that also names the addresses; raises CredentialsError."""
        credentials = Credentials.load(path)
        if credentials.addresses is None:
            raise CredentialsError(f"{path} names no addresses: give them to Client(addresses, credentials)")
        return cls(credentials.addresses, credentials, patience)

    def role(self) -> tuple[str, frozenset[str]]:
        """The caller's role, such as "operator", and its scopes, as its token says; raises RingfenceError."""
        claims = self._connection.claims()
        return str(claims["roles"][0]), frozenset(str(claims["scope"]).split())

    def close(self) -> None:
        """Ends all connections, once what is being created in custody is answered."""
        with self._lock:
            self._is_closed = True
            custody = self._parts.get(("Custody", "custody"))
        if custody:
            custody.close()
        self._connection.close()
        for channel in self._channels.values():
            channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
