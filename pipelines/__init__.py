"""Prefect flows: scheduling, retries and artifacts around the steps of `credit.nightly`."""

import os

# Before Prefect is imported anywhere: no telemetry, and time enough for its own server to start cold: the first start
# after an installation compiles some thousand modules, perhaps on a busy machine.
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "600")
