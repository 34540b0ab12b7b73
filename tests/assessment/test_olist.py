"""On the public Olist files: what they do not tell is not shown, never met."""

from __future__ import annotations

import pytest

from credit.assessment.catalogue import shipped
from credit.assessment.judging import assess
from credit.assessment.measuring import MEASURES
from credit.evaluation import engine
from credit.evaluation.night import supplied
from credit.home import open_warehouse
from credit.settings import Settings, cut_off
from credit.warehouse.connection import zone_of

pytestmark = [pytest.mark.olist, pytest.mark.thorough]

DAY = "2018-08-31"
TELLS_NOTHING_OF = {
    "4.1.1", "4.1.5", "4.2.1.1a", "4.2.1.1b", "4.2.1.1c", "4.2.1.2", "4.2.1.4", "4.2.2.2", "4.2.2.4", "4.3.3", "4.3.5", "4.3.6", "4.4.1", "4.4.3", "5.2.4",
    "5.3.2", "5.4.3", "5.7.4", "5.7.5",
}  # fmt: skip


@pytest.mark.slow
def test_what_the_data_does_not_tell_is_never_met(olist_home: Settings) -> None:
    with open_warehouse(olist_home) as con:
        zone = zone_of(con, olist_home)
        day = con.execute("SELECT max(evaluated_on) FROM results.runs").fetchall()[0][0]
        assert str(day) == DAY
        have = supplied(con, engine.Moment(cut_off(day, zone), zone))
        results = {name: assess(con, olist_home, catalogue, day) for name, catalogue in shipped().items()}
    for result in results.values():
        for line in result["lines"]:
            for part in line["parts"]:
                missing = part["how"] != "measured" or set(MEASURES[part["measure"]].needs) - have
                assert not (missing and part["result"] in ("met", "partly"))
    lines = {line["id"]: line["result"] for line in results["hebei-ecommerce-enterprise"]["lines"]}
    assert {name for name in TELLS_NOTHING_OF if lines[name] != "not_shown"} == set()
    assert lines["4.3.1"] == "partly", "what it does tell is measured"
