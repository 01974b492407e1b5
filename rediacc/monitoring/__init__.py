"""What is measured: machines and the queue, now and over time.

What reads (take a connection, write nothing, and are cheap at a million tasks):

* :func:`rediacc.monitoring.depth.read_depth`: the queue now, by team, level and machine.
* :func:`rediacc.monitoring.samples.newest_health`: each machine's newest look, with its age.
* :func:`rediacc.monitoring.history.read_history`: a period: depth, flows, waits, machines'
  health, failures by machine and hour, slowest tasks.

What people and screens get goes through the operations ``queue.depth``, ``machine.list`` (with
``health``) and ``health.history``, which answer with :mod:`rediacc.views.monitoring`.
"""
