"""Keys, runs, covers and proofs, held to their definition in plain Python."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ringfence_audit.index.domain.extracting import extract
from ringfence_audit.index.domain.keys import account_of, keys_of, tenants_of
from ringfence_audit.index.domain.merging import merged, rebased
from ringfence_audit.index.domain.ranges import BUNDLE_LEAVES, LEVELS, Range, cover, level_of, parts, span
from ringfence_audit.index.domain.runs import (
    POSTING,
    Run,
    chunks_of,
    index_root,
    page_hashes,
    pages_between,
    postings_in,
    run_of,
    sorted_postings,
)
from ringfence_audit.log.domain.combined import apart
from ringfence_audit.log.domain.leaf import Value, encode
from ringfence_audit.log.domain.merkle import head_in, tree_head, tree_rows

from . import reference
from .logs import identifier, leaves

IDS = st.one_of(
    st.just(bytes(16)), st.integers(0, 3).map(lambda number: number.to_bytes(16, "big")), st.binary(max_size=17)
)
NUMBERS = st.sampled_from([-1, 0, 1, 978, 2**32 - 1, 2**32, 2**63 - 1, -(2**63)])
FIELDS = st.builds(
    lambda named, values: named | values,
    st.dictionaries(
        st.sampled_from(
            ["a_id", "b_owner_id", "book_id", "owner_id", "tenant_id", "user_data_128", "account_id", "note"]
        ),
        st.one_of(IDS, st.text(max_size=16), st.integers(0, 2**62)),
    ),
    st.dictionaries(
        st.sampled_from(["amount_minor", "ledger", "digest", "file_sha256", "evidence_sha256"]),
        st.one_of(NUMBERS, NUMBERS, st.sampled_from([bytes(32), b"f" * 32, b"f" * 31])),
    ),
)
KINDS = st.sampled_from(["custody.account.v1", "custody.letter_sent.v1", "custody.transfer.v1", "x"])


def of_each(content: list[bytes], first: int) -> tuple[list[bytes], set[tuple[int, bytes]], set[tuple[bytes, bytes]]]:
    """Gives postings, platforms and accounts of leaves, each read alone."""
    bundles = {(index // BUNDLE_LEAVES, each) for index, leaf in enumerate(content, first) for each in tenants_of(leaf)}
    accounts = {found for leaf in content if (found := account_of(leaf))}
    return reference.postings(0, content), bundles, accounts


@given(st.lists(st.tuples(KINDS, FIELDS), max_size=40).map(lambda each: each * 3), st.integers(0, 2))
def test_the_keys_of_many_leaves_are_those_of_each(shapes: list[tuple[str, dict[str, Value]]], bundle: int) -> None:
    """Whatever shapes come together, what is cut out of columns is what each leaf says alone."""
    content = [encode(kind, fields) for kind, fields in shapes]
    found = extract(bundle * BUNDLE_LEAVES, content)
    postings, tenants, accounts = of_each(content, bundle * BUNDLE_LEAVES)
    [together] = found.cut([(bundle + 1) * BUNDLE_LEAVES])
    assert together.tobytes() == b"".join(postings)
    assert (found.tenants, found.accounts) == (tenants, accounts)


def test_the_keys_of_a_varied_log_are_those_of_each() -> None:
    """Leaves of many kinds, lengths and shapes, across bundles and pieces of them."""
    content, first = leaves(3_000), 200
    found = extract(first, content)
    ends = [256, 300, 512, 768, *range(1024, 3200, 256), 3200]
    for start, end, postings in zip([first, *ends], ends, found.cut(ends), strict=False):
        bundle = start - start % BUNDLE_LEAVES
        padding = [encode("x", {})] * (start - bundle)
        expected = reference.postings(bundle, padding + content[start - first : end - first])
        assert postings.tobytes() == b"".join(expected)
    assert (found.tenants, found.accounts) == of_each(content, first)[1:]


def test_amounts_of_many_leaves_are_those_of_each() -> None:
    """What is no amount is none in columns either: negative, zero, or of a currency beyond four bytes."""
    numbers = (-1, 0, 1, 978, 2**32 - 1, 2**32, 2**63 - 1, -(2**63))
    content = [encode("x", {"amount_minor": minor, "ledger": ledger}) for minor in numbers for ledger in numbers]
    [found] = extract(0, content).cut([BUNDLE_LEAVES])
    assert found.tobytes() == b"".join(reference.postings(0, content))
    assert len(found) == 15


def test_which_ids_are_keys() -> None:
    """Ids are keys by their fields' names; platforms, others' owners, zeroes and what is no id of 16 bytes are not."""
    named = {"a_id": b"a" * 16, "owner_id": b"o" * 16, "user_data_128": b"u" * 16, "reader_id": b"a" * 16}
    others = {
        "tenant_id": b"t" * 16,
        "book_id": b"b" * 16,
        "debit_owner_id": b"d" * 16,
        "zero_id": bytes(16),
        "short_id": b"s" * 15,
        "text_id": "x" * 16,
        "identity": b"i" * 16,
    }
    assert keys_of(encode("custody.transfer.v1", named | others)) == [b"a" * 16, b"o" * 16, b"u" * 16]
    assert len(keys_of(encode("custody.letter_sent.v1", {"tenant_id": b"t" * 16}))) == 1


def test_amounts_and_files_are_keys() -> None:
    """An amount with its currency, both above zero; a file by the first half of its hash, whichever field has it."""
    euro = {"amount_minor": 1_234, "ledger": 978}
    assert keys_of(encode("x", euro)) == [b"amt1" + (978).to_bytes(4, "big") + (1_234).to_bytes(8, "big")]
    for other in ({"amount_minor": 0}, {"amount_minor": -1}, {"ledger": 0}, {"ledger": 2**32}, {"ledger": "EUR"}):
        assert keys_of(encode("x", {**euro, **other})) == []
    assert keys_of(encode("x", {"amount_minor": 1})) == []
    digest = bytes(range(32))
    for name in ("digest", "document_sha256", "evidence_sha256", "file_sha256"):
        assert keys_of(encode("x", {name: digest})) == [digest[:16]]
    assert keys_of(encode("x", {"digest": digest[:16], "policy_sha256": digest})) == []


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 4_095, 4_096, 70_000, 2**20 - 1, 2**20, 3 * 2**20 + 2**16 + 777])
def test_a_cover_is_the_widest_aligned_ranges_in_order(size: int) -> None:
    """Covers follow their definition, and meet without a gap."""
    assert cover(size) == reference.covering(size)
    assert sum(each.leaves for each in cover(size)) == size


@pytest.mark.parametrize("level", range(1, LEVELS))
def test_parts_make_up_their_range(level: int) -> None:
    """A range's parts are one level below, and as long as it together."""
    ranges = parts(level, 3 * span(level))
    assert {level_of(each.leaves) for each in ranges} == {level - 1}
    assert (ranges[0].first, ranges[-1].end) == (3 * span(level), 4 * span(level))


