"""Where a home is and what ``rediacc.toml`` and the environment say."""

from __future__ import annotations

from rediacc.settings.model import (
    CONFIG_NAME,
    PASSED_ENVIRONMENT,
    STATE_NAME,
    Settings,
    TeamSettings,
)
from rediacc.settings.reading import find_home, load_settings
from rediacc.settings.retention import RETAINED, Retention
from rediacc.settings.vaults import VaultSettings

__all__ = [
    "CONFIG_NAME",
    "PASSED_ENVIRONMENT",
    "RETAINED",
    "STATE_NAME",
    "Retention",
    "Settings",
    "TeamSettings",
    "VaultSettings",
    "find_home",
    "load_settings",
]
