"""The life of rulebooks: every step, every refusal, the choice of a night's rules, what is published of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from typer.testing import CliRunner

from credit.cli.main import app
from credit.disclosure import life as published_life
from credit.errors import UserError
from credit.evaluation import night as evaluation
from credit.evaluation import results
from credit.evaluation.night import choose
from credit.home import open_warehouse
from credit.intake.landing import fix_zone
from credit.ledgers import lifecycle, moments
from credit.ledgers.lifecycle import versions
from credit.ledgers.steps import announce, answer, comment, enact, propose
from credit.rulebooks import reading
from credit.settings import Settings
from support import rules

pytestmark = pytest.mark.slow

ID = "gbt-26842-enterprise"
FILE = rules.ENTERPRISE
SHIPPED = reading.load(FILE)
ZONE = ZoneInfo("Asia/Shanghai")
Connection = duckdb.DuckDBPyConnection


class Clock:
    """The wall clock of a test."""

    def __init__(self) -> None:
        self.now = datetime(2027, 1, 4, 10, tzinfo=ZONE)

    def set(self, text: str) -> None:
        self.now = datetime.fromisoformat(text).replace(tzinfo=ZONE)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    wall_clock = Clock()
    monkeypatch.setattr(moments, "now", lambda: wall_clock.now.astimezone(UTC))
    return wall_clock


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", zone=str(ZONE), threads=1)


@pytest.fixture
def con(home: Settings, clock: Clock) -> Iterator[Connection]:
    with open_warehouse(home) as opened:
        yield opened


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """`write(version, announced, effective, (old, new), ...)`: the shipped enterprise rules with other dates."""

    def made(
        version: str = "9.0.0",
        announced: str = "2027-01-20",
        effective: str = "2027-01-28",
        *changes: tuple[str, str],
        id_: str = ID,
    ) -> Path:
        text = SHIPPED.text
        for old, new in (
            (f"id: {ID}", f"id: {id_}"),
            (f"version: {SHIPPED.version}", f"version: {version}"),
            (f"announced_on: {SHIPPED.announced_on}", f"announced_on: {announced}"),
            (f"effective_from: {SHIPPED.effective_from}", f"effective_from: {effective}"),
            *changes,
        ):
            assert old in text
            text = text.replace(old, new, 1)
        path = tmp_path / f"{id_}-{version}.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return made


def _announced(con: Connection, clock: Clock, path: Path) -> None:
    """Proposed on the 4th, open to the 18th, announced on the 20th of January 2027."""
    clock.set("2027-01-04 10:00")
    propose(con, path, by="Li Wei", comments_until=date(2027, 1, 18))
    clock.set("2027-01-20 15:30")
    announce(con, ID, reading.load(path).version, by="Li Wei")


def _version(con: Connection, version: str = "9.0.0") -> lifecycle.Version:
    return lifecycle.find(con, ID, version)


# --- a whole life ------------------------------------------------------------------------------------------------


def test_a_whole_life(con: Connection, clock: Clock, write: Write) -> None:
    path = write()
    assert propose(con, path, by="Li Wei").state == "draft"
    assert propose(con, path, by="Li Wei", comments_until=date(2027, 1, 18)).state == "open"
    number = comment(con, ID, "9.0.0", by="恒瑞食品", text="权重过高")
    text = path.read_text(encoding="utf-8").replace("信用优良", "信用良好")
    path.write_text(text, encoding="utf-8")
    assert [e.event for e in propose(con, path, by="Zhao Min").events] == ["proposed", "opened", "revised"]
    answer(con, number, by="Li Wei", outcome="partly", reason="改为 30")
    clock.set("2027-01-20 15:30")
    assert announce(con, ID, "9.0.0", by="Wang Fang", note="第 3 号公告").state == "announced"
    clock.set("2027-01-28 00:00")
    assert enact(con, ID, "9.0.0", by="Wang Fang").state == "in_force"
    old, new = _version(con, SHIPPED.version), _version(con)
    assert (old.state, old.superseded_on) == ("superseded", date(2027, 1, 28))
    assert old.in_force_on(date(2027, 1, 27))
    assert not old.in_force_on(date(2027, 1, 28))
    assert new.in_force_on(date(2027, 1, 28))
    assert new.text == text
    assert [entered.answers[-1].outcome for entered in new.comments] == ["partly"]
    assert {e.by for e in new.events} == {"Li Wei", "Zhao Min", "Wang Fang"}


def test_what_is_entered_afterwards_says_so(con: Connection, clock: Clock, write: Write) -> None:
    clock.set("2027-02-10 09:00")
    propose(con, write(), by="Li Wei", comments_until=date(2027, 1, 18), at=datetime(2027, 1, 4, 10))
    number = comment(con, ID, "9.0.0", by="A", text="b", at=datetime(2027, 1, 18, 23, 59))
    answer(con, number, by="Li Wei", outcome="adopted", reason="c", at=datetime(2027, 1, 19, 8))
    announce(con, ID, "9.0.0", by="Li Wei", at=datetime(2027, 1, 20, 9))
    enact(con, ID, "9.0.0", by="Li Wei")
    life = lifecycle.life_of(_version(con), "Asia/Shanghai")
    entered = [(e["event"]["code"], e["entered"]["code"], e["recorded_at"]) for e in life["events"]]
    assert entered == [
        ("proposed", "afterwards", "2027-02-10T09:00:00+08:00"),
        ("opened", "afterwards", "2027-02-10T09:00:00+08:00"),
        ("announced", "afterwards", "2027-02-10T09:00:00+08:00"),
        ("enacted", "as_it_happened", None),
    ]
    assert life["comments"][0]["entered"] == {"code": "afterwards", "zh": "补记", "en": "entered afterwards"}
    assert life["events"][0]["at"] == "2027-01-04T10:00:00+08:00"
    assert life["in_force_from"] == "2027-02-10"


# --- refusals ----------------------------------------------------------------------------------------------------

Step = Callable[[Connection, Clock, Write], Any]


def _open(con: Connection, clock: Clock, path: Path) -> None:
    propose(con, path, by="Li Wei", comments_until=date(2027, 1, 18))


def _late(con: Connection, clock: Clock, write: Write) -> None:
    _open(con, clock, write())
    clock.set("2027-01-19 00:00")
    comment(con, ID, "9.0.0", by="A", text="b")


def _unanswered(con: Connection, clock: Clock, write: Write) -> None:
    _open(con, clock, write())
    comment(con, ID, "9.0.0", by="A", text="b")
    clock.set("2027-01-20 10:00")
    announce(con, ID, "9.0.0", by="Li Wei")


def _before_its_answer(con: Connection, clock: Clock, write: Write) -> None:
    _open(con, clock, write())
    number = comment(con, ID, "9.0.0", by="A", text="b")
    clock.set("2027-01-20 12:00")
    answer(con, number, by="B", outcome="adopted", reason="c")
    announce(con, ID, "9.0.0", by="Li Wei", at=datetime(2027, 1, 20, 11))


def _announced_at(day: str, *dates: str) -> Step:
    def step(con: Connection, clock: Clock, write: Write) -> None:
        _open(con, clock, write("9.0.0", *dates))
        clock.set(day)
        announce(con, ID, "9.0.0", by="Li Wei")

    return step


def _then(day: str, do: Step) -> Step:
    def step(con: Connection, clock: Clock, write: Write) -> None:
        _announced(con, clock, write())
        clock.set(day)
        do(con, clock, write)

    return step


def _changed_source(con: Connection, clock: Clock, write: Write) -> None:
    (line,) = [line for line in SHIPPED.text.splitlines() if "id: traceable_share," in line]
    head, source, _ = line.partition("source: reconstruction")
    assert source
    _open(con, clock, write("8.0.0", "2027-01-20", "2027-01-28", (line, head + "source: law, reference: Art. 1}")))
    propose(con, write("9.0.0"), by="Li Wei")


REFUSED: dict[str, tuple[Step, str]] = {
    "nobody responsible": (lambda con, clock, write: propose(con, write(), by="  "), "--by is empty"),
    "nobody announces": (
        lambda con, clock, write: (
            _open(con, clock, write()), clock.set("2027-01-20 10:00"), announce(con, ID, "9.0.0", by=""),
        ),
        "--by is empty",
    ),
    "invalid file": (
        lambda con, clock, write: propose(con, write("9.0.0", "2027-01-20", "2027-01-27"), by="A"),
        "the earliest is 2027-01-28",
    ),
    "same text again": (
        lambda con, clock, write: (propose(con, write(), by="A"), propose(con, write(), by="A")),
        "proposed with this text already",
    ),
    "period over before it begins": (
        lambda con, clock, write: propose(con, write(), by="A", comments_until=date(2027, 1, 3)),
        "is before 2027-01-04, the day it opens",
    ),
    "period shortened": (
        lambda con, clock, write: (
            _open(con, clock, write()), propose(con, write(), by="A", comments_until=date(2027, 1, 10)),
        ),
        "comments are promised until 2027-01-18",
    ),
    "in the future": (
        lambda con, clock, write: propose(con, write(), by="A", at=datetime(2027, 1, 4, 10, 1)),
        "is in the future",
    ),
    "before the previous event": (
        lambda con, clock, write: (
            propose(con, write(), by="A"),
            propose(con, write(), by="A", comments_until=date(2027, 1, 18), at=datetime(2027, 1, 4, 9)),
        ),
        "9.0.0 was proposed",
    ),
    "source without reference": (_changed_source, "traceable_share.source: law in 8.0.0, now reconstruction"),
    "comment on a draft": (
        lambda con, clock, write: (propose(con, write(), by="A"), comment(con, ID, "9.0.0", by="A", text="b")),
        "is draft, not open for comment",
    ),
    "comment too late": (_late, "were taken until 2027-01-18; this one is of 2027-01-19"),
    "comment before it opened": (
        lambda con, clock, write: (
            _open(con, clock, write()), comment(con, ID, "9.0.0", by="A", text="b", at=datetime(2027, 1, 4, 9)),
        ),
        "was opened for comment",
    ),
    "empty comment": (
        lambda con, clock, write: (_open(con, clock, write()), comment(con, ID, "9.0.0", by="A", text="\n")),
        "--text is empty",
    ),
    "answer to nothing": (
        lambda con, clock, write: answer(con, 1, by="A", outcome="adopted", reason="b"),
        "no comment 1: there are none",
    ),
    "unknown outcome": (
        lambda con, clock, write: (
            _open(con, clock, write()),
            answer(con, comment(con, ID, "9.0.0", by="A", text="b"), by="A", outcome="yes", reason="b"),
        ),
        "expected one of adopted, partly, not_adopted",
    ),
    "answer without a reason": (
        lambda con, clock, write: (
            _open(con, clock, write()),
            answer(con, comment(con, ID, "9.0.0", by="A", text="b"), by="A", outcome="adopted", reason=""),
        ),
        "--reason is empty",
    ),
    "answer before the comment": (
        lambda con, clock, write: (
            _open(con, clock, write()),
            answer(con, comment(con, ID, "9.0.0", by="A", text="b"), by="A", outcome="adopted", reason="c", at=datetime(2027, 1, 4, 9)),
        ),
        "is before comment 1 itself",
    ),
    "announced from draft": (
        lambda con, clock, write: (propose(con, write(), by="A"), announce(con, ID, "9.0.0", by="A")),
        "a version is announced after it was open for comment",
    ),
    "announced within the period": (_announced_at("2027-01-18 23:59"), "it can be announced from 2027-01-19"),
    "announced with a comment unanswered": (_unanswered, "comments 1 on gbt-26842-enterprise 9.0.0 are not answered"),
    "announced before the last answer": (_before_its_answer, "is before the last comment or answer"),
    "announced on another day": (
        _announced_at("2027-01-21 00:00"),
        "announced_on: 2027-01-21 and effective_from: 2027-01-29 (the earliest possible)",
    ),
    "announced text changed": (
        _then("2027-01-21 10:00", lambda con, clock, write: propose(con, write("9.0.0", "2027-01-20", "2027-02-28"), by="A")),
        "announced rules are not changed: give it a new version",
    ),
    "announced text again": (
        _then("2027-01-21 10:00", lambda con, clock, write: propose(con, write(), by="A")),
        "there is nothing to propose",
    ),
    "shipped text changed": (
        lambda con, clock, write: propose(con, write(SHIPPED.version), by="A"),
        "announced rules are not changed",
    ),
    "enacted too early": (
        _then("2027-01-27 23:59", lambda con, clock, write: enact(con, ID, "9.0.0", by="A")),
        "may be enacted from 2027-01-28 00:00:00 +0800",
    ),
    "enacted from open": (
        lambda con, clock, write: (_open(con, clock, write()), enact(con, ID, "9.0.0", by="A")),
        "a version is enacted after it was announced",
    ),
    "enacted twice": (
        _then("2027-01-28 10:00", lambda con, clock, write: [enact(con, ID, "9.0.0", by="A") for _ in range(2)]),
        "is in force, not announced",
    ),
    "no such version": (lambda con, clock, write: enact(con, ID, "7.7.7", by="A"), "no rulebook gbt-26842-enterprise@7.7.7"),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
def test_refused(why: str, con: Connection, clock: Clock, write: Write) -> None:
    step, message = REFUSED[why]
    with pytest.raises(UserError) as error:
        step(con, clock, write)
    assert message in str(error.value)


def test_a_refusal_leaves_no_trace(con: Connection, clock: Clock, write: Write) -> None:
    before = versions(con)
    with pytest.raises(UserError):
        propose(con, write(), by=" ")
    assert versions(con) == before


def test_a_source_is_changed_with_a_reference(con: Connection, clock: Clock, write: Write) -> None:
    old = "window_days: {value: 365, source: reconstruction}"
    new = "window_days: {value: 365, source: neighbour, reference: GB/T 22116}"
    assert propose(con, write("9.0.0", "2027-01-20", "2027-01-28", (old, new)), by="A").state == "draft"


def test_a_week_with_a_short_day_is_a_day_longer(home: Settings, clock: Clock, write: Write) -> None:
    """Clocks go forward in Berlin on 2027-03-28: from 23:30 on the 21st to 00:00 on the 29th are less than 7 x 24 hours."""
    berlin = home.model_copy(update={"zone": "Europe/Berlin"})
    with open_warehouse(berlin) as con:
        propose(con, write("9.0.0", "2027-03-21", "2027-03-29"), by="A", comments_until=date(2027, 1, 18))
        clock.now = datetime(2027, 3, 21, 23, 30, tzinfo=ZoneInfo("Europe/Berlin"))
        with pytest.raises(UserError, match="the earliest possible is 2027-03-30"):
            announce(con, ID, "9.0.0", by="A")


def test_an_enactment_does_not_reach_behind_the_version_in_force(con: Connection, clock: Clock, write: Write) -> None:
    _announced(con, clock, write("9.0.0"))
    clock.set("2027-01-04 11:00")
    propose(con, write("9.1.0"), by="A", comments_until=date(2027, 1, 18))
    clock.set("2027-01-20 16:00")
    announce(con, ID, "9.1.0", by="A")
    clock.set("2027-02-10 10:00")
    enact(con, ID, "9.0.0", by="A", at=datetime(2027, 2, 5))
    with pytest.raises(UserError, match=r"9.0.0 came into force on 2027-02-05"):
        enact(con, ID, "9.1.0", by="A", at=datetime(2027, 2, 4))
    enact(con, ID, "9.1.0", by="A")
    assert [(v.version, v.state) for v in versions(con) if v.id == ID][-2:] == [
        ("9.0.0", "superseded"),
        ("9.1.0", "in_force"),
    ]


# --- the shipped rules -------------------------------------------------------------------------------------------


def test_a_new_warehouse_adopts_the_shipped_rules(con: Connection) -> None:
    adopted = {(v.id, v.version): v for v in versions(con)}
    assert set(adopted) == {(book.id, book.version) for book in reading.shipped()}
    for book in reading.shipped():
        version = adopted[book.id, book.version]
        assert (version.hash, version.text, version.in_force_from) == (book.hash, book.text, book.effective_from)
        assert [(e.event, e.day) for e in version.events] == [
            ("proposed", book.announced_on),
            ("announced", book.announced_on),
            ("enacted", book.effective_from),
        ]
        assert {e.by for e in version.events} == {moments.SHIPPED_BY}
    assert lifecycle.not_adopted(versions(con)) == []


@pytest.mark.parametrize("id_", [ID, "gbt-28041-individual"])
def test_each_shipped_version_was_in_force_until_the_next(con: Connection, id_: str) -> None:
    first, second = (version for version in versions(con) if version.id == id_)
    assert (first.version, first.state, first.superseded_on) == ("0.1.0", "superseded", date(2026, 11, 24))
    assert (second.version, second.state, second.superseded_on) == ("0.2.0", "in_force", None)
    days = [date(2026, 11, day) for day in range(16, 31)]
    assert [day.day for day in days if first.in_force_on(day)] == [18, 19, 20, 21, 22, 23]
    assert [day.day for day in days if second.in_force_on(day)] == [24, 25, 26, 27, 28, 29, 30]


def test_several_shipped_versions_are_adopted_in_order(
    home: Settings, clock: Clock, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = reading.load(write("0.10.0", "2026-12-10", "2026-12-18"))
    monkeypatch.setattr(reading, "shipped", lambda: [SHIPPED, newer])
    with open_warehouse(home) as con:
        old, new = versions(con)
    assert (old.state, old.superseded_on) == ("superseded", date(2026, 12, 18))
    assert (new.state, new.version) == ("in_force", "0.10.0")


def test_upgrading_the_program_changes_no_rules(
    home: Settings, clock: Clock, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_warehouse(home) as con:
        before = versions(con)
    later = reading.load(write("0.10.0", "2026-12-10", "2026-12-18"))
    shipped_books = reading.shipped()
    monkeypatch.setattr(reading, "shipped", lambda: [*shipped_books, later])
    with open_warehouse(home) as con:
        assert versions(con) == before
        assert [book.version for book in lifecycle.not_adopted(versions(con))] == ["0.10.0"]
        assert {book.version for book, _ in choose(con, None, date(2027, 1, 4)) if book.id == ID} == {SHIPPED.version}
    listed = json.loads(_run("list", "--json", home=home))
    assert [version["version"] for version in listed if version["state"]["code"] == "not_adopted"] == ["0.10.0"]


def test_the_first_batch_moves_the_shipped_days_to_its_zone(tmp_path: Path, clock: Clock) -> None:
    conf = Settings(home=tmp_path / "home")
    with open_warehouse(conf) as con:
        fix_zone(con, conf, "America/Sao_Paulo")
        enacted = _version(con, SHIPPED.version).last("enacted")
    assert enacted is not None
    assert enacted.day == SHIPPED.effective_from
    assert enacted.at.astimezone(ZoneInfo("America/Sao_Paulo")).date() == SHIPPED.effective_from


# --- the rules of a night ----------------------------------------------------------------------------------------


def _chosen(con: Connection, day: date, paths: list[Path] | None = None, trial: bool = False) -> dict[str, str]:
    return {book.version: standing for book, standing in choose(con, paths, day, trial=trial) if book.id == ID}


def test_a_rulebook_is_chosen_by_the_day(con: Connection, clock: Clock, write: Write) -> None:
    _announced(con, clock, write())
    clock.set("2027-01-29 10:00")
    enact(con, ID, "9.0.0", by="A", at=datetime(2027, 1, 28, 12))
    old = SHIPPED.version
    assert _chosen(con, date(2018, 1, 1)) == {"9.0.0": "replay"}
    assert _chosen(con, SHIPPED.effective_from) == {old: "in_force"}
    assert _chosen(con, date(2027, 1, 27)) == {old: "in_force"}
    assert _chosen(con, date(2027, 1, 28)) == {"9.0.0": "in_force"}


def test_given_files_must_be_enacted(con: Connection, clock: Clock, write: Write) -> None:
    path, day = write(), date(2027, 1, 29)
    with pytest.raises(UserError, match=r"is not in the ledger of this home.*--trial"):
        _chosen(con, day, [path])
    propose(con, path, by="A", comments_until=date(2027, 1, 18))
    with pytest.raises(UserError, match=r"is open for comment.*--trial"):
        _chosen(con, day, [path])
    assert _chosen(con, day, [path], trial=True) == {"9.0.0": "trial"}
    assert _chosen(con, day, [FILE], trial=True) == {SHIPPED.version: "trial"}
    clock.set("2027-01-20 10:00")
    announce(con, ID, "9.0.0", by="A")
    with pytest.raises(UserError, match="is announced"):
        _chosen(con, day, [path])
    clock.set("2027-01-28 10:00")
    enact(con, ID, "9.0.0", by="A")
    assert _chosen(con, day, [path]) == {"9.0.0": "in_force"}
    assert _chosen(con, date(2027, 1, 27), [path]) == {"9.0.0": "replay"}
    assert _chosen(con, day, [FILE]) == {SHIPPED.version: "replay"}


def test_two_rulebooks_for_the_same_subjects_are_refused(con: Connection, write: Write) -> None:
    with pytest.raises(UserError, match="more than one rulebook evaluates enterprise sellers"):
        choose(con, [FILE, write(id_="another")], date(2026, 11, 24), trial=True)


def test_the_days_before_all_rules_are_replayed_by_the_latest(con: Connection) -> None:
    assert _chosen(con, date(2018, 1, 1)) == {SHIPPED.version: "replay"}


def test_trial_needs_files(con: Connection) -> None:
    with pytest.raises(UserError, match="--rulebook FILE"):
        choose(con, None, date(2026, 11, 24), trial=True)


def test_without_rules_there_is_no_choice(con: Connection) -> None:
    con.execute("DELETE FROM ledger.rulebook_events")
    with pytest.raises(UserError, match="no rulebook has been enacted here"):
        choose(con, None, date(2026, 11, 24))


def fill(home: Settings) -> None:
    """One enterprise, known since long."""
    with open_warehouse(home) as con:
        con.execute(
            "INSERT INTO canonical.subjects (subject_id, kind, role, known_at) VALUES ('E1', 'enterprise', 'seller', '2020-01-01')"
        )
        con.execute(
            "INSERT INTO meta.batches VALUES (1, 'canonical', '', [], 'accepted', '2020-01-01', '2020-01-01', '{}');"
            "INSERT INTO meta.supplied VALUES (1, 'subjects', ['subject_id', 'kind', 'role'], '2020-01-01')"
        )


@pytest.fixture
def filled(home: Settings, clock: Clock) -> Iterator[Connection]:
    """A warehouse with one enterprise."""
    fill(home)
    with open_warehouse(home) as con:
        yield con


@pytest.mark.parametrize(
    ("day", "version", "standing"),
    [
        (date(2026, 11, 20), "0.1.0", "in_force"),
        (date(2026, 11, 23), "0.1.0", "in_force"),
        (date(2026, 11, 24), "0.2.0", "in_force"),
        (date(2026, 11, 25), "0.2.0", "in_force"),
        (date(2020, 6, 1), "0.2.0", "replay"),
    ],
)
def test_a_night_is_by_the_shipped_rules_of_its_day(
    filled: Connection, home: Settings, day: date, version: str, standing: str
) -> None:
    evaluation.evaluate(filled, home, day)
    kept = "SELECT rulebook_version, standing FROM results.runs WHERE rulebook = ? AND evaluated_on = ?"
    assert filled.execute(kept, [ID, day]).fetchall() == [(version, standing)]
    for id_ in (ID, "gbt-28041-individual"):
        assert [(book.version, standing) for book, standing in choose(filled, None, day) if book.id == id_] == [
            (version, standing)
        ]


def test_nights_that_an_enactment_overtakes_are_named(
    filled: Connection, home: Settings, clock: Clock, write: Write
) -> None:
    _announced(filled, clock, write())
    clock.set("2027-01-30 10:00")
    nights = [date(2027, 1, day) for day in (27, 28, 29)]
    for night in nights:
        evaluation.evaluate(filled, home, night)
    enacted = enact(filled, ID, "9.0.0", by="A", at=datetime(2027, 1, 28))
    assert lifecycle.overtaken(filled, enacted) == nights[1:]
    evaluation.evaluate(filled, home, nights[1])
    assert lifecycle.overtaken(filled, enacted) == nights[2:]


@pytest.mark.parametrize(("evaluated", "as_json"), [(True, False), (True, True), (False, False), (False, True)])
def test_enact_says_which_nights_to_evaluate_again(
    evaluated: bool, as_json: bool, home: Settings, clock: Clock, write: Write
) -> None:
    fill(home)
    with open_warehouse(home) as con:
        _announced(con, clock, write())
        clock.set("2027-01-28 10:00")
        evaluation.evaluate(con, home, date(2027, 1, 28 if evaluated else 27))
    output = _run("enact", f"{ID}@9.0.0", "--by", "A", *(["--json"] * as_json), home=home)
    if as_json:
        assert json.loads(output)["evaluate_again"] == (["2027-01-28"] if evaluated else [])
    else:
        assert ("evaluate these nights again" in output) == ("evaluate --date 2027-01-28" in output) == evaluated


def test_a_trial_never_replaces_an_official_evaluation(filled: Connection, home: Settings, write: Write) -> None:
    day, path = date(2026, 12, 1), write()
    runs = "SELECT standing, rulebook_version FROM results.runs WHERE rulebook = ? AND evaluated_on = ?"
    (tried,) = evaluation.evaluate(filled, home, day, [path], trial=True)
    assert tried.standing == "trial"
    assert filled.execute(runs, [ID, day]).fetchall() == [("trial", "9.0.0")]
    evaluation.evaluate(filled, home, day)
    assert filled.execute(runs, [ID, day]).fetchall() == [("in_force", SHIPPED.version)]
    for again in (path, write(id_="another")):
        with pytest.raises(UserError, match=r"is evaluated officially here.*another --home.*rulebook impact"):
            evaluation.evaluate(filled, home, day, [again], trial=True)
    assert filled.execute(runs, [ID, day]).fetchall() == [("in_force", SHIPPED.version)]


def test_a_replay_never_replaces_an_official_evaluation(
    filled: Connection, home: Settings, clock: Clock, write: Write
) -> None:
    path, day = write(), date(2026, 12, 1)
    _announced(filled, clock, path)
    clock.set("2027-01-28 10:00")
    enact(filled, ID, "9.0.0", by="A")
    evaluation.evaluate(filled, home, day)
    with pytest.raises(UserError, match=r"a replay by gbt-26842-enterprise 9.0.0 does not take its place"):
        evaluation.evaluate(filled, home, day, [path])


def test_every_file_of_a_night_says_its_standing(filled: Connection, home: Settings, write: Write) -> None:
    day = date(2026, 12, 1)
    evaluation.evaluate(filled, home, day, [write()], trial=True)
    folder = results.export_night(filled, home, day)
    for table in ("grades", "indicators"):
        standings = filled.execute(f"SELECT DISTINCT standing FROM '{folder / table}.parquet'").fetchall()
        assert standings == [("trial",)], table


# --- what is published of it -------------------------------------------------------------------------------------


def test_the_published_life(con: Connection, clock: Clock, write: Write) -> None:
    _announced(con, clock, write("9.0.0"))
    propose(con, write("9.1.0"), by="A")
    files = dict(published_life.files(versions(con), {}, "Asia/Shanghai"))
    published = {(v["id"], v["version"]): v for v in json.loads(files["rulebooks/life.json"])["versions"]}
    assert published[ID, "9.1.0"]["state"]["code"] == "draft"
    assert published[ID, "9.1.0"]["path"] is None
    assert published[ID, "9.0.0"]["state"] == {"code": "announced", "zh": "已公布", "en": "announced"}
    for version in published.values():
        if version["path"]:
            assert reading.parse(files[version["path"]], "published").hash == version["hash"]
    assert f"rulebooks/{ID}-{SHIPPED.version}.yaml" in files


def test_a_trial_under_a_number_that_is_taken_has_its_own_path(con: Connection) -> None:
    taken = {"0" * 64: f"rulebooks/{ID}-{SHIPPED.version}.yaml"}
    files = dict(published_life.files(versions(con), taken, "Asia/Shanghai"))
    assert f"rulebooks/{ID}-{SHIPPED.version}-{SHIPPED.hash[:12]}.yaml" in files
    assert f"rulebooks/{ID}-{SHIPPED.version}.yaml" not in files


# --- the command -------------------------------------------------------------------------------------------------


def _run(*arguments: str, home: Settings) -> str:
    done = CliRunner().invoke(
        app, ["rulebook", *arguments, "--home", str(home.home)], catch_exceptions=False, env={"COLUMNS": "200"}
    )
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_verbs_take_a_rulebook_through_its_life(home: Settings, clock: Clock, write: Write) -> None:
    path, by = str(write()), ("--by", "Li Wei")
    with pytest.raises(UserError, match="run `merchant-credit init`"):
        _run("propose", path, *by, home=home)
    assert not home.home.exists()
    with open_warehouse(home):
        pass
    assert "征求意见 open for comment" in _run("propose", path, *by, "--comments-until", "2027-01-18", home=home)
    ref = f"{ID}@9.0.0"
    output = json.loads(_run("comment", ref, "--by", "恒瑞食品", "--text", "[bold]太高", "--json", home=home))
    assert output == {"number": 1, "id": ID, "version": "9.0.0"}
    _run("answer", "1", *by, "--outcome", "not_adopted", "--reason", "理由", home=home)
    clock.set("2027-01-20 10:00")
    life = json.loads(_run("announce", ref, *by, "--at", "2027-01-20T09:00", "--json", home=home))
    assert life["events"][-1]["at"] == "2027-01-20T09:00:00+08:00"
    clock.set("2027-01-28 10:00")
    _run("enact", path, *by, "--note", "施行", home=home)
    listed = json.loads(_run("list", "--json", home=home))
    assert {(v["version"], v["state"]["code"]) for v in listed if v["id"] == ID} == {
        ("0.1.0", "superseded"),
        (SHIPPED.version, "superseded"),
        ("9.0.0", "in_force"),
    }
    rules_shown = _run("show", ID, home=home)
    for words in (
        "按时发货率 On-time dispatch rate",
        "施行中 in force",
        "[bold]太高",
        "未采纳 not adopted",
        "补记",
        "AAA",
    ):
        assert words in rules_shown
    listing = _run("list", home=home)
    assert "已被替代" in listing
    assert "替代 2027-01-28" in listing
    assert _run("show", f"{ID}@{SHIPPED.version}", "--yaml", home=home) == SHIPPED.text
    changes = json.loads(_run("diff", f"{ID}@{SHIPPED.version}", path, "--json", home=home))
    assert [change["place"] for change in changes] == ["version", "announced_on", "effective_from"]


ERRORS = {
    "no such rulebook": (("show", "gbt"), "expected a YAML file or one of"),
    "no such file": (("show", "no.yaml"), "cannot be read"),
    "no day": (("propose", str(FILE), "--by", "A", "--comments-until", "soon"), "--comments-until 'soon' is not a day"),
    "no instant": (("enact", ID, "--by", "A", "--at", "noon"), "--at 'noon' is not an instant"),
    "sheet of no kind": (("conformity", ID, "--out", "sheet.xlsx"), "ends in .csv, .md or .json"),
    "sheet nowhere": (("conformity", ID, "--out", "/nonexistent/sheet.csv"), "cannot be written"),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_a_users_error_of_the_verbs(kind: str, home: Settings, clock: Clock) -> None:
    arguments, message = ERRORS[kind]
    with open_warehouse(home):
        pass
    with pytest.raises(UserError) as error:
        _run(*arguments, home=home)
    assert message in str(error.value)


def test_a_file_that_was_changed_since_is_not_announced(home: Settings, clock: Clock, write: Write) -> None:
    path = write()
    with open_warehouse(home) as con:
        propose(con, path, by="A", comments_until=date(2027, 1, 18))
    path.write_text(path.read_text(encoding="utf-8") + "\n# one more line\n", encoding="utf-8")
    with pytest.raises(UserError, match="its text differs from"):
        _run("announce", str(path), "--by", "A", home=home)


def test_rules_can_be_read_without_a_home(home: Settings) -> None:
    assert "按时发货率" in _run("show", ID, home=home)
    assert "not adopted" in _run("list", home=home)
    assert not home.home.exists()


def test_a_closed_text_changes_its_dates_alone(con: Connection, clock: Clock, write: Write) -> None:
    clock.set("2027-01-04 10:00")
    propose(con, write(), by="Li Wei", comments_until=date(2027, 1, 18))
    clock.set("2027-01-19 10:00")
    other = write("9.0.0", "2027-01-20", "2027-01-28", ("orders: {value: 10,", "orders: {value: 500,"))
    with pytest.raises(UserError, match="after that its dates alone may change"):
        propose(con, other, by="Li Wei")
    assert propose(con, write("9.0.0", "2027-01-21", "2027-01-29"), by="Li Wei").state == "open"
    with pytest.raises(UserError, match="stands for the program itself"):
        propose(con, write("9.1.0"), by=moments.SHIPPED_BY)


def test_a_version_comes_after_those_in_the_ledger(con: Connection, clock: Clock, write: Write) -> None:
    with pytest.raises(UserError, match="give it a higher version number"):
        propose(con, write("0.1.5"), by="Li Wei")
    with pytest.raises(UserError, match="correct announced_on"):
        propose(con, write(), by="Li Wei", comments_until=date(2027, 1, 20))
