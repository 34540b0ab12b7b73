"""The command in a process of its own, without its seconds of imports: each is forked from a process that has them."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

Run = Callable[..., tuple[int, str, str]]
"""`run("export", …, NAME="value")`: the command in this process and environment; (exit code, output, errors)."""

SERVER = """
import json, os, sys, traceback
import great_expectations
from credit import nightly
from credit.cli.main import main
from credit.disclosure import publishing
from credit.intake import checks

def run(arguments, environment, folder):
    for target, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), target)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(environment)
    sys.argv = ["merchant-credit", *arguments]
    try:
        main()
    except SystemExit as stop:
        return stop.code or 0
    except BaseException:
        traceback.print_exc()
    return 1

for line in sys.stdin:
    child = os.fork()
    if not child:
        code = run(*json.loads(line))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@cache
def _server(columns: str) -> subprocess.Popen[str]:
    """Consoles take their width as they are made, so there is a process for each width that is asked for."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | {"COLUMNS": columns},
    )  # fmt: skip
    atexit.register(process.kill)
    return process


def command(*arguments: str, home: Path, columns: int = 200, **environment: str) -> subprocess.CompletedProcess[str]:
    """`merchant-credit` with these arguments, on a terminal so wide; `environment` is added to this process's."""
    process = _server(str(columns))
    assert process.stdin
    assert process.stdout
    with tempfile.TemporaryDirectory() as folder:
        variables = {"MERCHANT_CREDIT_HOME": str(home), **environment}
        process.stdin.write(json.dumps([arguments, variables, folder]) + "\n")
        process.stdin.flush()
        code = int(process.stdout.readline())
        output, errors = ((Path(folder) / name).read_text(encoding="utf-8") for name in ("stdout", "stderr"))
    return subprocess.CompletedProcess(arguments, code, output, errors)