def test_a_partial_range_has_no_level() -> None:
    """What is not a complete range is refused."""
    with pytest.raises(ValueError, match="255"):
        level_of(255)


@pytest.mark.parametrize("size", [0, 1, 300, 513, 4_096 + 256 + 9])
def test_the_root_of_the_index_follows_from_the_leaves_alone(size: int) -> None:
    """Runs that are made by columns have the records, and the index the root, of the plain definition."""
    content = leaves(size)
    runs = []
    for each in cover(size):
        packed = b"".join(reference.postings(each.first, content[each.first : each.end]))
        runs.append(run_of(each, packed))
    assert index_root(runs) == reference.root(content)
    assert index_root([]) == sha256(b"").digest()


@given(st.lists(st.binary(min_size=20, max_size=20), max_size=200))
def test_postings_are_sorted_like_bytes(found: list[bytes]) -> None:
    """Zeroes at the end or the beginning of a posting order it as any byte does."""
    array = np.frombuffer(b"".join(found), POSTING)
    assert sorted_postings(array).tobytes() == b"".join(sorted(set(found)))


SOME = st.lists(st.integers(0, 2**30).map(lambda number: (number % 997).to_bytes(20, "little")), max_size=60)


@given(st.lists(st.lists(SOME, max_size=4), max_size=5))
def test_runs_merge_to_what_sorting_gives(runs: list[list[list[bytes]]]) -> None:
    """Blocks of runs, empty ones too, come out as one ascending run."""
    kept: list[list[bytes]] = []
    for number, blocks in enumerate(runs):
        mine = {each[:-1] + bytes([number]) for block in blocks for each in block}
        kept.append(sorted(mine))
    sources = [[postings_in(b"".join(run[at : at + 7])) for at in range(0, len(run), 7)] for run in kept]
    assert b"".join(block.tobytes() for block in merged(sources)) == b"".join(
        sorted(each for run in kept for each in run)
    )


