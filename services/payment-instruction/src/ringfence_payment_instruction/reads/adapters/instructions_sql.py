"""The questions to the tables, each answered by one index at the cost of what it shows.

`{order}` is ASC or DESC, through what is between two places (position, index), both left out. A submission is found by
its stream, which has as many instructions as a submission may have; their order is that of intake.
"""

from __future__ import annotations

END = 2**63 - 1
UP, DOWN = "ASC", "DESC"

_SELECT = "SELECT stream, instruction_index, received_position FROM instructions WHERE tenant = %(tenant)s"
_BETWEEN = """
    AND (received_position, instruction_index) > (%(low_position)s, %(low_index)s)
    AND (received_position, instruction_index) < (%(high_position)s, %(high_index)s)
"""
_IN_ORDER = "ORDER BY received_position {order}, instruction_index {order} LIMIT %(limit)s"

ALL = f"{_SELECT} {_BETWEEN} {_IN_ORDER}"
BY_STATUS = f"{_SELECT} AND status = %(status)s {_BETWEEN} {_IN_ORDER}"
BY_SUBMISSION = f"""
{_SELECT} AND stream = %(stream)s AND instruction_index BETWEEN %(first)s AND %(last)s
    AND (%(status)s = 0 OR status = %(status)s) {_BETWEEN}
ORDER BY instruction_index {{order}} LIMIT %(limit)s
"""

# Whoever asks by time means places in the order of intake: times and positions grow together.
POSITION_AT = """
SELECT position FROM submission_times WHERE tenant = %(tenant)s AND received_ns >= %(time_ns)s
ORDER BY received_ns, position LIMIT 1
"""

EVENTS = """
SELECT e.notification_id, e.originator_id, e.originator_version, e.topic, e.state
FROM tenant_events t JOIN stored_events e ON e.notification_id = t.position
WHERE t.tenant = %(tenant)s AND t.position > %(position)s
ORDER BY t.position LIMIT %(limit)s
"""
EVENTS_OF_SUBMISSION = """
SELECT notification_id, originator_id, originator_version, topic, state FROM stored_events
WHERE originator_id = %(stream)s AND notification_id > %(position)s
ORDER BY originator_version LIMIT %(limit)s
"""
