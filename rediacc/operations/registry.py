"""What an operation is: the unit of access control, the name in the audit, a CLI command."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from rediacc.values import Permission, Scope

__all__ = ["Deferred", "Operation", "Permission", "Scope", "always", "by_name", "later"]


def always(_request: Any) -> bool:
    """Say that each call of an operation is a call of its own in the audit."""
    return True


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One thing that a person can do.

    :param scope: ``team``: the function names each team that it concerns by ``call.for_team`` or
        lists what ``call.visible_teams`` yields; ``home``: the caller's role in the home decides.
    :param permission: what the caller's role must hold in that scope.
    :param function: takes the call and a request; returns the answer.
    :param request_type: the one type of request that it takes.
    :param is_audited: whether a request is noted; following a log is one call, not hundreds.
    """

    name: str
    scope: Scope
    permission: Permission
    request_type: type
    function: Callable[[Any, Any], Any]
    is_audited: Callable[[Any], bool] = always


def by_name(operations: tuple[Operation, ...]) -> Mapping[str, Operation]:
    """Return `operations` by their names."""
    return {operation.name: operation for operation in operations}


def later(module: str) -> Any:
    """Return a stand-in for a module of operations: a function's call imports the module."""
    return _Later(f"rediacc.operations.{module}")


@dataclass(frozen=True)
class Deferred:
    """A function of an operation whose module is imported when it is called."""

    module: str
    name: str

    def __call__(self, call: Any, request: Any) -> Any:
        return self.function()(call, request)

    def function(self) -> Callable[[Any, Any], Any]:
        """Import and return the function itself."""
        function: Callable[[Any, Any], Any] = getattr(import_module(self.module), self.name)
        return function


class _Later:
    """Gives for every name a function that takes a call and a request."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Deferred:
        return Deferred(self._module, name)
