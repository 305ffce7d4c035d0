"""The verifier is a product of its own: what it needs, and what its README shows."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from .notes import Signer, base64, leaf, tree_hash

README = Path(__file__).parents[1] / "README.md"
FOREIGN = ("ringfence", "ringfence_protos", "ringfence_kernel", "grpc", "google.protobuf", "google.rpc", "typer")


def _run(code: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def test_importing_it_loads_nothing_but_itself_and_cryptography(tmp_path: Path) -> None:
    """A process that imports the verifier has loaded neither gRPC nor protobuf nor the SDK."""
    code = "import json, sys; import ringfence_verifier; print(json.dumps(list(sys.modules)))"
    loaded = json.loads(_run(code, tmp_path))
    assert {"ringfence_verifier.receipt", "cryptography"} <= set(loaded)
    assert [name for name in loaded if name in FOREIGN or name.startswith(tuple(f"{each}." for each in FOREIGN))] == []


def test_readme_example_proves_a_receipt(tmp_path: Path) -> None:
    """The README's example prints the fact that a receipt carries, once the key has signed for it."""
    signer, fact = Signer(), leaf("test", name="value")
    root = base64(tree_hash([fact]))
    note = signer.note(signer.name, "1", root)
    (tmp_path / "payment.receipt").write_text(f"c2sp.org/tlog-proof@v1\nextra {base64(fact)}\nindex 0\n\n{note}")
    (tmp_path / "log.vkey").write_text(f"{signer.vkey}\n")
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert _run(example, tmp_path) == "0 {'name': 'value'}\n"
