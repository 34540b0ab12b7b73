"""Publishing: what is in a version, what must not be, and that readers only ever see whole ones."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import pyarrow.parquet as pq
import pytest

from credit.disclosure import documents, personal, versions
from credit.disclosure.publishing import Publication, publish
from credit.errors import UserError
from credit.evaluation import night
from credit.home import open_warehouse
from credit.intake import landing, merging
from credit.ledgers import moments, sanctions
from credit.proof import Keys, keys
from credit.rulebooks import reading
from credit.settings import Settings
from support import rules

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

DAY = date(2026, 11, 24)
Enact = Callable[[duckdb.DuckDBPyConnection, Path], None]
SCHEMA = json.loads(documents.SCHEMA.read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())

HOSTILE_NAME = '<script>alert(1)</script>=HYPERLINK("x")'
HOSTILE_IDS = (
    "../../../etc/passwd",
    "..",
    "quote\"s and 's, <script>alert(1)</script>",
    '=HYPERLINK("x")',
    "-1+1",
    "@SUM(A1)",
    "a/b\\c%2e%2E~d",
    "商" * 128,
)

SUBJECTS: list[dict[str, Any]] = [
    {
        "subject_id": "E1",
        "kind": "enterprise",
        "role": "seller",
        "name": "恒汇食品有限公司",
        "uscc": "91330198MA3000926M",
        "licence_no": "91330198MA3000926M",
        "id_number": "330198199001011234",
        "address": "和平街44号",
        "contact": "e1@shop.example",
        "self_operated": "true",
        "deposit_amount": "5000",
        "joined_on": "2024-01-01",
    },
    {
        "subject_id": "I1",
        "kind": "individual",
        "role": "seller",
        "name": "王小明",
        "uscc": "92330198MA3000926M",
        "id_number": "330198199001015678",
        "address": "长江路112号",
        "contact": "13900001111",
        "shop_name": "王小明的小店",
        "permit_no": "JY1-王小明",
        "icp_record": "王 小明 +8613900001111",
        "category": "食品",
    },
    {"subject_id": "buyer-subject", "kind": "individual", "role": "buyer", "name": "赵买家"},
    {"subject_id": "H0", "kind": "enterprise", "role": "seller", "name": HOSTILE_NAME},
    {"subject_id": "H1", "kind": "enterprise", "role": "seller", "name": '=HYPERLINK("x")', "self_operated": "true"},
    *({"subject_id": hostile, "kind": "individual", "role": "seller", "name": "=1+1"} for hostile in HOSTILE_IDS),
]


def _orders(subject_id: str, number: int, **columns: Any) -> list[dict[str, Any]]:
    return [
        {
            "transaction_id": f"{subject_id}-{i}",
            "subject_id": subject_id,
            "buyer_id": f"BUYER-{i}",
            "ordered_at": (DAY - timedelta(days=10 + i)).isoformat() + " 10:00:00",
            "completed_at": (DAY - timedelta(days=5 + i)).isoformat() + " 10:00:00",
            "refund_reason": "none",
            "amount": "100.00",
            "currency": "CNY",
        }
        | columns
        for i in range(number)
    ]


# 24 orders of E1, all 11 to 34 days old: 21 within 30 days; 12 of I1; 3 of H0.
TRANSACTIONS = [*_orders("E1", 24), *_orders("I1", 12), *_orders("H0", 3)]
# E1: 5,5,5,5,5,5,5 4,4,4 1: two small parts hide the distribution.
REVIEWS = [
    {
        "review_id": f"R{i}",
        "transaction_id": f"E1-{i}",
        "subject_id": "E1",
        "buyer_id": f"BUYER-{i}",
        "reviewed_at": "2026-11-20 10:00:00",
        "rating_overall": stars,
        "text": "BUYER-TEXT",
    }
    for i, stars in enumerate([5] * 7 + [4] * 3 + [1])
]
# E1: six complaints on the platform, of which five were upheld; I1: two.
COMPLAINTS = [
    {
        "complaint_id": f"C{i}",
        "subject_id": "E1" if i < 6 else "I1",
        "buyer_id": f"BUYER-{i}",
        "channel": "platform",
        "category": "quality",
        "filed_at": "2026-11-10 10:00:00",
        "first_response_at": "2026-11-10 12:00:00",
        "resolved_at": "2026-11-12 10:00:00",
        "outcome": "upheld" if i < 5 else "rejected",
        "liability": "seller" if i < 5 else "none",
    }
    for i in range(8)
]
SANCTIONS = [
    {"sanction_id": "S1", "subject_id": "E1", "kind": "warning", "reason": "与经营者王小明串通", "imposed_at": "2026-11-01 00:00:00", "until_at": "2026-12-01 00:00:00"},
    {"sanction_id": "S2", "subject_id": "E1", "kind": "restriction", "reason": "over", "imposed_at": "2026-10-01 00:00:00", "until_at": "2026-11-01 00:00:00"},
    {"sanction_id": "S3", "subject_id": "I1", "kind": "suspension", "reason": "王小明（13900001111）售假", "imposed_at": "2026-11-01 00:00:00"},
]  # fmt: skip
RECORDS = [
    {"record_id": "P1", "subject_id": "E1", "kind": "tax_grade", "issuer": "税务局", "grade": "A", "valid_from": "2026-04-20", "valid_until": "2026-11-24"},
    {"record_id": "P3", "subject_id": "I1", "kind": "administrative_penalty", "issuer": "市场监管局（王小明案）",
     "reference": "王小明罚（2026）1号 330198199001015678", "grade": "minor", "valid_from": "2026-11-01", "note": "王 小明，１３９００００１１１１"},
    {"record_id": "P2", "subject_id": "E1", "kind": "award", "issuer": "商务局", "valid_from": "2025-01-01", "valid_until": "2026-11-23"},
]  # fmt: skip


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    sink = io.StringIO()
    writer = csv.DictWriter(sink, list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    writer.writerows(rows)
    return sink.getvalue()


def _deliver(conf: Settings, folder: Path, day: date, **tables: Sequence[Mapping[str, Any]]) -> None:
    folder.mkdir(parents=True)
    for name, rows in tables.items():
        (folder / f"{name}.csv").write_text(_csv(rows), encoding="utf-8")
    with open_warehouse(conf) as con:
        merging.accept(con, landing.land(con, conf, "canonical", folder, day).batch_id)


def evaluate_home(home: Path, days: Sequence[date] = (DAY,)) -> Settings:
    conf = Settings(home=home, threads=1, memory_limit="512MB")
    _deliver(
        conf,
        home.parent / f"{home.name}-delivery",
        DAY,
        subjects=SUBJECTS,
        transactions=TRANSACTIONS,
        reviews=REVIEWS,
        complaints=COMPLAINTS,
        sanctions=SANCTIONS,
        public_records=RECORDS,
    )
    with open_warehouse(conf) as con:
        for day in days:
            night.evaluate(con, conf, day)
    return conf


def _publish(conf: Settings, day: date | None = None) -> Publication:
    with open_warehouse(conf) as con:
        return publish(con, conf, day)


@pytest.fixture(scope="module", autouse=True)
def _rulebooks_read_once() -> Iterator[None]:
    """Reading a rulebook takes longer than all else here."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reading, "parse", cache(reading.parse))
        patched.setattr(os, "sync", lambda: None)  # waits for what everybody else writes, too
        yield


