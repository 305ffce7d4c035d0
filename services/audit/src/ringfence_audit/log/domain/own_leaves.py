"""By which of the log's events each kind of its own leaves was appended."""

from __future__ import annotations

from collections.abc import Mapping

from ringfence_audit.log.domain.books import BOOKS_KIND
from ringfence_audit.log.domain.events import (
    BooksRecorded,
    KeyRecorded,
    LapseRecorded,
    Own,
    ReadRecorded,
    StateRecorded,
    SuccessionRecorded,
)
from ringfence_audit.log.domain.keys import KEY_ENDED_KIND, KEY_KIND
from ringfence_audit.log.domain.lapse import LAPSE_ENDED_KIND, LAPSE_KIND
from ringfence_audit.log.domain.leaf import STATE_KIND
from ringfence_audit.log.domain.reads import PRUNED_KIND, READ_KIND
from ringfence_audit.log.domain.succession import SUCCESSION_KIND

OWN_EVENTS: Mapping[str, type[Own]] = {
    READ_KIND: ReadRecorded,
    PRUNED_KIND: ReadRecorded,
    STATE_KIND: StateRecorded,
    SUCCESSION_KIND: SuccessionRecorded,
    KEY_KIND: KeyRecorded,
    KEY_ENDED_KIND: KeyRecorded,
    LAPSE_KIND: LapseRecorded,
    LAPSE_ENDED_KIND: LapseRecorded,
    BOOKS_KIND: BooksRecorded,
}
