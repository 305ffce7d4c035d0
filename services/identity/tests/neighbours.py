"""Custody, payment-instruction and audit as identity asks them: what they would answer is set by the test."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from ringfence_kernel.values.ids import ZERO_ID, new_id
from ringfence_local_stack.servers.openbao import OpenBaoServer
from ringfence_protos.audit.v1 import taken_over_pb2 as audit
from ringfence_protos.audit.v1 import taken_over_pb2_grpc as audit_rpc
from ringfence_protos.common.v1.feed_pb2 import FeedHead
from ringfence_protos.custody.v1 import custody_pb2 as custody
from ringfence_protos.custody.v1 import custody_pb2_grpc as custody_rpc
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as payments
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2_grpc as payments_rpc


@dataclass
class Neighbours:
    """What the neighbours know: accounts by book and id, holdings and open payments by owner, and what is signed."""

    accounts: dict[tuple[bytes, bytes], custody.AccountOwner] = field(default_factory=dict)
    holdings: dict[bytes, custody.Holdings] = field(default_factory=dict)
    open_payments: dict[bytes, int] = field(default_factory=dict)
    signed: Callable[[], FeedHead] = FeedHead
    addresses: dict[str, str] = field(default_factory=dict)

    def account(self, book: bytes, owner: bytes = ZERO_ID, account_class: int = custody.ACCOUNT_CLASS_CLIENT) -> bytes:
        """Opens an account, and returns its id."""
        account = new_id()
        self.accounts[book, account] = custody.AccountOwner(
            owner_id=owner, account_class=custody.AccountClass.ValueType(account_class)
        )
        return account


class _Custody(custody_rpc.CustodyServiceServicer):
    def __init__(self, known: Neighbours) -> None:
        self._known = known

    def LookUpAccounts(self, request: custody.LookUpAccountsRequest, context: Any) -> custody.LookUpAccountsResponse:
        nobody = custody.AccountOwner(owner_id=ZERO_ID)
        found = [self._known.accounts.get((request.book_id, each), nobody) for each in request.account_ids]
        return custody.LookUpAccountsResponse(accounts=found)

    def LookUpOwners(self, request: custody.LookUpOwnersRequest, context: Any) -> custody.LookUpOwnersResponse:
        found = [self._known.holdings.get(each, custody.Holdings()) for each in request.owner_ids]
        return custody.LookUpOwnersResponse(holdings=found)


class _Payments(payments_rpc.PaymentInstructionServiceServicer):
    def __init__(self, known: Neighbours) -> None:
        self._known = known

    def CountOpenPayments(
        self, request: payments.CountOpenPaymentsRequest, context: Any
    ) -> payments.CountOpenPaymentsResponse:
        return payments.CountOpenPaymentsResponse(
            open=[self._known.open_payments.get(each, 0) for each in request.owner_ids]
        )


class _Audit(audit_rpc.TakenOverServiceServicer):
    def __init__(self, known: Neighbours) -> None:
        self._known = known

    def GetTakenOver(self, request: audit.GetTakenOverRequest, context: Any) -> audit.GetTakenOverResponse:
        head = self._known.signed()
        return audit.GetTakenOverResponse(epoch=head.epoch, position=head.position, hash=head.hash)


@contextmanager
def neighbours(openbao: OpenBaoServer) -> Iterator[Neighbours]:
    """Runs all beside the service, each with the certificate of its workload; `addresses` has where by name."""
    known, servers = Neighbours(), []
    for name, add, servicer in (
        ("custody", custody_rpc.add_CustodyServiceServicer_to_server, _Custody(known)),
        ("payment-instruction", payments_rpc.add_PaymentInstructionServiceServicer_to_server, _Payments(known)),
        ("audit", audit_rpc.add_TakenOverServiceServicer_to_server, _Audit(known)),
    ):
        server = grpc.server(ThreadPoolExecutor(2))
        add(servicer, server)  # type: ignore[operator]
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([_certificate(openbao, name)]))
        server.start()
        servers.append(server)
        known.addresses[name] = f"127.0.0.1:{port}"
    try:
        yield known
    finally:
        for server in servers:
            server.stop(0)


def _certificate(openbao: OpenBaoServer, name: str) -> tuple[bytes, bytes]:
    """Gives key and certificate of a server, which names it as its peers expect."""
    key = ec.generate_private_key(ec.SECP256R1())
    uri = x509.UniformResourceIdentifier(f"spiffe://ringfence.local/service/{name}")
    names = x509.SubjectAlternativeName([uri, x509.DNSName(name)])
    request = x509.CertificateSigningRequestBuilder(x509.Name([])).add_extension(names, False).sign(key, SHA256())
    csr = request.public_bytes(Encoding.PEM).decode()
    signed = openbao.log_in(name).write(f"pki-workload/sign/{name}", csr=csr)["data"]
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem, signed["certificate"].encode()