@pytest.fixture(scope="module")
def evaluated_home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with three evaluated nights and nothing published; copy it, do not change it."""
    return evaluate_home(
        tmp_path_factory.mktemp("made") / "home", [DAY, DAY + timedelta(days=1), DAY + timedelta(days=2)]
    )


@pytest.fixture(scope="module")
def version(evaluated_home: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published version of DAY; do not change it."""
    home = tmp_path_factory.mktemp("published") / "home"
    shutil.copytree(evaluated_home.home, home)
    return _publish(evaluated_home.model_copy(update={"home": home}), DAY).path


@pytest.fixture
def conf(evaluated_home: Settings, tmp_path: Path) -> Settings:
    """A copy of the made home, to publish in."""
    shutil.copytree(evaluated_home.home, tmp_path / "home")
    copied = evaluated_home.model_copy(update={"home": tmp_path / "home"})
    Keys.load(copied)
    return copied


@pytest.fixture
def version_in_force(version: Path, conf: Settings) -> Path:
    """`conf` has published DAY: this version."""
    shutil.copytree(version.parents[1], conf.published, symlinks=True)
    return conf.published / "versions" / version.name


def _documents(version: Path) -> dict[str, dict[str, Any]]:
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(version.glob("merchants/*/*.json"))]
    return {document["subject"]["subject_id"]: document for document in documents}


def _content(version: Path) -> dict[str, bytes]:
    """All but what tells how the version follows on others."""
    files = {p.relative_to(version).as_posix(): p.read_bytes() for p in version.rglob("*") if p.is_file()}
    return {path: content for path, content in files.items() if path.split("/")[0] not in versions.FOLLOWS}


def _verify(version: Path) -> None:
    """The version is whole: its name tells its manifest, its manifest tells every file."""
    manifest = (version / "manifest.json").read_bytes()
    assert version.resolve().name.endswith(hashlib.sha256(manifest).hexdigest()[:12])
    content = _content(version)
    files = json.loads(manifest)["files"]
    for path, part in json.loads(manifest)["parts"].items():
        listed = json.loads(content[path])
        assert part.pop("files") == len(listed)
        files |= listed | {path: part}
    assert set(content) == {*files, "manifest.json"}
    for path, entry in files.items():
        assert entry == {"bytes": len(content[path]), "sha256": hashlib.sha256(content[path]).hexdigest()}, path
    feed = json.loads((version / "feed.json").read_bytes())
    assert feed["changes"][-1]["to"]["manifest"] == hashlib.sha256(manifest).hexdigest()
    for change in feed["changes"]:
        change_file = (version / change["path"]).read_bytes()
        assert (change["bytes"], change["sha256"]) == (len(change_file), hashlib.sha256(change_file).hexdigest())
    assert {p.name for p in (version / "feed").iterdir()} == {Path(c["path"]).name for c in feed["changes"]}


def _figures(document: dict[str, Any], days: int) -> dict[str, Any]:
    return next(window for window in document["figures"] if window["window_days"] == days)


# --- what is in a version ----------------------------------------------------------------------------------------


