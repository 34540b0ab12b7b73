"""What the flows share: what is tried again, when they run, and how a run in a process of its own ends."""

from __future__ import annotations

import contextlib
from typing import Any

from prefect.client.schemas.objects import State, TaskRun

from credit import settings
from credit.errors import SourceUnreachable, UserError, WarehouseLocked
from credit.sources.adapters import zone_before_a_batch


def retrying_can_help(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    """A warehouse in use, a share or a database that does not answer may be there in a minute; bad input will not get better."""
    failure = state.result(raise_on_failure=False)
    return isinstance(failure, WarehouseLocked | SourceUnreachable | OSError)


def schedule(parameters: dict[str, Any], cron: str) -> Any:
    """The cron schedule in the platform's zone."""
    from prefect.schedules import Cron

    conf = settings.load(home=parameters.get("home"))
    return Cron(cron, timezone=zone_before_a_batch(conf, parameters.get("source")))


def server_is_named() -> None:
    """Raises UserError without a Prefect server: the temporary one that a flow starts for itself schedules nothing."""
    from prefect.settings import PREFECT_API_URL

    if not PREFECT_API_URL.value():
        raise UserError(
            "--serve needs a Prefect server, and PREFECT_API_URL is not set: nothing would ever run. Either run "
            "`prefect server start`, set PREFECT_API_URL=http://127.0.0.1:4200/api and serve again, or let cron or "
            "systemd run the command (`merchant-credit nightly`), which needs no Prefect"
        )


def stop_background_loop() -> None:
    """End the thread in which Prefect sends logs, once they are sent.

    It holds the context of the task that logged first, and with it the program's modules, past the end of the
    interpreter; DuckDB's binding (nanobind) would then list every type of its own as leaked.
    """
    with contextlib.suppress(ImportError):  # not part of Prefect's public interface
        from prefect._internal.concurrency.threads import wait_for_global_loop_exit
        from prefect.logging.handlers import APILogWorker

        APILogWorker.drain_all()
        wait_for_global_loop_exit(timeout=10)
