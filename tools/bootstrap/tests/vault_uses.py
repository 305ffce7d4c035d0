"""Which paths of Vault the services' code asks for, read from the code."""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import ringfence_kernel
from ringfence_bootstrap.description import SERVICES
from ringfence_kernel.vault import Pki, Transit, VersionedValues

ENGINES = {"transit": Transit, "pki": Pki, "versioned": VersionedValues}
ENGINES_BY_KIND = {engine.__name__: name for name, engine in ENGINES.items()}


@dataclass(frozen=True)
class Use:
    """A call of one of the kernel's methods on Vault, with the name it is given first where that is a constant."""

    method: str
    name: str
    where: str


def methods(engine: type) -> list[str]:
    """Returns the public methods of an engine."""
    return sorted(name for name, made in vars(engine).items() if inspect.iscoroutinefunction(made) and name[0] != "_")


def uses_of(service: str) -> list[Use]:
    """Returns the uses in a service's own code."""
    package = importlib.import_module(f"ringfence_{service.replace('-', '_')}")
    return list(_uses_below(Path(str(package.__file__)).parent))


def uses_of_every_service() -> list[Use]:
    """Returns the uses in the kernel above its `vault`, which are every service's."""
    kernel = Path(str(ringfence_kernel.__file__)).parent
    return [use for use in _uses_below(kernel) if not use.where.startswith("vault/")]


def helped_by(engine: type, method: str) -> set[str]:
    """Returns the public methods of its engine that a method calls itself."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(getattr(engine, method))))
    return {call.func.attr for call in _calls(tree) if ast.unparse(call.func.value) == "self"} & set(methods(engine))


def token_calls() -> set[str]:
    """Returns the paths of what the kernel's session asks about its own token."""
    tree = ast.parse((Path(str(ringfence_kernel.__file__)).parent / "vault" / "session.py").read_text())
    asked = {call.func.attr for call in _calls(tree) if ast.unparse(call.func.value) == "client.auth.token"}
    return {f"auth/token/{name.replace('_', '-')}" for name in asked}


def names_by_kind() -> dict[str, set[str]]:
    """Returns the names under which services and kernel hold each engine, and the files that speak to hvac."""
    found: dict[str, set[str]] = {"hvac": set(), **{kind: set() for kind in ENGINES_BY_KIND}}
    for package in ("ringfence_kernel", *(f"ringfence_{service.replace('-', '_')}" for service in SERVICES)):
        root = Path(str(importlib.import_module(package).__file__)).parent
        for file in sorted(root.rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import | ast.ImportFrom) and "hvac" in ast.unparse(node):
                    found["hvac"].add(f"{package}/{file.relative_to(root).parent}")
                if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
                    kind = ast.unparse(node.annotation)
                    if kind in ENGINES_BY_KIND:
                        found[kind].add(node.arg if isinstance(node, ast.arg) else ast.unparse(node.target))
    return found


def _uses_below(root: Path) -> Iterator[Use]:
    for file in sorted(root.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        constants = _constants(tree)
        for call in _calls(tree):
            receiver = ast.unparse(call.func.value).rsplit(".", 1)[-1].lstrip("_")
            if receiver in ENGINES:
                first = call.args[0]
                name = constants.get(first.id, "") if isinstance(first, ast.Name) else ""
                yield Use(call.func.attr, name, str(file.relative_to(root)))


@dataclass(frozen=True)
class _Call:
    func: ast.Attribute
    args: list[ast.expr]


def _calls(tree: ast.AST) -> Iterator[_Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield _Call(node.func, node.args)


def _constants(tree: ast.Module) -> Mapping[str, str]:
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
