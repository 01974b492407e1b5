"""What all tests share: the helpers in ``tests/support`` are importable by their plain names."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

_SUPPORT = str(Path(__file__).parent / "support")
if _SUPPORT not in sys.path:
    sys.path.insert(0, _SUPPORT)

# A shell starts what runs in the background with Ctrl-C ignored, and so would every process of the
# tests be, also those to which a test sends it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
