"""Publishing a large platform, by stage: the first night whole, a night on which 1 % of the merchants move, and the next.

    python benchmarks/publishing.py [--merchants 100000] [--transactions 2000000] [--keep FOLDER]

Each publish runs in a process of its own and says its seconds by stage and its peak memory, that of its workers included.
Beside them stands the yardstick: the same files, already made, copied by the system's own `cp -r`.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

from evaluation import fill
from rich.console import Console
from rich.table import Table

from credit import settings
from credit.disclosure.publishing import publish
from credit.evaluation import night
from credit.home import open_warehouse

DAY = date(2026, 11, 23)
console = Console()


def memory(process: int) -> int:
    """Resident memory of a process and all below it, in KiB; shared pages count once for each."""
    total, waiting = 0, [process]
    while waiting:
        current = waiting.pop()
        try:
            status = Path(f"/proc/{current}/smaps_rollup").read_text()
            total += next(int(line.split()[1]) for line in status.splitlines() if line.startswith("Pss:"))
            waiting += map(int, Path(f"/proc/{current}/task/{current}/children").read_text().split())
        except (OSError, StopIteration):
            continue
    return total


def child(home: str, day: str) -> None:
    """One publish; prints its stages as JSON."""
    conf = settings.load(home=Path(home))
    messages: list[tuple[float, str]] = []
    started = time.perf_counter()
    with open_warehouse(conf) as con:
        publication = publish(
            con, conf, date.fromisoformat(day), progress=lambda text: messages.append((time.perf_counter(), text))
        )
    ended = time.perf_counter()
    steps = [(moment, text) for moment, text in messages if not re.fullmatch(r"[\d,]+ of [\d,]+ merchants", text)]
    moments = [(started, "reading the night"), *steps, (ended, "")]
    stages = {name: end - start for (start, name), (end, _) in pairwise(moments)}
    print(
        json.dumps(
            {"stages": stages, "seconds": ended - started, "kept": publication.kept, "changes": publication.changes}
        )
    )


def timed(title: str, home: Path, day: date) -> Path:
    """Publish in a process of its own and show what it took. Returns the version's folder."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--child", str(home), "--date", str(day)], stdout=subprocess.PIPE, text=True
    )
    peak = [0]

    def watch() -> None:
        while process.poll() is None:
            peak[0] = max(peak[0], memory(process.pid))
            time.sleep(0.2)

    watcher = threading.Thread(target=watch)
    watcher.start()
    output, _ = process.communicate()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"the publish failed: {title}")
    measured = json.loads(output)
    folder = (home / "published" / "current").resolve()
    feed = max((folder / "feed").iterdir())
    table = Table(title=title, title_justify="left")
    table.add_column("stage")
    table.add_column("seconds", justify="right")
    for name, seconds in measured["stages"].items():
        table.add_row(name, f"{seconds:.1f}")
    table.add_section()
    table.add_row("all", f"{measured['seconds']:.1f}")
    console.print(table)
    console.print(
        f"peak memory {peak[0] / 1024:,.0f} MB · {measured['kept']:,} merchants kept · changes {measured['changes']} · "
        f"feed {feed.stat().st_size / 1e6:.2f} MB\n"
    )
    return folder


def move(home: Path, day: date, merchants: int) -> None:
    """So many merchants stand differently than published, as after a correction."""
    with open_warehouse(settings.load(home=home)) as con:
        con.execute(
            """UPDATE results.grades SET score = greatest(score - 5, 0), grade = 'B'
               WHERE evaluated_on = $day AND subject_id IN (
                   SELECT subject_id FROM results.grades WHERE evaluated_on = $day AND grade <> 'NR'
                   ORDER BY hash(subject_id) LIMIT $merchants)""",
            {"day": day, "merchants": merchants},
        )


def main() -> None:
    """Generate, evaluate, publish three times, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--merchants", type=int, default=100_000)
    parser.add_argument("--transactions", type=int, default=2_000_000)
    parser.add_argument("--keep", type=Path, help="leave the home here")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--date", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.date)
        return
    with tempfile.TemporaryDirectory() as temporary:
        home = options.keep or Path(temporary)
        conf = settings.load(home=home, memory_limit="4GB")
        tomorrow = DAY + timedelta(days=1)
        if not conf.database.exists():
            with open_warehouse(conf) as con:
                console.print(f"generating {options.transactions:,} transactions of {options.merchants:,} merchants …")
                fill(con, options.merchants, options.transactions)
                console.print("evaluating two nights …")
                for day in (DAY, tomorrow):
                    night.evaluate(con, conf, day)
        shutil.rmtree(conf.published, ignore_errors=True)
        first = timed(f"{options.merchants:,} merchants, the first night", home, DAY)
        started = time.perf_counter()
        subprocess.run(["cp", "-r", first, home / "copied"], check=True)
        console.print(f"yardstick: cp -r of these files {time.perf_counter() - started:.1f} s")
        shutil.rmtree(home / "copied")
        move(home, DAY, options.merchants // 100)
        timed("1 % of the merchants move, the others stand as they did", home, DAY)
        timed("the next night as it comes: windows and the platform's averages move for all", home, tomorrow)


if __name__ == "__main__":
    main()
