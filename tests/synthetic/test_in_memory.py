"""Rows of the simulator in canonical tables."""

from __future__ import annotations

from datetime import date

from credit.synthetic import market
from credit.synthetic.in_memory import marketplace, merge


def test_a_column_that_rows_lack_is_empty() -> None:
    sizes = {"merchants": market.MIN_MERCHANTS, "transactions": market.MIN_TRANSACTIONS}
    with marketplace(**sizes, end=date(2025, 11, 1), seed=1) as con:
        one_order = "SELECT * EXCLUDE (carrier, batch_id, ordered_on) REPLACE ('x' AS transaction_id)"
        supplied = f"{one_order} FROM canonical.transactions WHERE carrier IS NOT NULL LIMIT 1"
        merge(con, "transactions", supplied)
        query = "SELECT carrier, amount > 0, ordered_on FROM canonical.transactions WHERE transaction_id = 'x'"
        [(carrier, paid, day)] = con.execute(query).fetchall()
    assert (carrier, paid) == (None, True)
    assert isinstance(day, date)
