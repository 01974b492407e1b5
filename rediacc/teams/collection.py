"""Where Ansible finds the collection ``rediacc.core``: a directory that holds nothing else.

Putting site-packages on the collections path would let other collections there shadow the
user's own; so the path that runs get holds one link only.
"""

from __future__ import annotations

import os
from pathlib import Path

import rediacc
from rediacc.errors import PreparationFailed
from rediacc.values import Reason

__all__ = ["collection_directory", "collections_root"]


def collection_directory() -> Path:
    """Return the collection of this installation: beside the package, or the checkout itself.

    :raises PreparationFailed: neither is there.
    """
    root = Path(rediacc.__file__).resolve().parent.parent
    for place in (root / "ansible_collections" / "rediacc" / "core", root):
        if (place / "plugins" / "callback" / "results.py").is_file():
            return place
    raise PreparationFailed(
        f"the collection rediacc.core is missing beside {root}",
        reason=Reason.INTERNAL,
        hint="reinstall rediacc",
    )


def collections_root(base: Path) -> Path:
    """Return a collections path below `base` with a link to our collection, made when missing."""
    place = collection_directory()
    link = base / "collections" / "ansible_collections" / "rediacc" / "core"
    if not (link.is_symlink() and link.readlink() == place):
        # One by one: what `parents` makes would be open to all.
        for directory in (*reversed(link.parents[:3]),):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = link.with_name(f".core-{os.getpid()}-{id(link)}")
        temporary.symlink_to(place)
        temporary.replace(link)
    return base / "collections"
