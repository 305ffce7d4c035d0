"""Documents that the code must agree with."""

from __future__ import annotations

import importlib
import pkgutil
import re
from typing import Any
from uuid import UUID

import pytest
from ringfence.ids import external_id as sdk_external_id
from ringfence_kernel.store import chain_hash
from ringfence_kernel.values import ids
from ringfence_kernel.values.errors import DomainError

from tests.architecture.documents import DOCS, vectors

PACKAGES = (
    "ringfence_kernel",
    "ringfence_identity",
    "ringfence_custody",
    "ringfence_payment_instruction",
    "ringfence_audit",
)
ROW = re.compile(r"^\| `([A-Z0-9_]+)` \| ([A-Z_]+) \|", re.MULTILINE)


def all_errors() -> set[tuple[str, str]]:
    """Returns (reason, code) of every refusal that the code can give."""
    for package in map(importlib.import_module, PACKAGES):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    found, open_classes = set(), list(DomainError.__subclasses__())
    while open_classes:
        error = open_classes.pop()
        open_classes += error.__subclasses__()
        if error.__module__.split(".")[0] in PACKAGES and "reason" in vars(error):
            found.add((error.reason, error.code))
    return found


def test_every_refusal_is_documented() -> None:
    """docs/errors.md lists every reason of the code with its gRPC code, and no other."""
    documented = set(ROW.findall((DOCS / "errors.md").read_text(encoding="utf-8")))
    assert documented == all_errors()


def by_sdk(domain: str, tenant: bytes, key: str) -> bytes:
    """Maps a key as the SDK does, which has UUIDs for ids."""
    return sdk_external_id(domain, UUID(bytes=tenant), key).bytes


@pytest.mark.parametrize("make", [ids.external_id, by_sdk])
def test_external_ids_agree_with_the_vectors(make: Any) -> None:
    """Kernel and SDK map outside keys as docs/formats.md shows."""
    assert len(vectors("external_id")) == 2
    for vector in vectors("external_id"):
        made = make(vector["domain"], bytes.fromhex(vector["tenant"]), vector["key"])
        assert made.hex() == vector["id"]
        assert ids.show(made) == vector["shown"]


def test_feed_chain_agrees_with_the_vectors() -> None:
    """The chain hash is the one that docs/formats.md shows."""
    assert vectors("feed_chain")
    for vector in vectors("feed_chain"):
        assert vector["hash"] == (
            chain_hash(
                bytes.fromhex(vector["previous"]),
                vector["position"],
                bytes.fromhex(vector["stream"]),
                vector["version"],
                vector["topic"],
                bytes.fromhex(vector["state"]),
            ).hex()
        )
