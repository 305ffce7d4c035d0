"""The offline verifier: checks receipts, checkpoints and whole logs with nothing but the log's public key.

It imports the standard library and `cryptography` only, shares no code with the service that makes the proofs, and
never takes a key from the evidence it checks.
"""

from ringfence_verifier.cosignature import CosignerKey, cosigners
from ringfence_verifier.errors import VerificationError
from ringfence_verifier.key_succession import KeySuccession, LogKey, verify_key_succession
from ringfence_verifier.leaf import Fact, read_leaf
from ringfence_verifier.log import LogAudit, LogSummary, Predecessor, verify_log
from ringfence_verifier.note import Checkpoint, SourceHead, VerifierKey, verify_checkpoint
from ringfence_verifier.policy import Policy
from ringfence_verifier.proofs import verify_consistency, verify_inclusion
from ringfence_verifier.receipt import VerifiedLeaf, verify_receipt
from ringfence_verifier.safeguarding import VerifiedDay, day_id, verify_safeguarding
from ringfence_verifier.state import LogState, read_state, verify_state

__all__ = [
    "Checkpoint",
    "CosignerKey",
    "Fact",
    "KeySuccession",
    "LogAudit",
    "LogKey",
    "LogState",
    "LogSummary",
    "Policy",
    "Predecessor",
    "SourceHead",
    "VerificationError",
    "VerifiedDay",
    "VerifiedLeaf",
    "VerifierKey",
    "cosigners",
    "day_id",
    "read_leaf",
    "read_state",
    "verify_checkpoint",
    "verify_consistency",
    "verify_inclusion",
    "verify_key_succession",
    "verify_log",
    "verify_receipt",
    "verify_safeguarding",
    "verify_state",
]
