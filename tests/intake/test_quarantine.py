"""The quarantine listed, and exported as a file that is mended and delivered again."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

from credit import settings
from credit.home import open_warehouse
from credit.intake import landing, merging, quarantine
from credit.intake.quarantine import Chosen

ORDER = "transaction_id,subject_id,ordered_at,amount,currency"


def test_rejects_are_exported_mended_and_delivered_again(tmp_path: Path) -> None:
    conf = settings.load(home=tmp_path / "home", threads=1)
    first, mended = tmp_path / "in", tmp_path / "mend"
    first.mkdir()
    (first / "subjects.csv").write_text("subject_id,kind,role\nS1,enterprise,seller\n")
    (first / "transactions.csv").write_text(f"{ORDER}\nT1,S1,2026-02-01,-1,CNY\nbroken\nT2,S1,2026-02-01,2,CNY\n")
    with open_warehouse(conf) as con:
        merging.accept(con, landing.land(con, conf, "canonical", first, date(2026, 3, 1)).batch_id)
        entries = quarantine.listed(con, Chosen())
        assert [(e["code"], e["rows"]) for e in entries] == [("malformed_line", 1), ("out_of_range", 1)]
        assert all(e["remedy"] and e["remedy_zh"] for e in entries)
        assert [row["line"] for row in quarantine.explained(con, Chosen(code="out_of_range"), 5)] == [2]
        written = quarantine.export(con, Chosen(), mended)
        assert written == {"transactions.mend.csv": 1, "transactions.lines.csv": 1}
        (mended / "transactions.lines.csv").unlink()
        with (mended / "transactions.mend.csv").open(encoding="utf-8-sig", newline="") as file:
            [row] = csv.DictReader(file)
        assert (row["transaction_id"], row["amount"], row["_code"], row["_line"]) == ("T1", "'-1", "out_of_range", "2")
        with (mended / "transactions.mend.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            writer.writeheader()
            writer.writerow(row | {"amount": "1"})
        batch = landing.land(con, conf, "canonical", mended, date(2026, 3, 2))
        merging.accept(con, batch.batch_id)
        assert con.execute("SELECT transaction_id, amount::INT FROM canonical.transactions ORDER BY 1").fetchall() == [
            ("T1", 1),
            ("T2", 2),
        ]
