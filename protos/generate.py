"""Generates the Python code of the protos into gen/, the same bytes for the same pinned tools."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

PROTOS = Path(__file__).parent
PACKAGE = "ringfence_protos"
# protoc derives Python imports from the proto's path; the package has a name of its own beside the SDK's.
IMPORTS = re.compile(r"^(from|import) ringfence\.", re.MULTILINE)


def main() -> int:
    """Replaces gen/ringfence_protos with fresh code; returns protoc's exit status."""
    sources = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.glob("ringfence/**/*.proto"))
    bin_folder = Path(sys.executable).parent
    well_known = resources.files("grpc_tools") / "_proto"
    with tempfile.TemporaryDirectory() as scratch:
        status: int = protoc.main(
            [
                "protoc",
                f"--proto_path={PROTOS}",
                f"--proto_path={well_known}",
                *(f"--plugin=protoc-gen-{kind}={bin_folder / f'protoc-gen-{kind}'}" for kind in ("mypy", "mypy_grpc")),
                *(f"--{kind}_out={scratch}" for kind in ("python", "grpc_python")),
                *(f"--{kind}_out=quiet:{scratch}" for kind in ("mypy", "mypy_grpc")),
                *sources,
            ]
        )
        if status == 0:
            install(Path(scratch) / "ringfence", PROTOS / "gen" / PACKAGE)
    return status


def install(generated: Path, target: Path) -> None:
    """Moves generated modules into the package, with imports that name it."""
    shutil.rmtree(target, ignore_errors=True)
    for path in sorted(generated.rglob("*.py*")):
        text = IMPORTS.sub(rf"\1 {PACKAGE}.", path.read_text(encoding="utf-8"))
        destination = target / path.relative_to(generated)
        destination.parent.mkdir(parents=True, exist_ok=True)
        destination.write_text(text, encoding="utf-8")
    for folder in [target, *(path for path in target.rglob("*") if path.is_dir())]:
        (folder / "__init__.py").touch()
    (target / "py.typed").touch()


if __name__ == "__main__":
    sys.exit(main())
