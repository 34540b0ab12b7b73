"""The detectors of manipulation: each on literal rows, all on attacks of seeds that set no threshold."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from credit.cli.main import app
from credit.errors import UserError
from credit.home import open_warehouse
from credit.integrity import base
from credit.integrity.scan import DETECTORS, scan
from credit.integrity.scan import finding as finding_by_id
from credit.ledgers.finding import KINDS, Finding
from credit.settings import Settings
from credit.synthetic import attacks
from credit.tables import TABLES
from credit.validation import detectors
from support.places import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

ZONE = "Asia/Shanghai"
DAY = date(2025, 7, 1)
SETTINGS = Settings(zone=ZONE)
Rows = list[dict[str, Any]]
Fill = Callable[..., Any]

PRAISE = "收到货了，杯子做工细致，真心建议大家闭眼入，下次还会来"

SIGNS = [chr(0x4E00 + 7 * i) for i in range(500)]
"""Characters for texts that have nothing in common."""


class Shop:
    """Orders and reviews, added by the few words a test needs."""

    def __init__(self) -> None:
        self.transactions: Rows = []
        self.reviews: Rows = []

    def order(
        self, when: datetime, buyer: str, stars: int | None = None, *, shop: str = "shop", text: str | None = None,
        road: float = 50, amount: float = 100, refund: bool = False,
    ) -> None:  # fmt: skip
        """An order sent after 10 hours; reviewed, where it has stars, a day after it came."""
        key = f"o{len(self.transactions)}"
        sent, came = when + timedelta(hours=10), when + timedelta(hours=10 + road)
        self.transactions.append({
            "transaction_id": key, "subject_id": shop, "buyer_id": buyer, "ordered_at": when, "paid_at": when,
            "dispatch_due_at": when + timedelta(hours=48), "dispatched_at": sent, "delivered_at": came,
            "delivery_due_at": when + timedelta(days=6), "amount": amount, "refund_reason": "quality" if refund else "none",
            "refund_requested_at": came + timedelta(hours=1) if refund else None,
        })  # fmt: skip
        if stars is not None:
            self.reviews.append({
                "review_id": f"r{key}", "transaction_id": key, "subject_id": shop, "buyer_id": buyer, "text": text,
                "reviewed_at": came + timedelta(hours=24), "rating_overall": stars,
            })  # fmt: skip

    def usual(self, shop: str = "shop", orders: int = 60) -> Shop:
        """Half a year of ordinary trade: different buyers, two of three review, half of these with five stars."""
        for i in range(orders):
            stars = (5, 4, None)[i % 3] if i % 15 else 2
            words = None if shop == "shop" else "".join(random.Random(f"{shop}{i}").choices(SIGNS, k=16))
            hour = 8 + 5 * i % 14
            self.order(
                at(-170 + 150 * i / orders, hour), f"{shop}-{i}", stars, shop=shop, refund=i % 15 == 0, text=words
            )
        return self


def at(days: float, hour: float = 20) -> datetime:
    """The hour of the day so many days from DAY."""
    return datetime.combine(DAY + timedelta(days=int(days // 1)), datetime.min.time()) + timedelta(hours=hour)


def put(con: Any, shop: Shop) -> Any:
    """The shop's rows in the canonical tables, by frames: hundreds of rows a test are slow as literals."""
    for name, rows in (("transactions", shop.transactions), ("reviews", shop.reviews)):
        if rows:
            frame = pd.DataFrame(rows).assign(currency="CNY")
            frame["known_at"] = frame.get("known_at", pd.Timestamp(0))
            for column in frame.columns[frame.columns.str.endswith("_at")]:
                frame[column] = pd.to_datetime(frame[column]).dt.tz_localize(ZONE)
            names = ", ".join(c for c in frame.columns if c == "known_at" or c in TABLES[name].names)
            con.register("made", frame)
            con.execute(f"INSERT INTO canonical.{name} BY NAME SELECT {names} FROM made")
            con.unregister("made")
    return con


