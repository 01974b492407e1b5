"""Plays that somebody started by hand: their records, brought in as tasks that are over."""
