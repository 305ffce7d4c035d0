"""The sandbox's principals as clients: registered by its two operators, each with a credentials directory."""

import base64
import hashlib
from pathlib import Path
from types import TracebackType
from uuid import UUID

from ringfence.client import Client
from ringfence.errors import CredentialsError
from ringfence.identity import PrincipalKind, require_done
from ringfence.ids import new_id
from ringfence.transport import Patience

from ringfence_local_stack.sandbox.birth import BANK_FEED, LOG_ORIGIN, OPERATORS, REGULATOR, principals_folder
from ringfence_local_stack.sandbox.folders import CERTIFICATE, CERTIFICATE_KEY, PrincipalFolder
from ringfence_local_stack.servers.certificates import CertificateFiles
from ringfence_local_stack.stack.running import RunningStack

APPROVAL_PENDING = frozenset({"APPROVAL_PENDING"})
MIGRATION_SECONDS = 30 * 86_400
_MEMBERS = (PrincipalKind.PLATFORM_APPROVER, PrincipalKind.IMPORTER)


class Sandbox:
    """A running stack, as whichever of its principals is needed; close it to end the connections."""

    def __init__(self, stack: RunningStack, patience: Patience | None = None) -> None:
        self.stack = stack
        self._patience = patience
        self._clients: dict[str, Client] = {}

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for client in self._clients.values():
            client.close()

    @property
    def operators(self) -> tuple[Client, Client]:
        """The two operators."""
        return self.client(OPERATORS[0]), self.client(OPERATORS[1])

    @property
    def regulator(self) -> Client:
        """The regulator."""
        return self.client(REGULATOR)

    @property
    def bank_feed(self) -> Client:
        """The bank that hands in notifications."""
        return self.client(BANK_FEED)

    def folder_of(self, name: str) -> Path:
        """The credentials directory that a principal of this name has, or would have."""
        return principals_folder(self.stack.directory) / name

    def names(self) -> list[str]:
        """The principals that have a directory."""
        return sorted(path.name for path in principals_folder(self.stack.directory).iterdir() if path.is_dir())

    def client(self, name: str) -> Client:
        """A client as this principal; raises CredentialsError for an unknown name."""
        if name not in self._clients:
            folder = PrincipalFolder.open(self.folder_of(name))
            if folder is None:
                known = ", ".join(self.names())
                raise CredentialsError(
                    f"the sandbox has no principal {name!r}: make one with `ringfence keys` ({known})"
                )
            folder.equip(self.stack)
            client = self._connected(folder)
            if folder.is_ending:
                with client:
                    folder.renew(client)
                client = self._connected(folder)
            self._clients[name] = client
        return self._clients[name]

    def _connected(self, folder: PrincipalFolder) -> Client:
        credentials = folder.credentials()
        assert credentials.addresses is not None
        return Client(credentials.addresses, credentials, self._patience)

    def principal(
        self,
        name: str,
        kind: PrincipalKind,
        *,
        tenant_id: UUID | None = None,
        principal_id: UUID | None = None,
        path: Path | None = None,
    ) -> PrincipalFolder:
        """The principal of this name, made and registered where it is new: one operator proposes, the other confirms.

        The platform of approvers and importers is `tenant_id`. `path` is another directory than the stack's own.
        """
        where = path or self.folder_of(name)
        folder = PrincipalFolder.open(where)
        if folder is None:
            identifier = principal_id or new_id()
            tenant = identifier if kind is PrincipalKind.PLATFORM else tenant_id
            if kind in _MEMBERS and tenant is None:
                raise CredentialsError(f"{kind.name.lower()} principals belong to a platform: name it")
            folder = PrincipalFolder.make(where, name, kind, identifier, tenant)
        folder.equip(self.stack)
        first, second = self.operators
        (result,) = first.identity.register_principals([folder.new_principal])
        require_done([result], APPROVAL_PENDING)
        if result.proposal_id is not None:
            require_done(second.proposals["identity"].confirm([result.proposal_id]))
        if kind is PrincipalKind.IMPORTER and folder.tenant_id is not None:
            self._open_migration(folder.tenant_id)
        return folder

    def _open_migration(self, book_id: UUID) -> None:
        """Has both operators open a window for the importer, whose id is the book's; does nothing while it is open."""
        first, second = self.operators
        proposal = first.custody.open_migration(book_id, book_id, seconds=MIGRATION_SECONDS, reason="sandbox")
        if proposal is not None:
            require_done(second.proposals["custody"].confirm([proposal]))

    def certificate_files(self, name: str) -> CertificateFiles:
        """The client certificate of a principal that exists, for what is not done through the SDK."""
        self.client(name)
        return CertificateFiles(self.folder_of(name) / CERTIFICATE, self.folder_of(name) / CERTIFICATE_KEY)

    def log_key(self) -> str:
        """The public key of the audit log in C2SP vkey text, got from OpenBao by its operator and not from the log."""
        answer = self.stack.openbao.admin().read("transit/keys/audit-checkpoint")["data"]
        newest = answer["keys"][str(answer["latest_version"])]["public_key"]
        key = b"\x01" + base64.b64decode(newest)
        key_id = hashlib.sha256(LOG_ORIGIN.encode() + b"\n" + key).digest()[:4].hex()
        return f"{LOG_ORIGIN}+{key_id}+{base64.b64encode(key).decode()}"