@pytest.fixture
def findings_of(fill: Fill) -> Callable[[Shop], list[Finding]]:
    """The findings in a market of a shop and four ordinary neighbours."""

    def made(shop: Shop, day: date = DAY) -> list[Finding]:
        for name in ("one", "two", "three", "four"):
            shop.usual(name)
        return scan(put(fill(), shop), SETTINGS, day)

    return made


def kinds(findings: Sequence[Finding]) -> set[tuple[str, str]]:
    return {(finding.kind, finding.subject_id) for finding in findings}


# --- each detector -------------------------------------------------------------------------------------------------


def test_ordinary_trade_has_no_finding(findings_of) -> None:
    assert findings_of(Shop().usual()) == []


@pytest.mark.parametrize(("stars", "expected"), [(5, {"self_dealing_ring"}), (4, set())])
def test_accounts_that_come_back_together_and_praise_are_a_ring(findings_of, stars, expected) -> None:
    shop = Shop().usual()
    for week in range(6):
        for i in range(4):
            shop.order(at(-120 + 15 * week, 20 + i / 2), f"ring-{i}", stars)
    rings = [finding for finding in findings_of(shop) if finding.kind == "self_dealing_ring"]
    assert {finding.kind for finding in rings} == expected
    for finding in rings:
        assert finding.buyers == ("ring-0", "ring-1", "ring-2", "ring-3")
        assert (len(finding.orders), len(finding.reviews), finding.facts["occasions"]) == (24, 24, 6)
        assert "4 个买家账号在 6 个场合" in finding.zh()
        assert "4 buyer accounts ordered together within hours on 6 occasions, 24 orders" in finding.en()


@pytest.mark.parametrize("praised", [True, False])
def test_a_burst_of_praised_orders_is_one_a_promotion_is_none(findings_of, praised) -> None:
    shop = Shop().usual()
    for i in range(24):
        shop.order(at(-40, 20 + i / 8), f"crowd-{i}", 5 if praised else (5, 4, None)[i % 3])
    bursts = [finding for finding in findings_of(shop) if finding.kind == "order_burst"]
    assert len(bursts) == praised
    if praised:
        (finding,) = bursts
        assert {f"crowd-{i}" for i in range(24)} <= set(finding.buyers)
        assert finding.facts["since"] == f"{DAY - timedelta(days=40)} 20:00"
        assert finding.facts["hours"] == 6


@pytest.mark.parametrize(("stars", "expected"), [((5,), 1), ((5, 4, None), 0)])
def test_buyers_with_one_seller_that_praise_every_time(findings_of, stars, expected) -> None:
    shop = Shop().usual()
    for i in range(8):
        for j in range(4):
            number = 4 * i + j
            shop.order(at(-150 + (37 * number) % 130), f"captive-{i}", stars[number % len(stars)])
    captives = [finding for finding in findings_of(shop) if finding.kind == "one_seller_buyers"]
    assert len(captives) == expected
    assert all(
        finding.buyers == tuple(f"captive-{i}" for i in range(8)) and len(finding.orders) == 32 for finding in captives
    )


@pytest.mark.parametrize(("share", "stars", "expected"), [(12, 5, 1), (12, 4, 0), (200, 5, 0)])
def test_parcels_that_took_no_time(findings_of, share, stars, expected) -> None:
    """A shop that delivers nearly all within the hour is quick, not false."""
    shop = Shop().usual()
    for i in range(share):
        shop.order(at(-150 + 130 * i / share), f"quick-{i}", stars, road=0.5)
    quick = [finding for finding in findings_of(shop) if finding.kind == "implausible_dispatch"]
    assert len(quick) == expected
    assert all(len(finding.orders) == share and finding.facts["usual_hours"] == 50 for finding in quick)


