"""Verifies a dossier offline, with nothing but the log's public key: `verify_dossier`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from ringfence_verifier.dossier import manifest as named
from ringfence_verifier.dossier.container import Entry, require_canonical, unpack
from ringfence_verifier.dossier.evidence import (
    Proven,
    pieces_of,
    proven_facts,
    read_steps,
    require_one_history,
    sizes_of,
)
from ringfence_verifier.dossier.manifest import Manifest, read_manifest, require_listed
from ringfence_verifier.dossier.refused import DossierRefused
from ringfence_verifier.dossier.tables import ShownFact, raw_csv, raw_json
from ringfence_verifier.errors import VerificationError
from ringfence_verifier.key_following import verify_key_succession
from ringfence_verifier.key_succession import KeySuccession
from ringfence_verifier.leaf import Fact, read_leaf
from ringfence_verifier.note import Checkpoint
from ringfence_verifier.policy import Policy
from ringfence_verifier.receipt import verify_receipt
from ringfence_verifier.texts import Opening, open_fact, read_openings

READ_KIND, BIND_METHOD = "audit.read.v1", "BindDossier"


@dataclass(frozen=True)
class Binding:
    """The fact by which the log has a dossier: its index, who has made it (16 bytes), when (UTC nanoseconds)."""

    index: int
    reader_id: bytes
    time_ns: int
    checkpoint: Checkpoint


@dataclass(frozen=True)
class Dossier:
    """A dossier that holds: its facts in order of the log, the newest checkpoint, and the fact that binds it.

    `witnesses` has cosigned the checkpoint when (POSIX seconds), by the policy that was asked for. `entries` are its
    files; those that are not computed again here (words, page, instructions) are what the maker has bound, no more.
    """

    manifest: Manifest
    facts: tuple[ShownFact, ...]
    checkpoint: Checkpoint
    note: str
    binding: Binding
    keys: KeySuccession
    entries: tuple[Entry, ...]
    witnesses: Mapping[bytes, int] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Tells whether there are no other facts about what was asked; else they are those that its maker was shown."""
        return self.manifest.is_complete


def verify_dossier(content: bytes, key: str | KeySuccession, *, policy: Policy | None = None) -> Dossier:
    """Checks a dossier offline: that nothing in it was changed, left out, added or put elsewhere, and what it proves.

    The key is a vkey, or all that the log was followed to. Raises DossierRefused, which names why and where;
    VerificationError where the key is none.
    """
    known = KeySuccession.of(key) if isinstance(key, str) else key
    entries = unpack(content)
    files = dict(entries)
    manifest = read_manifest(_file(files, named.MANIFEST))
    keys, relied, binding = _require_unchanged(content, entries, manifest, known)
    pieces = [piece for each in manifest.questions for piece in pieces_of(each, files, keys)]
    stray = sorted(set(_under(files, "answers/")) - {name for each in manifest.questions for name in each.files})
    if stray:
        raise DossierRefused("FILE_ADDED", "it answers no question", stray[0])
    note = _text(files, named.CHECKPOINT)
    newest = _checkpoint(note, keys, named.CHECKPOINT)
    sizes = sizes_of([*(each.checkpoint for each in pieces), *relied, newest])
    if sizes[-1] != newest or (newest.origin, newest.size, newest.root) != (
        manifest.origin,
        manifest.size,
        manifest.root,
    ):
        raise DossierRefused("CHECKPOINT_REFUSED", "it is not the newest, or not the manifest's", named.CHECKPOINT)
    require_one_history(sizes, read_steps(_file(files, named.CONSISTENCY)), named.CONSISTENCY)
    later = sizes_of([newest, binding.checkpoint])
    if later[-1].size != binding.checkpoint.size:
        raise DossierRefused("BINDING_REFUSED", "it is of a log before the dossier's", named.BINDING_RECEIPT)
    steps = read_steps(_file(files, named.BINDING_CONSISTENCY), named.BINDING_CONSISTENCY)
    require_one_history(later, steps, named.BINDING_CONSISTENCY)
    proven = proven_facts(pieces)
    facts = _opened(proven, files)
    _require_derived(files, proven, facts)
    seen = _witnessed(note, keys, policy)
    return Dossier(manifest, tuple(facts), newest, note, binding, keys, tuple(entries), seen)


def derived(proven: Sequence[Proven], facts: Sequence[ShownFact]) -> dict[str, bytes]:
    """Gives the files that follow from proven facts alone, by their names: tables of raw values, and receipts."""
    receipts = {f"{named.RECEIPTS}{each.index:012d}": each.receipt().encode() for each in proven}
    return {named.RAW_CSV: raw_csv(facts), named.RAW_JSON: raw_json(facts), **receipts}


def is_binding(fact: Fact, digest: bytes) -> bool:
    """Tells whether a fact binds the dossier whose manifest has a SHA-256."""
    is_act = fact.kind == READ_KIND and fact.fields.get("method") == BIND_METHOD
    return is_act and fact.fields.get("query_manifest_sha256") == digest


