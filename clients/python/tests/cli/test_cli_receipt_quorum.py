"""`ringfence verify receipt` by a policy of witnesses."""

from __future__ import annotations

from pathlib import Path

from clients.verifier.tests.mirrors import Log
from clients.verifier.tests.notes import Signer, base64, path

from .test_cli_whole_log import WITNESSES, cosigned, policy_of, run


def test_a_receipt_is_held_to_its_quorum(tmp_path: Path) -> None:
    """By the checkpoint that it brings."""
    log = Log()
    log.grow(2)
    proof = "".join(f"{base64(each)}\n" for each in path(0, log.leaves))
    head = f"c2sp.org/tlog-proof@v1\nextra {base64(log.leaves[0])}\nindex 0\n{proof}\n"
    policy = str(policy_of(tmp_path, WITNESSES[0].public.text())[0])
    for by, holds in (([0], True), ([], False)):
        (tmp_path / "receipt").write_text(head + cosigned(log.note(), *by))
        done = run("verify", "receipt", str(tmp_path / "receipt"), "--key", Signer().vkey, "--policy", policy)
        assert (done.exit_code == 0) == holds, done.exception
        assert ("witnessed by w0 at 15 Jan 2027 08:00:00.000 UTC" in done.output) == holds
    assert "lacks its quorum" in str(done.exception)