@pytest.mark.parametrize("refund", [False, True])
def test_low_ratings_of_newcomers_without_cause_a_bad_batch_has_causes(findings_of, refund) -> None:
    shop = Shop().usual()
    for i in range(12):
        shop.order(at(-30, 8 + i), f"angry-{i}", 1, refund=refund)
    bombs = [finding for finding in findings_of(shop) if finding.kind == "review_bombing"]
    assert len(bombs) == (not refund)
    assert all(finding.facts["groundless"] == 12 and len(finding.reviews) == 12 for finding in bombs)


def test_without_refunds_and_complaints_nothing_is_groundless(findings_of, fill) -> None:
    shop = Shop()
    for i in range(12):
        shop.order(at(-30, 8 + i), f"angry-{i}", 1)
    assert scan(put(fill(), shop), SETTINGS, DAY) == []


COPIES = {
    "zh": [PRAISE, PRAISE + "！！", PRAISE.replace("杯子", "杯 子"), PRAISE.replace("真心", "真的"), "👍" + PRAISE[:-2]],
    "en": [
        f"Absolutely love this lamp{sign} the seller answered {word} question at once" for sign, word in
        zip((",", "!", " and", ";", "."), ("every", "my", "each", "any", "all"), strict=True)
    ],
    "ar": ["هذا المصباح رائع جدا والبائع متعاون وسريع في الرد أنصح الجميع بالشراء" + end for end in ("", "!", " منه", "...", " جدا")],
}  # fmt: skip


@pytest.mark.parametrize("language", COPIES)
def test_almost_the_same_long_text_is_copied_in_any_script(findings_of, language) -> None:
    shop = Shop().usual()
    for i, text in enumerate(COPIES[language]):
        shop.order(at(-100 + 12 * i), f"writer-{i}", 5, text=text)
    (finding,) = findings_of(shop)
    assert (finding.kind, len(finding.reviews), finding.facts["buyers"]) == ("copied_reviews", 5, 5)
    assert str(finding.facts["example"]) in finding.zh()


@pytest.mark.parametrize("text", ["好评", "很好", "系统默认好评", "Muito bom, recomendo", "Good product!"])
def test_short_templates_are_nobodys_copies(findings_of, text) -> None:
    shop = Shop().usual()
    for i in range(12):
        shop.order(at(-150 + 11 * i), f"brief-{i}", 5, text=text)
    assert findings_of(shop) == []


def test_a_phrase_that_stands_elsewhere_as_often_is_no_copy(findings_of) -> None:
    shop = Shop().usual()
    for i in range(30):
        name = ("shop", "one", "two", "three", "four")[i % 5]
        shop.order(at(-150 + 4 * i), f"app-{i}", 5, shop=name, text="该用户觉得商品很好，给出了五星好评，推荐购买")
    assert findings_of(shop) == []


def test_one_buyer_may_repeat_itself(findings_of) -> None:
    shop = Shop().usual()
    for i in range(6):
        shop.order(at(-150 + 20 * i), "faithful", 5, text=PRAISE)
    assert "copied_reviews" not in {finding.kind for finding in findings_of(shop)}


@pytest.mark.parametrize(("stars", "expected"), [((5,), 1), ((5, 4), 0), ((5, 4, None), 0)])
def test_a_month_of_nothing_but_five_stars_is_bribed_a_reminder_is_none(findings_of, stars, expected) -> None:
    shop = Shop().usual(orders=120)
    for i in range(40):
        shop.order(at(-60 + 0.6 * i), f"paid-{i}", stars[i % len(stars)])
    bribes = [finding for finding in findings_of(shop) if finding.kind == "bribed_reviews"]
    assert len(bribes) == expected
    assert all(len(finding.reviews) >= 35 and not finding.facts["rewards"] for finding in bribes)


