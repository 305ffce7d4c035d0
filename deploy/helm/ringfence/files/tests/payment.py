"""Makes a small payment as a platform, waits for its end, and proves it as a regulator by a receipt."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from ringfence import Client, Credentials, new_id
from ringfence.credentials import Addresses
from ringfence.payments import NewInstruction
from ringfence_verifier import read_leaf, verify_receipt

_LOG_SECONDS = 60.0
_PAUSE_SECONDS = 0.5


def credentials(folder: str) -> Credentials:
    """Returns the credentials of a mounted Secret.

    The SDK refuses keys that others may read, and in a pod the group may: a private copy is read instead.
    """
    with tempfile.TemporaryDirectory() as private:
        for mounted in Path(folder).iterdir():
            if mounted.is_file():
                copy = Path(private, mounted.name)
                copy.touch(mode=0o600)
                shutil.copyfile(mounted, copy)
        return Credentials.load(private)


def pay(platform: Client) -> UUID:
    """Pays a hundredth and returns the payment's id once it is settled; raises SystemExit where it ends otherwise."""
    payment, submission = new_id(), new_id()
    order = NewInstruction(
        id=payment,
        end_to_end_id="helm-test",
        debtor_iban=os.environ["DEBTOR_IBAN"],
        creditor_iban=os.environ["CREDITOR_IBAN"],
        creditor_name=os.environ["CREDITOR_NAME"],
        amount_minor=1,
        currency=os.environ["CURRENCY"],
        # Each run pays with a text of its own: the same payment again within days is held for a look.
        remittance=f"helm test {payment}",
    )
    platform.payments.submit(submission, [order])
    # The watch has no end of its own; the pod has one.
    last = next(
        state
        for change in platform.payments.watch(submission_id=submission)
        for state in change.states
        if state.status.is_end
    )
    if last.status.name != "SETTLED":
        raise SystemExit(f"the payment ended as {last.status.name} {last.reason}".rstrip())
    return payment


def prove(regulator: Client, payment: UUID, log_key: str) -> int:
    """Returns the index of the fact that the payment was settled, whose receipt verifies with the log's public key."""
    end = time.monotonic() + _LOG_SECONDS
    while time.monotonic() < end:
        for leaf in regulator.audit.search(payment):
            fact = read_leaf(leaf.content)
            if "status" in fact.fields and fact.text("status") == "SETTLED":
                return verify_receipt(regulator.audit.receipt(leaf.index).proof, log_key, leaf=leaf.content).index
        time.sleep(_PAUSE_SECONDS)
    raise SystemExit(f"the log does not know the payment's end after {_LOG_SECONDS:g} s")


def main() -> int:
    """Pays and proves; returns the exit code."""
    addresses = Addresses(
        identity=os.environ["IDENTITY_ADDRESS"],
        custody=os.environ["CUSTODY_ADDRESS"],
        payment_instruction=os.environ["PAYMENT_INSTRUCTION_ADDRESS"],
        audit=os.environ["AUDIT_ADDRESS"],
    )
    platform, regulator = (
        Client(addresses, replace(credentials(os.environ[name]), addresses=addresses))
        for name in ("PLATFORM_CREDENTIALS", "REGULATOR_CREDENTIALS")
    )
    with platform, regulator:
        payment = pay(platform)
        index = prove(regulator, payment, os.environ["LOG_KEY"])
    print(f"payment {payment} settled; its receipt proves leaf {index}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