def test_every_document_validates(version: Path) -> None:
    VALIDATOR.check_schema(SCHEMA)
    by_id = _documents(version)
    assert set(by_id) == {row["subject_id"] for row in SUBJECTS if row["role"] == "seller"}
    for document in by_id.values():
        VALIDATOR.validate(document)


def test_the_schema_refuses_what_it_does_not_know(version: Path) -> None:
    document = _documents(version)["E1"]
    for place in (document, document["subject"], document["elements"][0]["indicators"][0], document["figures"][0]):
        place["buyer_id"] = "x"
        assert not VALIDATOR.is_valid(document)
        del place["buyer_id"]
    assert VALIDATOR.is_valid(document)


def test_the_schema_names_every_published_column_of_the_register() -> None:
    published = {column.name for column in personal.published_columns()}
    assert set(SCHEMA["$defs"]["subject"]["properties"]) == published | {"states"}
    assert documents.RECORD_KINDS.keys() == set(
        SCHEMA["$defs"]["record"]["properties"]["kind"]["properties"]["code"]["enum"]
    )
    assert documents.SANCTION_KINDS.keys() == set(SCHEMA["$defs"]["sanction"]["properties"]["kind"]["properties"]["code"]["enum"])  # fmt: skip


def test_figures_of_one_merchant(version: Path) -> None:
    figures = _figures(_documents(version)["E1"], 30)
    assert figures["transactions"]["orders"] == {"state": "measured", "at_least": 20, "below": 50}
    assert figures["transactions"]["amount"] == {"state": "measured", "at_least": 2000, "below": 5000}
    assert figures["transactions"]["completion_rate"] == {"state": "measured", "value": 1.0}
    assert figures["transactions"]["refund_rate"] == {"state": "measured", "value": 0.0}
    assert figures["transactions"]["on_time_dispatch_rate"] == {"state": "missing", "value": None}
    suppressed, zero = {"state": "suppressed", "value": None}, {"state": "measured", "value": 0}
    assert figures["reviews"] == {
        "count": {"state": "measured", "value": 11},
        "mean": {"state": "measured", "value": 4.5},  # (35 + 12 + 1) / 11 = 4.36, in half stars
        "distribution": dict.fromkeys("12345", suppressed),  # 1 and 3 are small
        "coverage": {"state": "measured", "value": 0.52},  # 11 of 21 ordered within 30 days
    }
    complaints = figures["complaints"]
    assert complaints["count"] == {"state": "measured", "value": 6}
    assert complaints["rate"] == {"state": "measured", "value": 0.29}
    assert complaints["upheld"] == suppressed  # 5 of 6: the sixth would be left over
    assert complaints["response_median_hours"] == {"state": "measured", "value": 2.0}
    assert complaints["resolution_median_days"] == {"state": "measured", "value": 2.0}
    assert complaints["by_channel"]["platform"] == {"state": "measured", "value": 6}
    assert complaints["by_channel"]["court"] == zero


def test_small_counts_and_rates_are_suppressed(version: Path) -> None:
    document = _documents(version)["I1"]
    complaints = _figures(document, 30)["complaints"]
    assert {complaints[name]["state"] for name in ("count", "rate", "upheld", "response_median_hours")} == {
        "suppressed"
    }
    indicators = {i["name"]: i for element in document["elements"] for i in element["indicators"]}
    assert indicators["complaint_rate"]["state"] == "suppressed"
    assert indicators["order_volume"] | {"at_least": 10, "below": 20} == indicators["order_volume"]
    assert _documents(version)["H0"]["figures"][0]["transactions"]["orders"]["below"] == 5


def test_nothing_recorded_is_not_zero(version: Path) -> None:
    document = _documents(version)["H1"]
    assert document["grade"] == "NR"
    assert document["score"] is None
    assert document["not_rated"]["code"] == document["not_rated_reason"] == "no_orders"
    assert document["meaning"] == {"zh": "未评级", "en": "Not rated"}
    assert {element["points"] for element in document["elements"]} == {None}
    assert document["currency"] is None
    assert _figures(document, 365)["reviews"]["mean"] == {"state": "not_applicable", "value": None}
    assert document["sanctions"] == {"state": "measured", "in_force": []}


def test_what_is_in_force_on_the_day(version: Path) -> None:
    document = _documents(version)["E1"]
    (sanction,) = document["sanctions"]["in_force"]
    assert (sanction["kind"]["zh"], sanction["imposed_on"], sanction["until"]) == ("警告", "2026-11-01", "2026-11-30")
    (record,) = document["public_records"]["in_force"]
    assert (record["kind"]["code"], record["issuer"], record["valid_until"]) == ("tax_grade", "税务局", "2026-11-24")


def test_a_sanction_is_shown_until_its_last_day_whether_delivered_or_by_command(
    conf: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moments, "now", lambda: datetime(2026, 11, 24, 4, tzinfo=UTC))
    rows = [
        {"subject_id": "H1", "kind": "warning", "reason": "r", "imposed_at": "2026-11-01 00:00:00", "until_at": until}
        | {"sanction_id": f"S{until}"}
        for until in ("2026-12-05 00:00:00", "2026-12-05 00:00:01")
    ]  # fmt: skip
    _deliver(conf, tmp_path / "more", DAY, sanctions=rows)
    with open_warehouse(conf) as con:
        sanctions.impose(con, "H1", kind="warning", reason="r", by="Li Wei", until=date(2026, 12, 4))
        publication = publish(con, conf, DAY)
    in_force = _documents(publication.path)["H1"]["sanctions"]["in_force"]
    assert [(sanction["source"], sanction["until"]) for sanction in in_force] == [
        ("delivered", "2026-12-04"), ("delivered", "2026-12-05"), ("ledger", "2026-12-04"),
    ]  # fmt: skip


