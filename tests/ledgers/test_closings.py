"""Notices of closing: 30 days before, standing until the day, withdrawn."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import duckdb
import pytest

from credit.errors import UserError
from credit.ledgers import closings
from support.entries import LI, NOW, published
from support.small_market import CUT_OFF, DAY


def test_a_notice_of_closing_stands_until_the_day(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(
        UserError, match=r"less than 30 days after 2026-11-25, the day .* entered .*earliest possible is 2026-12-25"
    ):
        closings.announce(con, "shop", on=DAY + timedelta(days=29), **LI)
    last = DAY + timedelta(days=30)
    closings.announce(con, "shop", on=last, text="尾货清仓。", **LI)
    (notice,) = published(con).notices["shop"]
    assert (notice.kind, notice.on, notice.until, notice.objection, notice.before) == ("closing", DAY, last, None, None)
    assert notice.zh == "本商家将于 2026-12-25 停止经营。尾货清仓。"
    assert notice.en == "This merchant closes on 2026-12-25. 尾货清仓。"
    assert published(con, last).notices == {"shop": [notice]}
    assert published(con, last + timedelta(days=1)).notices == {}
    with pytest.raises(UserError, match="withdraw it first with `merchant-credit closing withdraw 1`"):
        closings.announce(con, "shop", on=last, **LI)


def test_the_30_days_run_from_the_entry_of_a_notice(con: duckdb.DuckDBPyConnection, clock: Any) -> None:
    """Not from when it is said to have happened, and by the platform's day: 00:30 there is the evening before in UTC."""
    clock(CUT_OFF + timedelta(days=1, minutes=30))
    with pytest.raises(UserError, match="earliest possible is 2026-12-26"):
        closings.announce(con, "shop", on=DAY + timedelta(days=30), at=NOW - timedelta(days=31), **LI)
    notice = closings.announce(con, "shop", on=DAY + timedelta(days=31), at=NOW - timedelta(days=31), **LI)
    assert notice.day == DAY - timedelta(days=31)


def test_a_notice_of_closing_can_be_withdrawn(con: duckdb.DuckDBPyConnection, clock: Any) -> None:
    closings.announce(con, "shop", on=DAY + timedelta(days=30), **LI)
    closings.withdraw(con, 1, reason="sold on", **LI)
    assert published(con).notices == {}
    with pytest.raises(UserError, match=f"notice 1 was withdrawn on {DAY}"):
        closings.withdraw(con, 1, **LI)
    closings.announce(con, "shop", on=DAY + timedelta(days=30), **LI)
    clock(NOW + timedelta(days=31))
    with pytest.raises(UserError, match="notice 2 was of closing on 2026-12-25, which is over"):
        closings.withdraw(con, 2, **LI)
    with pytest.raises(UserError, match="no notice of closing 9; there are 1 to 2"):
        closings.withdraw(con, 9, **LI)