def test_words_of_a_reward_are_an_offer(findings_of) -> None:
    shop = Shop().usual()
    for i in range(5):
        shop.order(at(-100 + 10 * i), f"honest-{i}", 5, text=("好评返现五元才来写的", "有红包，晒图返三块")[i % 2])
    (finding,) = findings_of(shop)
    assert (finding.kind, finding.facts["rewards"], len(finding.reviews)) == ("bribed_reviews", 5, 5)
    assert "5 条文字提到返现" in finding.zh()


@pytest.mark.parametrize("stars", [5, 4])
def test_accounts_that_go_from_shop_to_shop_and_praise(findings_of, stars) -> None:
    shop = Shop().usual()
    for i in range(10):
        shop.order(at(-150 + 12 * i, 20), f"hand-{i}", stars)
        shop.order(at(-150 + 12 * i, 21), f"hand-{i}", stars, shop="one")
    pairs = [finding for finding in findings_of(shop) if finding.kind == "collusion"]
    assert {finding.subject_id: finding.facts["partners"] for finding in pairs} == (
        {"shop": "one", "one": "shop"} if stars == 5 else {}
    )
    assert all(len(finding.buyers) == 10 and len(finding.orders) == 10 for finding in pairs)


LITERAL_TESTS = (
    Path(__file__).read_text(encoding="utf-8").partition("# --- each detector ---")[2].partition("# --- all of")[0]
)


# --- all of them ---------------------------------------------------------------------------------------------------


def _manipulated() -> Shop:
    shop = Shop().usual()
    for i in range(24):
        shop.order(at(-40, 20 + i / 8), f"crowd-{i}", 5, text=COPIES["zh"][i % 5])
    for week in range(6):
        for i in range(4):
            shop.order(at(-120 + 15 * week, 20 + i / 2), f"ring-{i}", 5)
    for name in ("one", "two", "three", "four"):
        shop.usual(name)
    return shop


FIRST: list[Finding] = []
"""Of the rows as they come."""


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_the_order_of_rows_does_not_matter(fill, seed) -> None:
    shop = _manipulated()
    if not FIRST:
        FIRST.extend(scan(put(fill(), shop), SETTINGS, DAY))
    draw = random.Random(seed)
    draw.shuffle(shop.transactions)
    draw.shuffle(shop.reviews)
    again = scan(put(fill(), shop), SETTINGS, DAY)
    assert again == FIRST
    assert {"self_dealing_ring", "order_burst", "copied_reviews"} <= {finding.kind for finding in again}


def test_only_what_was_known_at_the_cut_off_counts(fill) -> None:
    shop = _manipulated()
    before = DAY - timedelta(days=50)
    con = put(fill(), shop)
    assert "order_burst" not in {finding.kind for finding in scan(con, SETTINGS, before)}
    for row in (*shop.transactions, *shop.reviews):
        row["known_at"] = datetime(2025, 8, 1)
    assert scan(put(fill(), shop), SETTINGS, DAY) == []


def test_nothing_is_left_behind_and_an_empty_market_has_no_finding(fill) -> None:
    con = fill()
    assert scan(con, SETTINGS, DAY) == []
    assert not con.execute("SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, 'seen_')").fetchall()


def test_a_finding_is_found_by_its_id_and_its_id_is_that_of_its_rows(fill) -> None:
    shop = _manipulated()
    con = put(fill(), shop)
    findings = scan(con, SETTINGS, DAY)
    assert finding_by_id(con, SETTINGS, DAY, findings[0].id[:8]) == findings[0]
    for finding in findings:
        twin = Finding(finding.kind, finding.subject_id, date(2000, 1, 1), 0, finding.orders[::-1], finding.reviews * 2)
        assert twin.id == finding.id
        assert (
            Finding(finding.kind, finding.subject_id, finding.day, 1, finding.orders[1:], finding.reviews).id
            != finding.id
        )
    with pytest.raises(UserError, match="no finding begins with it on 2025-07-01"):
        finding_by_id(con, SETTINGS, DAY, "zz")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_detector_and_its_literal_test(kind) -> None:
    assert kind in DETECTORS, "name who finds it in DETECTORS of credit/integrity/scan.py"
    assert f'"{kind}"' in LITERAL_TESTS, "give it a test with rows to check by hand in tests/integrity/test_scan.py"