def test_self_operated_is_marked_wherever_a_grade_is(version: Path) -> None:
    """Also where another merchant has the very grade: badges are shared."""
    by_id = _documents(version)
    assert by_id["H0"]["grade"] == by_id["H1"]["grade"]
    self_operated = {
        document["subject"]["subject_id"]: bool(document["subject"]["self_operated"]) for document in by_id.values()
    }
    assert {i for i in self_operated if self_operated[i]} == {"E1", "H1"}
    feed = json.loads((version / json.loads((version / "feed.json").read_bytes())["changes"][-1]["path"]).read_bytes())
    assert {merchant["subject_id"]: merchant["self_operated"] for merchant in feed["merchants"]} == self_operated
    keys = pq.read_table(version / "bulk/sort_keys.parquet").to_pylist()
    assert {row["subject_id"]: row["self_operated"] for row in keys} == self_operated
    badges = {i: (version / documents.paths([i])[i]).with_suffix(".svg").read_text(encoding="utf-8") for i in by_id}
    assert {i: "平台自营" in badge for i, badge in badges.items()} == self_operated
    platform = json.loads((version / "platform.json").read_bytes())
    assert {row["subject_id"] for row in platform["sanctions"] if row["self_operated"]} == {"E1"}


def test_a_night_before_the_rules_is_marked(evaluated_home: Settings, version: Path, tmp_path: Path) -> None:
    assert _documents(version)["E1"]["rulebook"]["standing"] == "in_force"
    early = DAY - timedelta(days=30)
    conf = Settings(home=tmp_path / "home", threads=1)
    rows = {
        "subjects": SUBJECTS[:1],
        "transactions": [TRANSACTIONS[0] | {"ordered_at": "2026-10-01", "completed_at": ""}],
    }
    _deliver(conf, tmp_path / "early", early, **rows)
    with open_warehouse(conf) as con:
        night.evaluate(con, conf, early)
        document = _documents(publish(con, conf).path)["E1"]
    assert document["rulebook"]["standing"] == "replay"
    assert "并未施行" in document["rulebook"]["note"]["zh"]
    assert document["sanctions"] == {"state": "missing", "in_force": None}
    assert _figures(document, 30)["complaints"]["count"] == {"state": "missing", "value": None}
    VALIDATOR.validate(document)


def test_a_trial_is_marked_in_every_file(tmp_path: Path) -> None:
    conf = evaluate_home(tmp_path / "home", [])
    draft = tmp_path / "draft.yaml"
    text = rules.ENTERPRISE.read_text(encoding="utf-8")
    draft.write_text(text.replace("grade: AA, at_least: 85", "grade: AA, at_least: 86"), encoding="utf-8")
    with open_warehouse(conf) as con:
        night.evaluate(con, conf, DAY, [draft], trial=True)
        path = publish(con, conf).path
    _verify(path)
    for document in _documents(path).values():
        VALIDATOR.validate(document)
        assert document["rulebook"]["standing"] == "trial"
        assert "试算" in document["rulebook"]["note"]["zh"]
    (book,) = json.loads((path / "index.json").read_text(encoding="utf-8"))["rulebooks"]
    assert book["standing"] == "trial"
    for name in ("grades", "elements", "indicators"):
        assert set(pq.read_table(path / f"bulk/{name}.parquet")["standing"].to_pylist()) == {"trial"}
    life = json.loads((path / "rulebooks/life.json").read_text(encoding="utf-8"))
    keys.init(conf, tmp_path / "root", datetime.now(UTC))
    with open_warehouse(conf) as con, pytest.raises(UserError, match="a trial is not signed by the platform's keys"):
        publish(con, conf)
    for rulebook in life["versions"]:
        assert hashlib.sha256((path / rulebook["path"]).read_bytes()).hexdigest() == rulebook["hash"] != book["hash"]


def test_points_add_up_to_the_score(version: Path) -> None:
    rated = [document for document in _documents(version).values() if document["grade"] != "NR"]
    assert rated
    for document in rated:
        total = sum(element["points"] or 0 for element in document["elements"])
        assert total == pytest.approx(document["score"], abs=0.25 * len(document["elements"]))
        assert sum(element["effective_weight"] for element in document["elements"]) == pytest.approx(1, abs=1e-3)


def test_grades_over_time_are_those_of_one_rulebook(version: Path) -> None:
    """An A of enterprises is not an A of individuals: they are not added up."""
    platform = json.loads((version / "platform.json").read_text(encoding="utf-8"))
    last = {month["rulebook"]: month["grades"] for month in platform["history"] if month["on"] == str(DAY)}
    assert last == {book["id"]: book["grades"] for book in platform["rulebooks"]}
    assert len(last) > 1


