"""Runs a Tiltfile under Starlark with builtins that note their calls, and prints these as JSON: `tilt.py FILE CONTEXT`.

The interpreter is the one with starlark-pyo3, the folder the Tiltfile's. A file that fails ends with its words.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import starlark  # type: ignore[import-not-found]
import yaml

NOTED = (
    "allow_k8s_contexts docker_build fall_back_on helm k8s_resource k8s_yaml local local_resource restart_container "
    "run sync watch_file"
).split()
LOADED = ("helm_resource", "helm_repo")
SITE, EXAMPLE = "deploy/platform/site.yaml", "deploy/platform/sites.example.yaml"
PRELUDE = 'os = struct(path = struct(exists = _exists))\nTRIGGER_MODE_MANUAL = "manual"\n'


class Refused(Exception):
    """The Tiltfile's own `fail`."""


def main(file: Path, context: str) -> int:
    """Prints the calls in their order; returns 1 with the message of a `fail`, or of an error."""
    calls: list[dict[str, Any]] = []

    def noting(name: str) -> Any:
        def note(*arguments: Any, **named: Any) -> dict[str, Any]:
            call = {"call": name, "arguments": list(arguments), **named}
            calls.append(call)
            return call

        return note

    def fail(message: str) -> None:
        raise Refused(message)

    globals_ = starlark.Globals.extended_by([starlark.LibraryExtension.StructType])
    extension = starlark.Module()
    for name in LOADED:
        extension.add_callable(name, noting(name))
    extension = extension.freeze()
    module = starlark.Module()
    for name in NOTED:
        module.add_callable(name, noting(name))
    module.add_callable("fail", fail)
    module.add_callable("k8s_context", lambda: context)
    # A developer's own file is not there where this runs; the example has the same fields.
    module.add_callable("_exists", lambda path: path == SITE or os.path.exists(path))
    module.add_callable("read_yaml", lambda path: yaml.safe_load(Path(EXAMPLE if path == SITE else path).read_text()))
    dialect = starlark.Dialect.extended()
    dialect.enable_keyword_only_arguments = True
    try:
        tree = starlark.parse(file.name, PRELUDE + file.read_text(encoding="utf-8"), dialect=dialect)
        starlark.eval(module, tree, globals_, starlark.FileLoader(lambda _: extension))
    except (starlark.StarlarkError, Refused) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(calls))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
