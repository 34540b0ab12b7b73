"""A real MySQL for tests, MariaDB of the system: one server a process, an empty database a test."""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_numbers = itertools.count(1)
REQUIRED = "MERCHANT_CREDIT_MYSQL"
"""Set to `required` where a missing server is a failure, as in CI."""


@cache
def _server() -> Path | str:
    """The socket of a server, or why there is none."""
    daemon = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin:/usr/libexec")
    install = shutil.which("mariadb-install-db")
    if not daemon or not install:
        return "no MariaDB here: install mariadb-server from the system's packages"
    # Not below pytest's own folders: a socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="credit-my-", dir="/tmp"))
    user = ["--user=root"] if os.getuid() == 0 else []
    plain = ["--no-defaults", f"--datadir={folder / 'data'}", *user]
    made = subprocess.run(
        [install, *plain, "--auth-root-authentication-method=normal", "--skip-test-db"],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        return f"no MariaDB can be made here: {made.stderr[-300:]}"
    socket = folder / "s"
    server = subprocess.Popen(
        [daemon, *plain, f"--socket={socket}", "--skip-networking", "--innodb-flush-log-at-trx-commit=0",
         "--innodb-buffer-pool-size=32M", "--pid-file=" + str(folder / "pid")],
        stdout=subprocess.DEVNULL,
        stderr=(folder / "log").open("w"),
    )  # fmt: skip

    @atexit.register
    def _stop() -> None:
        server.terminate()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)

    for _ in range(600):
        if server.poll() is not None:
            return f"no MariaDB can be started here: {(folder / 'log').read_text()[-300:]}"
        if socket.exists():
            return socket
        time.sleep(0.1)
    return "MariaDB does not start"


def new_database() -> str:
    """The URL of a new, empty database; skips the test with the reason where no server can be started."""
    socket = _server()
    if isinstance(socket, str):
        if os.environ.get(REQUIRED) == "required":
            pytest.fail(socket)
        pytest.skip(socket)
    name = f"t{os.getpid()}_{next(_numbers)}"
    sql(f"mysql://root@localhost/mysql?unix_socket={socket}", f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    return f"mysql://root@localhost/{name}?unix_socket={socket}"


def connect(url: str) -> Any:
    """A connection of one's own."""
    import pymysql

    from credit.databases.mysql import Url

    parsed = Url(url, "test")
    return pymysql.connect(
        user=parsed.user,
        unix_socket=parsed.options["unix_socket"],
        database=parsed.database,
        charset="utf8mb4",
        autocommit=True,
    )


def sql(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements, each committed; the rows of the last."""
    rows: list[tuple[Any, ...]] = []
    with connect(url) as con, con.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
            rows = list(cursor.fetchall())
    return rows