def test_points_do_not_tell_what_is_not_shown(version: Path) -> None:
    """The curve is public: the points of a number that is withheld, or of a band, would tell it."""
    withheld, shown = 0, 0
    for document in _documents(version).values():
        assert round(document["evidence"], 2) == document["evidence"]
        for element in document["elements"]:
            indicators = [
                indicator for indicator in element["indicators"] if indicator["state"] in ("measured", "suppressed")
            ]
            assert element["points"] is None or element["points"] in (
                round(2 * element["points"]) / 2,
                round(100 * element["effective_weight"], 2),
            )
            for indicator in (indicator for indicator in (element, *indicators) if indicator["points"] is not None):
                assert indicator["points"] <= round(100 * indicator["effective_weight"], 2)
                assert indicator["points"] in (
                    round(indicator["points"], 1),
                    round(100 * indicator["effective_weight"], 2),
                )
            for indicator in indicators:
                if indicator.get("value") is None:
                    assert indicator["points"] is None
                    withheld += 1
                elif indicator["unit"] != "stars" and document["grade"] != "NR":
                    assert indicator["points"] is not None
                    shown += 1
    assert withheld
    assert shown


def test_bulk_files_say_what_the_documents_say(version: Path) -> None:
    by_id = _documents(version)
    grades = pq.read_table(version / "bulk/grades.parquet")
    assert grades.column_names[:9] == [
        "subject_id", "subject_kind", "grade", "score", "evidence", "not_rated_reason", "evaluated_on", "rulebook",
        "rulebook_hash",
    ]  # fmt: skip
    assert (str(grades.schema.field("score").type), str(grades.schema.field("evaluated_on").type)) == (
        "double",
        "date32[day]",
    )
    rows = grades.to_pylist()
    assert len(rows) == len(by_id)
    for row in rows:
        document = json.loads((version / row["document"]).read_text(encoding="utf-8"))
        assert document == by_id[row["subject_id"]]
        assert row["evaluated_on"] == DAY
        for name in ("grade", "score", "evidence", "not_rated_reason"):
            assert row[name] == document[name]
        assert (row["rulebook"], row["rulebook_hash"]) == (document["rulebook"]["id"], document["rulebook"]["hash"])
        assert row["name"] == document["subject"]["name"]
        assert row["standing"] == document["rulebook"]["standing"]
    ndjson = [json.loads(line) for line in (version / "bulk/grades.ndjson").read_text(encoding="utf-8").splitlines()]
    assert ndjson == [row | {"evaluated_on": str(DAY)} for row in rows]
    elements = pq.read_table(version / "bulk/elements.parquet")
    assert elements.column_names == ["subject_id", "element", "weight", "points", "standing"]
    assert {(row["subject_id"], row["element"]): (row["weight"], row["points"]) for row in elements.to_pylist()} == {
        (i, e["name"]): (e["weight"], e["points"]) for i, document in by_id.items() for e in document["elements"]
    }
    indicators = pq.read_table(version / "bulk/indicators.parquet").to_pylist()
    columns = ("state", "value", "at_least", "below", "effective_weight", "points", "unit", "window_days")
    assert {(row["subject_id"], row["indicator"]): [row[name] for name in columns] for row in indicators} == {
        (subject_id, i["name"]): [i.get(name) for name in columns]
        for subject_id, document in by_id.items()
        for e in document["elements"]
        for i in e["indicators"]
    }


def test_the_index_describes_the_version(version: Path) -> None:
    _verify(version)
    index = json.loads((version / "index.json").read_text(encoding="utf-8"))
    assert index["merchants"] == len(_documents(version))
    assert index["disclosure"]["next_update"] == str(DAY + timedelta(days=1))
    assert index["disclosure"]["objection"]["contact"] in index["disclosure"]["objection"]["zh"]
    for book in index["rulebooks"]:
        assert hashlib.sha256((version / book["path"]).read_bytes()).hexdigest() == book["hash"]
        assert sum(book["grades"].values()) == book["merchants"]


# --- what must not be in a version -------------------------------------------------------------------------------


def test_natural_persons_are_masked(version: Path) -> None:
    subject = _documents(version)["I1"]["subject"]
    assert subject["name"] == "王**"
    assert [subject[name] for name in ("uscc", "address", "contact")] == [None] * 3
    assert subject["states"] | {"name": "masked", "uscc": "withheld", "address": "withheld"} == subject["states"]
    enterprise = _documents(version)["E1"]["subject"]
    assert (enterprise["name"], enterprise["address"]) == ("恒汇食品有限公司", "和平街44号")
    shown = ("shop_name", "permit_no", "icp_record", "category")
    assert [subject[name] for name in shown] == ["王**的小店", "JY1-王**", "王** ***", "食品"]
    assert (
        subject["states"] | {"shop_name": "masked", "permit_no": "masked", "icp_record": "masked"} == subject["states"]
    )
    assert "category" not in subject["states"]
    assert _documents(version)["I1"]["sanctions"]["in_force"][0]["reason"] == "王**（***）售假"
    (record,) = _documents(version)["I1"]["public_records"]["in_force"]
    assert (record["issuer"], record["reference"]) == ("市场监管局（王**案）", "王**罚（2026）1号 ***")
    assert record["note"] == "王**，***"
    # Also where another merchant is what is spoken of.
    assert _documents(version)["E1"]["sanctions"]["in_force"][0]["reason"] == "与经营者王**串通"


