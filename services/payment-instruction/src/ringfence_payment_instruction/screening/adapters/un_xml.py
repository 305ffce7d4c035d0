"""The consolidated list of the United Nations Security Council, in XML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lxml import etree

from ringfence_payment_instruction.iso20022.limits import require_bounded
from ringfence_payment_instruction.iso20022.refusal import FileRefused
from ringfence_payment_instruction.screening.adapters.delimited import Gathered
from ringfence_payment_instruction.screening.domain.entries import Entry, EntryKind, NameQuality
from ringfence_payment_instruction.screening.domain.errors import SanctionsListDamaged

ROOT = "CONSOLIDATED_LIST"
_SECTIONS = {
    "INDIVIDUALS": ("INDIVIDUAL", EntryKind.PERSON),
    "ENTITIES": ("ENTITY", EntryKind.ORGANISATION),
}
_NAME_PARTS = ("FIRST_NAME", "SECOND_NAME", "THIRD_NAME", "FOURTH_NAME")
_WEAK = "low"


def read_un(content: bytes) -> list[Entry]:
    """Reads every name, alias and name in original script; comments and processing instructions are read past.

    Names of elements count, whatever their namespace. Raises SanctionsListDamaged.
    """
    gathered = Gathered()
    for section in _root(content):
        if _tag(section) not in _SECTIONS:
            raise _damage(section, f"{_tag(section)} is no part of the list")
        expected, kind = _SECTIONS[_tag(section)]
        for entry in section:
            if _tag(entry) != expected:
                raise _damage(entry, f"{_tag(entry)} is no entry")
            _read_entry(gathered, entry, kind)
    return gathered.entries()


def _root(content: bytes) -> etree._Element:
    try:
        require_bounded(content)
    except FileRefused as refused:
        raise SanctionsListDamaged(f"{refused.reason}: {refused.text}") from None
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise SanctionsListDamaged(f"not well-formed XML at line {getattr(error, 'lineno', 0)}") from None
    if root.getroottree().docinfo.internalDTD is not None or _tag(root) != ROOT:
        raise SanctionsListDamaged(f"not a {ROOT} without a DOCTYPE")
    return root


def _read_entry(gathered: Gathered, entry: etree._Element, kind: EntryKind) -> None:
    reference = " ".join(_texts(entry, "REFERENCE_NUMBER"))
    names = list(_names(entry))
    try:
        if gathered.knows(reference) or not names:
            raise ValueError(reference)
        gathered.open(reference, kind)
        for name, quality in names:
            gathered.name(reference, name, quality)
    except ValueError:
        raise _damage(entry, "an entry without a reference of its own, or without a name") from None
    gathered.details(reference, _details(entry))


def _names(entry: etree._Element) -> Iterator[tuple[str, NameQuality]]:
    primary = " ".join(text for part in _NAME_PARTS for text in _texts(entry, part))
    if primary:
        yield primary, NameQuality.PRIMARY
    for text in _texts(entry, "NAME_ORIGINAL_SCRIPT"):
        yield text, NameQuality.ORIGINAL_SCRIPT
    for alias in entry:
        if not _tag(alias).endswith("_ALIAS"):
            continue
        is_weak = _WEAK in (text.lower() for text in _texts(alias, "QUALITY"))
        for text in _texts(alias, "ALIAS_NAME"):
            yield text, NameQuality.WEAK if is_weak else NameQuality.GOOD


def _details(entry: etree._Element) -> Iterable[str]:
    """Yields every text of an entry with the name of its element, in order."""
    for element in entry.iter():
        if not len(element) and (text := _text(element)):
            yield f"{_tag(element)}={text}"


def _texts(element: etree._Element, tag: str) -> list[str]:
    return [text for child in element if _tag(child) == tag and (text := _text(child))]


def _text(element: etree._Element) -> str:
    return " ".join("".join(map(str, element.itertext())).split())


def _tag(element: etree._Element) -> str:
    return etree.QName(element).localname


def _damage(element: etree._Element, text: str) -> SanctionsListDamaged:
    return SanctionsListDamaged(f"{text}, at line {element.sourceline}")
