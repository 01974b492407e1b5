"""The tables: the truth for tasks, attempts, runs, workers, members, alerts, samples, audit.

Times are whole microseconds since 1970 UTC (``_at``); both databases order and index them alike.
State numbers are those of :class:`rediacc.values.State`, and stand as constants in the conditions
of partial indexes so that generic plans can prove them. A table costs time to import, so each
module imports only those that it works on; :mod:`rediacc.storage.tables.schema` names them all.
"""