def test_the_document_number_of_a_sanction_by_command_is_masked(conf: Settings) -> None:
    with open_warehouse(conf) as con:
        sanctions.impose(con, "I1", kind="warning", reason="r", by="Li Wei", reference="王小明 2026-1")
        publication = publish(con, conf, DAY)
    assert _documents(publication.path)["I1"]["sanctions"]["in_force"][-1]["reference"] == "王** 2026-1"


def test_nothing_of_consumers_and_nothing_personal(version: Path, evaluated_home: Settings) -> None:
    with open_warehouse(evaluated_home, read_only=True) as con:
        pseudonyms = con.execute("SELECT DISTINCT buyer_id FROM canonical.transactions").fetchall()
        buyers = con.execute("SELECT subject_id FROM canonical.subjects WHERE role = 'buyer'").fetchall()
    assert len(pseudonyms) == 24
    forbidden = [row[0] for row in pseudonyms + buyers] + [
        "BUYER", "buyer-subject", "赵", "小明", "13900001111", "1990010", "长江路", "92330198", str(evaluated_home.home), "tmp",
    ]  # fmt: skip
    text = "\n".join(
        str(pq.read_table(io.BytesIO(content)).to_pylist()) if path.endswith(".parquet") else content.decode()
        for path, content in _content(version).items()
        if not path.startswith("rulebooks/")
    )
    for word in forbidden:
        assert word not in text, word


def test_hostile_names_and_ids(version: Path) -> None:
    by_id = _documents(version)
    assert by_id["H0"]["subject"]["name"] == HOSTILE_NAME
    root = version.resolve()
    for path, content in _content(version).items():
        assert (version / path).resolve().is_relative_to(root)
        assert not set(path) & set("<>\"'\\ :*?|")
        assert ".." not in path
        assert len(path) < 140
        if path.endswith((".json", ".ndjson")) and not path.startswith("schema/"):
            assert b"<" not in content
            assert b">" not in content
    text = (version / "bulk/grades.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbf")
    assert text.count(b"\n") == text.count(b"\r\n") == 1 + len(by_id)
    rows = list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"), newline="")))
    for row in rows:
        for name, cell in row.items():
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), (name, cell)
        float(row["evidence"])
    assert {"'=HYPERLINK(\"x\")", "'-1+1", "'@SUM(A1)", "../../../etc/passwd", 'quote"s and \'s, <script>alert(1)</script>'} <= {
        row["subject_id"] for row in rows
    }  # fmt: skip
    assert {row["subject_id"]: row["name"] for row in rows}["H0"] == HOSTILE_NAME
    ids = {row["subject_id"] for row in pq.read_table(version / "bulk/grades.parquet").to_pylist()}
    assert set(HOSTILE_IDS) < ids


def test_buyers_are_not_published(conf: Settings, tmp_path: Path, enacted: Enact) -> None:
    seller = rules.INDIVIDUAL
    buyer = tmp_path / "buyer.yaml"
    text = seller.read_text(encoding="utf-8")
    buyer.write_text(text.replace("id: gbt-28041-individual", "id: buyers").replace("role: seller", "role: buyer"))
    with open_warehouse(conf) as con:
        enacted(con, buyer)
        evaluations = night.evaluate(con, conf, DAY, [seller, buyer])
        assert [len(evaluation.grades) for evaluation in evaluations if evaluation.rulebook.id == "buyers"] == [1]
        path = publish(con, conf, DAY).path
    kinds = {document["subject"]["role"] for document in _documents(path).values()}
    assert kinds == {"seller"}
    assert not (path / "rulebooks/buyers-0.2.0.yaml").exists()


# Days before the cut-off at which each complaint was filed.
_FILED = {"W1": [40] * 5 + [300] * 2, "W2": [10] * 6 + [40] * 6}
# Reviews of the last 30 days with 1 to 5 stars.
_STARRED = {"W1": (0, 0, 0, 12, 30), "W2": (0, 0, 3, 5, 40), "W3": (0, 0, 0, 1, 6)}
# The reasons of refunds of 20 orders.
_REFUNDED = {"W1": 4, "W2": 5, "W3": 0}