def _require_unchanged(
    content: bytes, entries: Sequence[Entry], manifest: Manifest, known: KeySuccession
) -> tuple[KeySuccession, list[Checkpoint], Binding]:
    """Demands the files of the manifest, and the manifest of the log; what is wrong is told of its own file."""
    files, problem = dict(entries), None
    keys, relied, binding = known, list[Checkpoint](), None
    try:
        keys, relied = _followed(files, known)
        binding = _bound(files, keys)
    except DossierRefused as error:
        problem = error
    # Where the log has another manifest than this, what this one says of its files says nothing of them.
    if problem is None or problem.reason != "MANIFEST_CHANGED":
        require_listed(manifest, entries)
    if problem is not None or binding is None:
        raise problem or DossierRefused("BINDING_REFUSED", "there is none")
    require_canonical(content, list(entries))
    return keys, relied, binding


def _followed(files: Mapping[str, bytes], known: KeySuccession) -> tuple[KeySuccession, list[Checkpoint]]:
    """Follows the log's keys by the receipts of their leaves; gives the checkpoints too that were relied on for it."""
    keys, relied, name = known, list[str](), ""
    try:
        for name in _under(files, named.KEYS):
            keys, notes = verify_key_succession([_text(files, name)], keys)
            relied += notes
        return keys, [keys.verify_checkpoint(note) for note in relied]
    except DossierRefused:
        raise
    except VerificationError as error:
        raise DossierRefused("KEYS_REFUSED", str(error), name) from error


def _bound(files: Mapping[str, bytes], keys: KeySuccession) -> Binding:
    try:
        proven = verify_receipt(_text(files, named.BINDING_RECEIPT), keys)
        fact = read_leaf(proven.leaf)
        found = Binding(proven.index, fact.content("reader_id"), fact.integer("time_ns"), proven.checkpoint)
    except DossierRefused:
        raise
    except VerificationError as error:
        raise DossierRefused("BINDING_REFUSED", str(error), named.BINDING_RECEIPT) from error
    if not is_binding(fact, sha256(files[named.MANIFEST]).digest()):
        if fact.kind != READ_KIND or fact.fields.get("method") != BIND_METHOD:
            raise DossierRefused("BINDING_REFUSED", "that fact binds no dossier", named.BINDING_RECEIPT)
        raise DossierRefused("MANIFEST_CHANGED", "it is not the manifest that the log has", named.MANIFEST)
    return found


def _opened(proven: Sequence[Proven], files: Mapping[str, bytes]) -> list[ShownFact]:
    """Gives facts with the texts that they commit to; raises DossierRefused for a text that none commits to."""
    kept = _read_texts(_file(files, named.TEXTS))
    facts = list[ShownFact]()
    for each in proven:
        openings = tuple(kept.pop(each.index, ()))
        try:
            open_fact(each.fact, openings)
        except VerificationError as error:
            raise DossierRefused("TEXT_REFUSED", f"of fact {each.index}: {error}", named.TEXTS) from error
        facts.append(ShownFact(each.index, each.leaf, each.fact, openings))
    if kept:
        raise DossierRefused("TEXT_REFUSED", f"fact {min(kept)} is not in the dossier", named.TEXTS)
    return facts


def _read_texts(content: bytes) -> dict[int, list[Opening]]:
    try:
        rows = json.loads(content)
        found = {int(row["index"]): read_openings(json.dumps(row["openings"])) for row in rows}
        if len(found) != len(rows):
            raise ValueError("a fact stands there twice")
    except (ValueError, TypeError, KeyError, RecursionError, VerificationError) as error:
        raise DossierRefused("TEXT_REFUSED", "it cannot be read", named.TEXTS) from error
    return found


def _require_derived(files: Mapping[str, bytes], proven: Sequence[Proven], facts: Sequence[ShownFact]) -> None:
    expected = derived(proven, facts)
    for name, due in expected.items():
        if _file(files, name) != due:
            raise DossierRefused("NOT_OF_THE_FACTS", "it says something else than the facts that are proven", name)
    for name in _under(files, named.RECEIPTS):
        if name not in expected:
            raise DossierRefused("NOT_OF_THE_FACTS", "it is a receipt of no fact in the dossier", name)


def _witnessed(note: str, keys: KeySuccession, policy: Policy | None) -> Mapping[bytes, int]:
    try:
        return policy.verify(note, keys)[1] if policy else {}
    except VerificationError as error:
        raise DossierRefused("QUORUM_MISSING", str(error), named.CHECKPOINT) from error


def _checkpoint(note: str, keys: KeySuccession, entry: str) -> Checkpoint:
    try:
        return keys.verify_checkpoint(note)
    except VerificationError as error:
        raise DossierRefused("CHECKPOINT_REFUSED", str(error), entry) from error


def _under(files: Mapping[str, bytes], folder: str) -> list[str]:
    return sorted(name for name in files if name.startswith(folder))


def _file(files: Mapping[str, bytes], name: str) -> bytes:
    try:
        return files[name]
    except KeyError:
        raise DossierRefused("FILE_MISSING", "it is left out", name) from None


def _text(files: Mapping[str, bytes], name: str) -> str:
    try:
        return _file(files, name).decode()
    except UnicodeDecodeError:
        raise DossierRefused("NOT_TEXT", "it is not UTF-8", name) from None
