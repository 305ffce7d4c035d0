"""Names of the ledger's result codes, one byte each on the wire: those of the proto's enums (docs/ledger.md)."""

from ringfence_protos.custody.v1 import custody_pb2

ACCOUNT_STATUS = {
    int(number): name.removeprefix("CREATE_ACCOUNT_STATUS_").lower()
    for name, number in custody_pb2.CreateAccountStatus.items()
}
TRANSFER_STATUS = {
    int(number): name.removeprefix("CREATE_TRANSFER_STATUS_").lower()
    for name, number in custody_pb2.CreateTransferStatus.items()
}


def account_status(code: int) -> str:
    """The name of what became of an account; a code newer than this SDK is named by its number."""
    return ACCOUNT_STATUS.get(code) or f"status_{code}"


def transfer_status(code: int) -> str:
    """The name of what became of a transfer; a code newer than this SDK is named by its number."""
    return TRANSFER_STATUS.get(code) or f"status_{code}"
