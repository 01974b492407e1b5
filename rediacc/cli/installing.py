"""What ``service install`` does once its options are read, and the service in words."""

from __future__ import annotations

import pwd
from collections.abc import Iterator
from dataclasses import replace

from rediacc.cli.neutral import one_line
from rediacc.cli.render.output import print_item
from rediacc.cli.session import Session, View
from rediacc.errors import ExitCode, RediaccError
from rediacc.requests import ServiceInstall
from rediacc.views import ServiceView

__all__ = ["install", "service_lines"]


class LoginFailed(RediaccError):
    """The service's account cannot log in to a machine."""

    exit_code = ExitCode.TASK_UNREACHABLE
    code = "login_failed"


def install(session: Session, view: View, request: ServiceInstall, *, tests_login: bool) -> int:
    """Try a login of each team as the service's account, then install the unit."""
    with session.open_office() as office:
        plan: ServiceView = office.perform("service.install", replace(request, dry_run=True))
        if not request.dry_run and tests_login:
            _try_logins(session, plan)
        answer = plan if request.dry_run else office.perform("service.install", request)
    lines = _plan_lines(answer) if request.dry_run else _installed_lines(answer)
    print_item(view, answer, kind="service", name=answer.unit, lines=lambda: lines)
    for note in answer.notes:
        session.tell(f"note: {note}")
    return int(ExitCode.DONE)


def _try_logins(session: Session, plan: ServiceView) -> None:
    """Log in as the service would.

    :raises LoginFailed: it cannot.
    """
    from rediacc.services.unit import service_path
    from rediacc.worker.login import try_logins

    account = pwd.getpwnam(plan.account)
    path = service_path(session.environment, is_system=plan.is_system)
    logins = try_logins(session.home(), account=account, environment=session.environment, path=path)
    for login in logins:
        where = f"{login.machine} (team {login.team})" if login.machine else f"team {login.team}"
        if not login.is_fine:
            raise LoginFailed(
                f"{plan.account} cannot log in to {where} as a service would: "
                f"{one_line(login.message)}",
                hint="nothing was installed; --no-login-test installs it all the same",
            )
        session.tell(f"login    {plan.account} logs in to {where}")


def service_lines(answer: ServiceView) -> Iterator[str]:
    """Yield the unit's state and the workers that live."""
    yield f"service  {answer.unit} ({'system' if answer.is_system else 'user'})"
    yield f"unit     {answer.path}" + (" (edited)" if answer.is_edited else "")
    since = f" since {answer.since}" if answer.since else ""
    yield f"state    {answer.state}{since}"
    if answer.enabled:
        yield f"boot     {answer.enabled}"
    if answer.pid is not None:
        yield f"pid      {answer.pid}"
    if answer.restarts:
        yield f"restarts {answer.restarts}"
    for note in answer.notes:
        yield f"note     {one_line(note)}"
    for worker in answer.workers:
        mine = ", of this service" if worker.pid == answer.pid else ""
        yield f"worker   {one_line(worker.id)}: {len(worker.tasks)} of {worker.slots} slots{mine}"
    if not answer.workers:
        yield "worker   none lives"


def _installed_lines(answer: ServiceView) -> Iterator[str]:
    yield f"service  {answer.unit} installed and started as {answer.account}"
    yield f"unit     {answer.path}"
    yield f"state    {answer.state}"


def _plan_lines(answer: ServiceView) -> Iterator[str]:
    yield f"nothing was written; this would be {answer.path}:"
    yield ""
    yield from answer.text.splitlines()
