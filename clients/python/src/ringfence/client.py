"""The client: four services behind one object, for one principal."""

from pathlib import Path
from types import TracebackType

from ringfence.answers import Answers
from ringfence.audit import Audit
from ringfence.books import BookReads
from ringfence.calendars import Calendars
from ringfence.condition import Conditions
from ringfence.credentials import Addresses, Credentials
from ringfence.custody import Custody
from ringfence.dossiers import Dossiers
from ringfence.errors import CredentialsError
from ringfence.finding import Finding
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
from ringfence.tokens import TokenSource
from ringfence.transport import Connection, Patience, open_channel

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
        tokens = TokenSource(self._channels["identity"], credentials)
        connection = self._connection = Connection(tokens, patience or Patience())
        self.identity = Identity(self._channels["identity"], connection, credentials)
        self.custody = Custody(self._channels["custody"], connection)
        self.safeguarding = Safeguarding(self._channels["custody"], connection)
        self.calendars = Calendars(self._channels["custody"], connection)
        self.registers = Registers(self._channels["custody"], connection)
        self.reconciliation = Reconciliation(self._channels["custody"], connection)
        self.payments = Payments(self._channels["payment-instruction"], connection)
        self.flows = Flows(self._channels["payment-instruction"], connection)
        self.grants = Grants(self._channels["identity"], connection)
        self.limits = Limits(self._channels["payment-instruction"], connection)
        self.answers = Answers(self._channels["payment-instruction"], connection)
        self.statements = Statements(self._channels["payment-instruction"], connection)
        self.audit = Audit(self._channels["audit"], connection)
        self.books = BookReads(self._channels["audit"], connection)
        self.finding = Finding(self._channels["audit"], connection, self.audit)
        self.dossiers = Dossiers(self._channels["audit"], connection, self.audit)
        self.conditions = Conditions(addresses, credentials, tokens)
        self.proposals = {each: Proposals(self._channels[each], connection) for each in _WITH_PROPOSALS}

    @classmethod
    def load(cls, path: Path | str, patience: Patience | None = None) -> "Client":
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
        self.custody.close()
        self._connection.close()
        for channel in self._channels.values():
            channel.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
