"""The offline verifier: checks receipts, checkpoints and whole logs with nothing but the log's public key.

It imports the standard library and `cryptography` only, shares no code with the service that makes the proofs, and
never takes a key from the evidence it checks.
"""

from pathlib import Path

from ringfence_verifier.answer import Answer, AnswerRefused, verify_answer
from ringfence_verifier.balance import BalanceRefused, Balances, ProvenBalance, verify_balance
from ringfence_verifier.combined import verify_combined
from ringfence_verifier.contradiction import Contradiction, NoContradiction, contradiction
from ringfence_verifier.cosignature import CosignerKey, cosigners
from ringfence_verifier.errors import VerificationError
from ringfence_verifier.index import IndexHash, leaf_keys
from ringfence_verifier.key_following import verify_key_succession
from ringfence_verifier.key_succession import KeySuccession, LogKey, verify_signed
from ringfence_verifier.leaf import Fact, read_leaf
from ringfence_verifier.log import LogAudit, LogSummary, Predecessor, verify_log
from ringfence_verifier.note import Checkpoint, SourceHead, VerifierKey, verify_checkpoint
from ringfence_verifier.page import verify_page
from ringfence_verifier.policy import Policy
from ringfence_verifier.proofs import verify_consistency, verify_inclusion
from ringfence_verifier.receipt import VerifiedLeaf, verify_receipt
from ringfence_verifier.safeguarding import VerifiedDay, day_id, verify_safeguarding
from ringfence_verifier.state import LogState, StatedPolicy, read_state, verify_state
from ringfence_verifier.texts import Opening, open_fact, read_openings, write_openings

PAGE = Path(__file__).with_name("page") / "verify.html"
"""The page that verifies complete answers in a browser; it needs no network."""

__all__ = [
    "PAGE",
    "Answer",
    "AnswerRefused",
    "BalanceRefused",
    "Balances",
    "Checkpoint",
    "Contradiction",
    "CosignerKey",
    "Fact",
    "IndexHash",
    "KeySuccession",
    "LogAudit",
    "LogKey",
    "LogState",
    "LogSummary",
    "NoContradiction",
    "Opening",
    "Policy",
    "Predecessor",
    "ProvenBalance",
    "SourceHead",
    "StatedPolicy",
    "VerificationError",
    "VerifiedDay",
    "VerifiedLeaf",
    "VerifierKey",
    "contradiction",
    "cosigners",
    "day_id",
    "leaf_keys",
    "open_fact",
    "read_leaf",
    "read_openings",
    "read_state",
    "verify_answer",
    "verify_balance",
    "verify_checkpoint",
    "verify_combined",
    "verify_consistency",
    "verify_inclusion",
    "verify_key_succession",
    "verify_log",
    "verify_page",
    "verify_receipt",
    "verify_safeguarding",
    "verify_signed",
    "verify_state",
    "write_openings",
]
