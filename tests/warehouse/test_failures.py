"""A disk that is full, refuses or forgot: one sentence and an exit code of its own."""

from __future__ import annotations

import errno
from pathlib import Path

import duckdb
import pytest

from credit import settings
from credit.errors import EXIT_CODES, UserError
from credit.home import open_warehouse
from credit.warehouse.failures import as_user_error


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/srv/home/x"), 10, "/srv/home/x: No space left"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 10, "is full"),
        (OSError(errno.EROFS, "Read-only file system", "/srv/home/x"), 10, "refuses"),
        (duckdb.IOException('Could not write file "/srv/w.wal": No space left on device'), 10, "/srv/w.wal: no space left"),
        (duckdb.IOException("Corrupt database file: computed checksum 1 does not match stored checksum 2"), 9, "damaged"),
        (UserError("as it is"), 2, "as it is"),
    ],
)  # fmt: skip
def test_what_the_disk_does_is_one_sentence(error: Exception, code: int, message: str) -> None:
    user_error = as_user_error(error)
    assert user_error is not None
    assert (user_error.exit_code, message in str(user_error), "\n" in str(user_error)) == (code, True, False)
    assert code in {exit_code.number for exit_code in EXIT_CODES}


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOENT, "No such file"), ValueError("full"), duckdb.BinderException("x")]
)
def test_a_defect_of_the_program_stays_one(error: Exception) -> None:
    assert as_user_error(error) is None


def test_every_block_written_over_is_noticed(tmp_path: Path) -> None:
    conf = settings.load(home=tmp_path / "home", threads=1)
    with open_warehouse(conf) as con:
        con.execute("CREATE TABLE meta.filler AS SELECT range AS i, hash(range) AS h FROM range(200000)")
    whole = conf.database.read_bytes()
    conf.database.write_bytes(whole[: 1 << 18] + bytes(len(whole) - (1 << 18)))
    with pytest.raises((duckdb.Error, UserError)) as caught, open_warehouse(conf) as con:
        con.execute("SELECT sum(h) FROM meta.filler").fetchall()
    user_error = as_user_error(caught.value)
    assert user_error is not None, caught.value
    assert user_error.exit_code in (2, 9)
