"""Wires what audit asks for: who is called so, and what was sealed."""

from collections.abc import Sequence
from dataclasses import dataclass

from ringfence_kernel.sealing.envelopes import EnvelopeBroken
from ringfence_kernel.service import Task
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.telemetry import logs
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.ids import show
from ringfence_kernel.writing.writer import GroupWriter

from ringfence_identity.aliases.queries import AliasQueries
from ringfence_identity.data_keys.commands import SubjectKeys
from ringfence_identity.disclosure.adapters.mark_table import MarkTable
from ringfence_identity.disclosure.api import DisclosureApi
from ringfence_identity.disclosure.application.finding import Finding, IndexOf
from ringfence_identity.disclosure.application.marking import Marking
from ringfence_identity.disclosure.application.opening import Opening
from ringfence_identity.disclosure.application.ports import Named
from ringfence_identity.parties.queries import NAMING_TOPICS, PartyQueries, Reading, ReadParty

UNREADABLE = (EnvelopeBroken, InvalidArgument, ValueError)
"""What opening says of data that are not what was sealed, or not what may be stored."""
_LOG = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class ReadNames:
    """A Names over the readings of parties."""

    reading: Reading

    async def read(self, asked: Sequence[tuple[bytes, bytes]]) -> list[Named | None]:
        """Returns who parties are; one whose data cannot be read is told in the log, and holds up no other."""
        try:
            return list(map(_named, await self.reading.get(asked)))
        except UNREADABLE as error:
            if len(asked) != 1:
                return [named for each in asked for named in await self.read([each])]
            _LOG.error("party_unreadable", party=show(asked[0][1]), error=type(error).__name__)
            return [None]


def _named(read: ReadParty | None) -> Named | None:
    if read is None or read.personal is None:
        return None
    owners = [(owner.personal.name, owner.personal.identity_number) for owner in read.owners]
    return Named(read.personal.name, read.personal.identity_number, owners)


def served(
    store: EventStore,
    codec: EventCodec,
    writer: GroupWriter,
    aliases: AliasQueries,
    parties: PartyQueries,
    keys: SubjectKeys,
    reading: Reading,
    index_of: IndexOf,
) -> tuple[DisclosureApi, Task]:
    """Returns the methods, and what goes on as long as a term."""
    names, marks = ReadNames(reading), MarkTable(store, codec, NAMING_TOPICS)
    marking = Marking(names, marks, keys)
    writer.subscribe(marking.ring)
    finding = Finding(writer, aliases, keys, names, marks, marking, index_of)
    return DisclosureApi(finding, Opening(parties, keys)), Task("marking", marking.run)
