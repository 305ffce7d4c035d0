"""Pages that autodoc fills with the docstrings of what is for those outside: the SDK and the verifier."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import PurePosixPath
from types import ModuleType

import ringfence
import ringfence_verifier

from docs.site.reference.markdown import text

SDK, VERIFIER = PurePosixPath("reference/sdk"), PurePosixPath("reference/verifier.md")
_NOT_FOR_CALLERS = {"cli", "commands"}


def pages() -> dict[PurePosixPath, str]:
    """Returns a page for each module of the SDK with something public, one that leads to them, the verifier's."""
    modules = list(_modules(ringfence))
    made = {SDK / f"{module.__name__.rpartition('.')[2]}.md": _page(module) for module in modules}
    below = "\n".join(f"/{path.with_suffix('')}" for path in made)
    rows = "\n".join(
        f"- [{module.__name__}]({module.__name__.rpartition('.')[2]}.md): {text(_first(module))}" for module in modules
    )
    head = f"# Python SDK\n\n{text(_first(ringfence))} `pip install ringfence`; Python 3.11 or newer.\n\n{rows}\n"
    made[SDK / "index.md"] = f"{head}\n```{{toctree}}\n:hidden:\n\n{below}\n```\n"
    made[VERIFIER] = _listed("ringfence_verifier", text(_first(ringfence_verifier)), ringfence_verifier.__all__)
    return made


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for each in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if each.name.rpartition(".")[2] not in _NOT_FOR_CALLERS:
            module = importlib.import_module(each.name)
            if any(_is_own(module, name) for name in vars(module)):
                yield module


def _is_own(module: ModuleType, name: str) -> bool:
    value = vars(module)[name]
    of_kind = inspect.isclass(value) or inspect.isfunction(value)
    return not name.startswith("_") and of_kind and value.__module__ == module.__name__


def _page(module: ModuleType) -> str:
    return (
        f"# {module.__name__}\n\n```{{eval-rst}}\n.. automodule:: {module.__name__}\n   :members:\n"
        "   :undoc-members:\n   :member-order: bysource\n```\n"
    )


def _listed(package: str, head: str, names: list[str]) -> str:
    made = [f"# Verifier\n\n{head}\n\n```{{eval-rst}}", f".. py:module:: {package}\n"]
    for name in names:
        value = getattr(importlib.import_module(package), name)
        kind = "class" if inspect.isclass(value) else "function" if inspect.isfunction(value) else "data"
        kind = "exception" if kind == "class" and issubclass(value, Exception) else kind
        members = "   :members:\n" if kind in {"class", "exception"} else "   :no-value:\n" if kind == "data" else ""
        made.append(f".. auto{kind}:: {package}.{name}\n{members}")
    return "\n".join(made) + "\n```\n"


def _first(module: ModuleType) -> str:
    return (module.__doc__ or "").strip().partition("\n\n")[0]
