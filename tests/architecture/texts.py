"""The list of texts in docs/texts.md, as the descriptions of events give it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ringfence_kernel.values.descriptions import EventDescription, FieldDescription, Privacy

from tests.architecture.contracts import is_text

HEAD = "| service | event | free text | stands in leaves | secret |"


def rows(service: str, descriptions: Mapping[str, EventDescription]) -> Iterator[str]:
    """Yields a row of the table for each event of a service that has texts, or what is treated as such."""
    for topic, event in descriptions.items():
        free = [each.name for each in event.fields.values() if each.privacy is Privacy.FREE_TEXT]
        clear = _texts(event, Privacy.CLEAR)
        secret = _texts(event, Privacy.SECRET)
        secret += [each.name for each in event.fields.values() if each.privacy is Privacy.SECRET_TEXT]
        if free or clear or secret:
            yield f"| {service} | `{topic}` | {_named(free)} | {_named(clear)} | {_named(secret)} |"


def _texts(event: EventDescription, privacy: Privacy) -> list[str]:
    return [each.name for each in event.fields.values() if _is(each, privacy)]


def _is(each: FieldDescription, privacy: Privacy) -> bool:
    return is_text(each) and each.privacy is privacy


def _named(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "–"