def test_detectors_stand_in_the_order_of_the_kinds() -> None:
    assert list(DETECTORS) == list(KINDS)
    assert len(attacks.ATTACKS) >= 8


def test_sentences_of_every_kind_read_their_facts() -> None:
    for kind in KINDS:
        finding = Finding(kind, "shop", DAY, 0.5)
        assert "–" in finding.zh()
        assert "–" in finding.en()
    with pytest.raises(ValueError, match="expected one of self_dealing_ring"):
        Finding("gossip", "shop", DAY, 1)


# --- precision and recall ------------------------------------------------------------------------------------------


def test_attacks_of_seeds_that_set_no_threshold_are_found_and_the_honest_left_alone() -> None:
    units, judged, honest = detectors.measure(
        [9001], [0.5, 1.0], merchants=700, transactions=70_000, attack_count=3, decoy_count=2
    )
    strong, middling = (units[~units.honest & (units.strength == s)] for s in (1.0, 0.5))
    assert strong.found.mean() >= 0.9
    assert middling.found.mean() >= 0.75
    by_kind = strong.groupby("kind").found.mean()
    assert set(by_kind.index) == set(attacks.ATTACKS)
    assert (by_kind >= 0.5).all(), by_kind
    assert judged.right.mean() >= 0.9
    assert honest.flagged.sum() / honest.merchants.sum() <= 0.004


# --- the page and the verbs ----------------------------------------------------------------------------------------


def test_the_page_lists_every_parameter_with_its_value() -> None:
    page = (ROOT / "docs" / "reference" / "detectors.md").read_text(encoding="utf-8")
    for parameter in base.PARAMETERS.values():
        assert f"| `{parameter.name}` | {parameter.value:g} {parameter.unit} | {parameter.why} |" in page
    explanation = (ROOT / "docs" / "explanation" / "manipulation.md").read_text(encoding="utf-8")
    for kind, names in KINDS.items():
        assert f"## {kind} {names.zh} {names.en}\n" in page
        assert kind not in attacks.ATTACKS or f"| `{kind}` {names.zh} |" in explanation


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    conf = Settings(home=tmp_path_factory.mktemp("integrity"), zone=ZONE, threads=1)
    with open_warehouse(conf) as con:
        put(con, _manipulated())
    return conf.home


def _run(*words: str, home: Path) -> Any:
    return CliRunner().invoke(app, ["integrity", *words, "--date", str(DAY), "--home", str(home)])


def test_scan_and_show_tell_the_same_finding(home: Path) -> None:
    report = json.loads(_run("scan", "--json", home=home).stdout)
    ring = next(candidate for candidate in report["findings"] if candidate["kind"] == "self_dealing_ring")
    table = _run("scan", home=home).stdout
    assert ring["id"] in table.replace("\n", "")
    assert "nothing is decided by it" in table
    evidence = json.loads(_run("show", ring["id"][:8], "--json", home=home).stdout)
    assert [row["transaction_id"] for row in evidence["rows"]["orders"]] == sorted(
        ring["orders"], key=lambda key: int(key[1:])
    )
    assert {row["rating_overall"] for row in evidence["rows"]["reviews"]} == {5}
    assert "自买自卖团伙" in _run("show", ring["id"], home=home).stdout


def test_unknown_kinds_and_findings_are_named(home: Path) -> None:
    for words, reason in ((("scan", "--kind", "gossip"), "expected one of"), (("show", "zz"), "no finding begins")):
        result = _run(*words, home=home)
        assert isinstance(result.exception, UserError)
        assert reason in str(result.exception)