def test_postings_move_to_a_wider_range() -> None:
    """Offsets are counted from the wider range's first leaf; keys stay."""
    key = b"k" * 16
    moved = rebased(postings_in(key + (7).to_bytes(4, "big")), 15 * 2**16)
    assert moved.tobytes() == key + (15 * 2**16 + 7).to_bytes(4, "big")


@given(st.integers(0, 700))
@settings(max_examples=40, deadline=None)
def test_heads_are_those_of_the_standard(count: int) -> None:
    """Pairing neighbours gives the tree of RFC 6962, and so does a tree over the heads of chunks."""
    pages = [number.to_bytes(500, "big") for number in range(count)]
    hashes = page_hashes(b"".join(pages))
    heads = [tree_head(hashes[at : at + 256 * 32]) for at in range(0, len(hashes), 256 * 32)]
    assert tree_head(hashes) == reference.head(pages) == tree_head(b"".join(heads))


@given(st.integers(1, 700), st.data())
def test_each_subtree_is_found_in_the_rows_of_its_tree(count: int, data: st.DataObject) -> None:
    """Also the last ones, which are no complete trees."""
    hashes = page_hashes(b"".join(number.to_bytes(500, "big") for number in range(count)))
    proven = sorted(data.draw(st.sets(st.integers(0, count - 1), min_size=1, max_size=5)))
    for start, end in [(0, count), *apart(0, count, proven)]:
        assert head_in(tree_rows(hashes), start, end) == tree_head(hashes[start * 32 : end * 32])


@given(st.integers(1, 300), st.data())
@settings(max_examples=80, deadline=None)
def test_a_combined_proof_leads_to_the_head(count: int, data: st.DataObject) -> None:
    """The hashes of some leaves and their proof give the head, and none of the proof is left."""
    pages = [number.to_bytes(20, "big") for number in range(count)]
    hashes = [sha256(b"\x00" + page).digest() for page in pages]
    proven = sorted(data.draw(st.sets(st.integers(0, count - 1), min_size=1)))
    proof = [tree_head(b"".join(hashes[start:end])) for start, end in apart(0, count, proven)]
    assert reference.proven_head(count, {index: hashes[index] for index in proven}, proof) == reference.head(pages)


@given(st.integers(1, 20_000), st.data())
@settings(max_examples=60, deadline=None)
def test_the_pages_of_a_key_are_those_of_the_definition(count: int, data: st.DataObject) -> None:
    """In runs of one page and of many chunks, for keys that are there and not: first, last and their proof."""
    found = [(2 * (number // 40)).to_bytes(16, "big") + number.to_bytes(4, "big") for number in range(count)]
    key = data.draw(st.integers(0, count // 20 + 2)).to_bytes(16, "big")
    start = data.draw(st.integers(0, count))
    low, high = key + start.to_bytes(4, "big"), key + data.draw(st.integers(start, count)).to_bytes(4, "big")
    chunks = list(chunks_of([postings_in(b"".join(found))]))
    run = Run(0, 2**20, count, reference.head(reference.pages(found)))
    first = max((number for number, chunk in enumerate(chunks) if chunk.first_posting < low), default=0)
    last = next((at for at in range(first, len(chunks)) if chunks[at].last_posting >= high), len(chunks) - 1)
    heads = b"".join(chunk.head for chunk in chunks)
    shown = pages_between(run, tree_rows(heads), {at: chunks[at] for at in range(first, last + 1)}, low, high)
    expected = reference.shown(found, low, high)
    assert (shown.first_page, shown.pages) == (expected.start, reference.pages(found)[expected.start : expected.stop])
    hashes = {number: sha256(b"\x00" + page).digest() for number, page in zip(expected, shown.pages, strict=True)}
    assert reference.proven_head(run.pages, hashes, shown.proof) == run.root


def test_a_record_says_range_count_and_root() -> None:
    """What the root of the index is made from has its fields in order, integers big-endian."""
    run = run_of(Range(512, 256), identifier("key") + bytes(4))
    assert run.record()[:24].hex() == "00000000000002000000000000000100" + "0000000000000001"
    assert run.record()[24:] == sha256(b"\x00" + identifier("key") + bytes(4)).digest()