def _days_ago(days: int) -> str:
    return f"{DAY - timedelta(days=days)} 10:00:00"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published version of three merchants of whom small counts would follow from others."""
    folder = tmp_path_factory.mktemp("people")
    conf = Settings(home=folder / "home", threads=1, memory_limit="512MB")
    _deliver(
        conf,
        folder / "delivery",
        DAY,
        subjects=[{"subject_id": i, "kind": "enterprise", "role": "seller", "name": i} for i in _STARRED],
        transactions=[
            # Sent at once: without it there is too little evidence for a grade.
            row
            | {"dispatched_at": row["ordered_at"]}
            | ({"refund_reason": "quality", "refund_requested_at": _days_ago(4)} if n < _REFUNDED[i] else {})
            for i in _STARRED
            for n, row in enumerate(_orders(i, 20))
        ],
        reviews=[
            {"review_id": f"{i}-{star}-{n}", "subject_id": i, "reviewed_at": _days_ago(4), "rating_overall": star}
            for i, numbers in _STARRED.items()
            for star, number in enumerate(numbers, 1)
            for n in range(number)
        ],
        complaints=[
            {"complaint_id": f"{i}-{n}", "subject_id": i, "channel": "platform", "category": "quality", "filed_at": _days_ago(days)}
            for i, filed in _FILED.items()
            for n, days in enumerate(filed)
        ],
    )  # fmt: skip
    with open_warehouse(conf) as con:
        night.evaluate(con, conf, DAY)
    return _publish(conf).path


def _every_window(document: dict[str, Any], *path: str) -> list[Any]:
    """The values of 30, 180 and 365 days; the state of those without."""
    values: list[Any] = []
    for node in document["figures"]:
        for name in path:
            node = node[name]
        values.append(node["state"] if node["value"] is None else node["value"])
    return values


def _measured(document: dict[str, Any]) -> dict[str, Any]:
    """Indicator -> its value, or its state."""
    rows = [row for element in document["elements"] for row in element["indicators"]]
    return {row["name"]: row["state"] if row.get("value") is None else row["value"] for row in rows}


def test_windows_do_not_tell_what_lies_between_them(people: Path) -> None:
    by_id = _documents(people)
    # Five of 180 days and seven of 365: the two older ones would be left over.
    assert _every_window(by_id["W1"], "complaints", "count") == [0, "suppressed", 7]
    assert _every_window(by_id["W1"], "complaints", "rate")[1] == "suppressed"
    assert _every_window(by_id["W1"], "complaints", "by_channel", "platform") == [0, "suppressed", 7]
    assert _every_window(by_id["W2"], "complaints", "count") == [6, 12, 12]
    assert _every_window(by_id["W3"], "complaints", "count") == [0, 0, 0]


def test_stars_of_which_one_is_few_are_not_told(people: Path) -> None:
    by_id = _documents(people)
    stars = {i: [_every_window(by_id[i], "reviews", "distribution", star)[2] for star in "12345"] for i in by_id}
    assert stars == {"W1": [0, 0, 0, 12, 30], "W2": ["suppressed"] * 5, "W3": ["suppressed"] * 5}
    # 198 / 42 and 229 / 48. Of seven reviews that are not all fives, only one four and six fives are 5 in half stars.
    assert [_every_window(by_id[i], "reviews", "mean")[2] for i in _STARRED] == [4.7, 4.8, "suppressed"]
    assert [_measured(by_id[i])["rating_overall"] for i in _STARRED] == [4.7, 4.8, "suppressed"]
    points = {i: {row["name"]: row["points"] for e in by_id[i]["elements"] for row in e["indicators"]} for i in by_id}
    # By the curve they would tell the mean to more than its one decimal.
    assert [points[i]["rating_overall"] is None for i in _STARRED] == [False, True, True]
    for name, all_of_w1 in (("positive_share", 1.0), ("negative_share", 0.0)):
        assert [_measured(by_id[i])[name] for i in _STARRED] == [all_of_w1, "suppressed", "suppressed"]


def test_the_platform_does_not_tell_of_one_merchant(people: Path) -> None:
    platform = json.loads((people / "platform.json").read_text(encoding="utf-8"))
    assert _every_window(_documents(people)["W1"], "reviews", "count")[2] == 42
    assert _every_window(platform, "reviews", "count") == [97, 97, 97]  # 42 + 48 + 7, all shown
    # 17 and 19, less 12 of W2: W1 is left.
    assert _every_window(platform, "complaints", "count") == [6, "suppressed", 19]
    assert _every_window(platform, "complaints", "rate")[1] == "suppressed"
    # Eighteen fours less the twelve of W1 are of two merchants, and so are the 3 threes: 3 are too few.
    assert {_every_window(platform, "reviews", "distribution", star)[2] for star in "12345"} == {"suppressed"}


def test_few_buyers_who_came_back_or_asked_for_money_are_not_told(people: Path) -> None:
    by_id = _documents(people)
    assert [_measured(by_id[i])["refund_for_cause_rate"] for i in _STARRED] == ["suppressed", 0.25, 0.0]
    assert [_every_window(by_id[i], "transactions", "refund_rate")[2] for i in _STARRED] == ["suppressed", 0.25, 0.0]


# --- the same night is the same version --------------------------------------------------------------------------


def test_same_bytes_twice_and_in_another_home(
    conf: Settings, version: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _publish(conf, DAY)
    assert _content(first.path) == _content(version)
    assert first.files == len(_content(version))
    with monkeypatch.context() as never:
        never.setattr(versions, "make_durable", lambda _, damaged: pytest.fail("wrote again") if damaged else None)
        again = _publish(conf, DAY)
        assert (again.path, again.files, again.changes) == (first.path, first.files, None)
        assert again.kept == again.merchants
    other = evaluate_home(tmp_path / "elsewhere")  # has a pseudonym key of its own, and no other night
    again = _publish(other)
    assert again.version == first.version == version.name
    assert _content(again.path) == _content(version)


def test_nothing_after_the_cut_off_leaks(conf: Settings, version: Path, tmp_path: Path) -> None:
    later = DAY + timedelta(days=1)
    _deliver(
        conf,
        tmp_path / "later",
        later,
        subjects=[SUBJECTS[0] | {"name": "改名公司"}],
        transactions=_orders("E1", 9, ordered_at="2026-11-24 01:00:00", completed_at=""),
        sanctions=[SANCTIONS[0] | {"lifted_at": "2026-11-24 09:00:00"}, SANCTIONS[2] | {"sanction_id": "S9", "imposed_at": "2026-11-24 09:00:00"}],
        public_records=[RECORDS[0] | {"repaired_on": "2026-11-24"}],
    )  # fmt: skip
    assert _content(_publish(conf, DAY).path) == _content(version)


# --- versions ----------------------------------------------------------------------------------------------------


def _current(conf: Settings) -> Path:
    assert (conf.published / "current").readlink().parent == Path("versions")
    return (conf.published / "current").resolve()


def _leftovers(conf: Settings) -> list[Path]:
    return [*conf.published.glob(".*"), *conf.published.glob("versions/.*")]


def test_the_last_versions_are_kept(conf: Settings) -> None:
    conf = conf.model_copy(update={"keep_versions": 2})
    days = [DAY + timedelta(days=n) for n in (0, 1, 2)]
    paths = []
    for day in days:
        paths.append(_publish(conf, day).path)
        assert _current(conf) == paths[-1].resolve()
    folder = conf.published / "versions"
    assert sorted(folder.iterdir()) == sorted(paths[1:])
    earlier = _publish(conf, days[1])  # a version that is there: only the switch
    assert (earlier.path, _current(conf)) == (paths[1], paths[1].resolve())
    version_in_force = _publish(conf, days[0])  # published last, though its day is the oldest
    assert sorted(folder.iterdir()) == sorted([version_in_force.path, earlier.path])
    _verify(_current(conf))
    _publish(conf.model_copy(update={"keep_versions": 1}), days[2])
    assert list(folder.iterdir()) == [_current(conf)]


STEPS: dict[str, tuple[Any, str]] = {
    "writing a document": (versions.Draft, "write"),
    "making it durable": (versions, "make_durable"),
    "naming the version": (versions.os, "rename"),
    "making the link": (Path, "symlink_to"),
    "switching": (versions.os, "replace"),
    "removing old ones": (versions, "prune"),
}


def _no_space(*_: Any, **__: Any) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_the_old_version_stays(
    conf: Settings, version_in_force: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = _content(version_in_force)
    with monkeypatch.context() as broken:
        broken.setattr(*STEPS[step], _no_space)
        broken.setattr(versions.shutil, "rmtree", lambda *_, **__: None)  # nobody cleans up
        with pytest.raises(UserError, match="No space left"):
            _publish(conf, DAY + timedelta(days=1))
    assert _content(version_in_force) == before
    assert (_current(conf) != version_in_force.resolve()) == (step == "removing old ones")
    _verify(_current(conf))
    publication = _publish(conf, DAY + timedelta(days=1))
    assert _current(conf) == publication.path.resolve()
    _verify(_current(conf))
    assert _leftovers(conf) == []
    assert sorted((conf.published / "versions").iterdir()) == sorted([version_in_force, publication.path])


def test_a_failed_publish_cleans_up(conf: Settings, version_in_force: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions.os, "rename", _no_space)
    with pytest.raises(UserError, match="what was published before stays"):
        _publish(conf, DAY + timedelta(days=1))
    assert _leftovers(conf) == []
    assert _current(conf) == version_in_force.resolve()


def test_a_damaged_version_is_mended(conf: Settings, version_in_force: Path, version: Path) -> None:
    (version_in_force / "bulk/grades.csv").write_bytes(b"x")
    (version_in_force / "index.json").unlink()
    (version_in_force / "merchants/intruder.json").write_bytes(b"{}")
    assert _publish(conf, DAY).path == version_in_force
    assert _content(version_in_force) == _content(version)
    assert _leftovers(conf) == []


def test_current_that_is_no_link_is_left_alone(conf: Settings) -> None:
    (conf.published / "current").mkdir(parents=True)
    with pytest.raises(UserError, match="not a link"):
        _publish(conf)


# --- what cannot be published ------------------------------------------------------------------------------------


def test_nothing_evaluated(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing has been evaluated"):
        _publish(Settings(home=tmp_path / "home"))


def test_indicator_rows_are_gone(conf: Settings) -> None:
    with open_warehouse(conf) as con:
        con.execute("DELETE FROM results.indicators WHERE evaluated_on = ?", [DAY])
    with pytest.raises(UserError, match=f"evaluate --date {DAY}"):
        _publish(conf, DAY)


def test_a_second_rulebook_for_the_same_merchants_replaces_the_first(
    conf: Settings, tmp_path: Path, enacted: Enact
) -> None:
    own = tmp_path / "own.yaml"
    text = rules.ENTERPRISE.read_text(encoding="utf-8")
    own.write_text(text.replace("id: gbt-26842-enterprise", "id: own-rules"), encoding="utf-8")
    with open_warehouse(conf) as con:
        with pytest.raises(UserError, match="not in the ledger"):
            night.evaluate(con, conf, DAY, [own])
        enacted(con, own)
        night.evaluate(con, conf, DAY, [own])
        used = con.execute(
            "SELECT DISTINCT rulebook FROM results.grades WHERE subject_kind = 'enterprise' AND evaluated_on = ?", [DAY]
        ).fetchall()
        assert used == [("own-rules",)]
        assert publish(con, conf, DAY).merchants > 0
