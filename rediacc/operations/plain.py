"""Operations on plain values: what the Ansible collection and other programs call."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rediacc.documents import document, read_request
from rediacc.errors import InvalidInput
from rediacc.operations.catalogue import OPERATIONS
from rediacc.operations.office import Office, open_office
from rediacc.settings import find_home

__all__ = ["PlainOffice", "open_plain_office"]


def open_plain_office(
    start: Path,
    *,
    environment: Mapping[str, str],
    home: str | None = None,
    channel: str = "plugin",
) -> PlainOffice:
    """Open the home that holds from `start`, to be closed as a context manager.

    :param home: the home's directory; else ``REDIACC_HOME``, else found upward.
    :param channel: how the caller comes here, for the audit.
    :raises RediaccError: there is none, or it cannot be opened.
    """
    place = find_home(start, environment=environment, option=home)
    return PlainOffice(open_office(place, environment=environment, channel=channel))


class PlainOffice:
    """The one door to all operations, for callers that have JSON values and no classes of ours."""

    def __init__(self, office: Office) -> None:
        self._office = office

    @property
    def home(self) -> Path:
        """The directory of the open home."""
        return self._office.settings.home

    def perform(self, name: str, values: Mapping[str, Any]) -> Any:
        """Perform operation `name` and return its answer as plain JSON values.

        :param values: the request's fields, as in :mod:`rediacc.requests`.
        :raises InvalidInput: no such operation, or the values are no request of it.
        :raises RediaccError: as the operation says.
        """
        operation = OPERATIONS.get(name)
        if operation is None:
            raise InvalidInput(f"there is no operation {name!r}")
        return document(self._office.perform(name, read_request(operation.request_type, values)))

    def __enter__(self) -> Self:
        self._office.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._office.__exit__(kind, value, traceback)
