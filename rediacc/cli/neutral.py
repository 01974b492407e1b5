"""Text from machines, made harmless for a terminal: see :mod:`rediacc.neutral`."""

from __future__ import annotations

from rediacc.neutral import neutral, one_line

__all__ = ["neutral", "one_line"]
