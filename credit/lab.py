"""For analysts: a home's warehouse as tidy pandas DataFrames.

    from credit.lab import Lab
    market = Lab("/srv/merchant-credit")
    market.grades()                        # tonight's, one row a merchant

Nothing is written. Each call opens the warehouse, reads and closes it again, so that a notebook left open does not hold
up the night. While a night has the warehouse, `grades`, `indicators`, `elements` and `runs` come from the Parquet files
it leaves under nights/, without merchants' names; the others wait.

Codes have their names beside them (`…_zh`, `…_en`); `headed` gives columns Chinese headings. Instants are in the platform's
zone, without offset. Scores and marks run from 0 to 100, evidence and shares from 0 to 1.
"""

from __future__ import annotations

import getpass
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import duckdb
import pandas as pd

from credit.errors import UserError, WarehouseLocked
from credit.evaluation import results
from credit.evaluation.grading import NOT_RATED
from credit.home import open_warehouse
from credit.indicators import CATALOGUE
from credit.intake import merging
from credit.integrity import scan
from credit.ledgers import findings
from credit.rulebooks import reading as reading_
from credit.rulebooks.book import Rulebook
from credit.settings import Settings, load
from credit.synthetic import delivery
from credit.tables import TABLES
from credit.warehouse.connection import connect, quote, scalar, zone_of

Role = Literal["seller", "buyer"]

SAMPLE_DAY = date(2026, 11, 1)
"""The last night of the sample."""
_NIGHTS_BEFORE = (28, 7)
"""Earlier nights of the sample, in days before the last."""

HEADINGS: dict[str, str] = {
    "evaluated_on": "评价日期", "subject_id": "主体编号", "name": "名称", "kind": "主体类型", "role": "交易角色", "category": "类目",
    "grade": "等级", "grade_zh": "等级含义", "grade_en": "英文等级含义", "score": "得分", "evidence": "证据充分度", "orders": "订单数",
    "provisional": "暂定", "dormant": "休眠", "self_operated": "自营", "vetoes": "否决项", "not_rated_reason": "未评级原因",
    "rulebook": "规则", "rulebook_version": "规则版本", "rulebook_hash": "规则指纹", "standing": "效力",
    "element": "要素", "element_zh": "要素名称", "element_en": "要素英文名称", "indicator": "指标", "indicator_zh": "指标名称", "indicator_en": "指标英文名称", "unit": "单位",
    "state": "状态", "value": "值", "numerator": "分子", "denominator": "分母", "shrunk": "收缩后的值", "mark": "分值",
    "weight": "权重", "points": "得分点", "lost": "失分", "subjects": "主体数", "finding": "线索编号", "strength": "强度",
    "kind_zh": "线索种类", "kind_en": "线索英文种类", "reviews": "评价数", "buyers": "买家数", "zh": "说明", "en": "英文说明", "outcome": "认定结果", "decided_on": "认定日期",
}  # fmt: skip
"""Column -> Chinese heading; columns of the delivered tables have theirs in `credit.tables`."""


class Lab:
    """A home to read from. Raises UserError where there is neither a warehouse nor a night's files."""

    def __init__(self, home: Path | str) -> None:
        self.settings: Settings = load(home=Path(home))
        self._con: duckdb.DuckDBPyConnection | None = None
        if not self.settings.database.exists() and not self._left_by_nights():
            raise UserError(
                f"no warehouse at {self.settings.database}; name the home of a platform, or take `credit.lab.sample()`"
            )

    def __repr__(self) -> str:
        return f"Lab({str(self.settings.home)!r})"

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The warehouse, read only, for queries of your own and for `credit.validation`. Raises WarehouseLocked."""
        if self._con is not None:
            yield self._con
            return
        with open_warehouse(self.settings, read_only=True) as con:
            self._con = con
            try:
                yield con
            finally:
                self._con = None

    @property
    def zone(self) -> str:
        """The platform's time zone."""
        with self.reading() as con:
            return zone_of(con, self.settings)

    @property
    def nights(self) -> list[date]:
        """Evaluated nights, the latest last."""
        with self._results() as con:
            return _nights(con)

    @property
    def day(self) -> date:
        """The latest evaluated night. Raises UserError where there is none."""
        return _latest(self.nights)

    def rulebook(self, id: str, night: date | None = None) -> Rulebook:
        """The rulebook of this id that graded a night (unless given: the latest)."""
        with self._results() as con:
            day = night or _latest(_nights(con))
            rows = con.execute(
                "SELECT DISTINCT rulebook, rulebook_hash FROM grades WHERE evaluated_on = ? ORDER BY 1", [day]
            ).fetchall()
            if (hash_ := dict(rows).get(id)) is None:
                raise UserError(
                    f"no rulebook {id!r} graded {day}; there are: {', '.join(name for name, _ in rows) or 'none'}"
                )
            books = _books(con, {hash_})
        if hash_ not in books:
            raise UserError(f"the text of rulebook {id} is in the warehouse, which is in use; try again later")
        return books[hash_]

    def runs(self) -> pd.DataFrame:
        """One row an evaluated night and rulebook: its version, standing and number of subjects."""
        with self._results() as con:
            table = con.execute(
                """SELECT evaluated_on, rulebook, rulebook_hash, any_value(standing) AS standing, count(*) AS subjects
                   FROM grades GROUP BY ALL ORDER BY 1, 2"""
            ).df()
            books = _books(con, set(table["rulebook_hash"]))
        table.insert(2, "rulebook_version", _of_book(table["rulebook_hash"], books, lambda book: book.version))
        table.insert(5, "kind", _of_book(table["rulebook_hash"], books, lambda book: book.subject.kind))
        table.insert(6, "role", _of_book(table["rulebook_hash"], books, lambda book: book.subject.role))
        return table

    def grades(self, *nights: date, role: Role | None = "seller") -> pd.DataFrame:
        """One row a night and subject; `nights`: unless given, the latest (`*market.nights`: all). `role` None: buyers too.

        `grade` is an ordered category, best first, NR (not rated) last.
        """
        with self._results() as con:
            table = con.execute(
                f"""SELECT evaluated_on, subject_id, name, subject_kind AS kind, g.category, grade, score, evidence, orders,
                        provisional, dormant, self_operated, array_to_string(vetoes, ', ') AS vetoes, not_rated_reason,
                        rulebook, rulebook_hash, standing
                    FROM grades g LEFT JOIN names USING (subject_id) {_among(con, nights)} ORDER BY evaluated_on, subject_id"""
            ).df()
            books = _books(con, set(table["rulebook_hash"]))
        meanings = {
            (hash_, level.grade): level.meaning for hash_, book in books.items() for level in book.grades.levels
        }
        pairs = list(zip(table["rulebook_hash"], table["grade"], strict=True))
        for language in ("en", "zh"):
            unrated = {"en": "Not rated", "zh": "未评级"}[language]
            words = [
                getattr(meanings[p], language) if p in meanings else unrated if p[1] == NOT_RATED else None
                for p in pairs
            ]
            table.insert(6, f"grade_{language}", words)
        # The longest ladder first: the symbols of the shorter ones stand in it.
        ladders = sorted((book.symbols for book in books.values()), key=len, reverse=True)
        symbols = dict.fromkeys([*(s for ladder in ladders for s in ladder), *sorted(set(table["grade"])), NOT_RATED])
        ordered = [s for s in symbols if s != NOT_RATED] + [NOT_RATED]
        table["grade"] = pd.Categorical(table["grade"], categories=ordered, ordered=True)
        table.insert(4, "role", _of_book(table["rulebook_hash"], books, lambda book: book.subject.role))
        return _in_role(table, role)

    def indicators(self, *nights: date, merchant: str | None = None, role: Role | None = "seller") -> pd.DataFrame:
        """One row a night, subject and indicator (of one `merchant`): value, counts behind it, mark, weight and points.

        The points of a merchant add up to its score; `lost` is what the indicator fell short of its full weight.
        """
        with self._results() as con:
            table = con.execute(
                f"""SELECT i.evaluated_on, i.subject_id, name, element, indicator, state, value, numerator, denominator,
                        shrunk, mark, weight, points, i.rulebook, rulebook_hash
                    FROM indicators i JOIN grades g USING (evaluated_on, rulebook, subject_id)
                    LEFT JOIN names USING (subject_id)
                    {_among(con, nights)} AND (? IS NULL OR subject_id = ?)
                    ORDER BY ALL""",
                [merchant, merchant],
            ).df()
            books = _books(con, set(table["rulebook_hash"]))
        known = CATALOGUE.indicators
        indicator = table["indicator"]
        for language in ("en", "zh"):
            table.insert(4, f"element_{language}", _element_names(table, books, language))
        table.insert(7, "indicator_zh", [known[id].name.zh if id in known else None for id in indicator])
        table.insert(8, "indicator_en", [known[id].name.en if id in known else None for id in indicator])
        table.insert(9, "unit", [known[id].unit if id in known else None for id in indicator])
        table["lost"] = 100 * table["weight"] - table["points"]
        table["role"] = _of_book(table["rulebook_hash"], books, lambda book: book.subject.role)
        return _in_role(table, role)

    def elements(self, *nights: date, merchant: str | None = None, role: Role | None = "seller") -> pd.DataFrame:
        """One row a night, subject and element: `weight`, `points`, `lost`, and `mark`, the mean mark of its indicators."""
        keys = ["evaluated_on", "subject_id", "name", "element", "element_zh", "element_en", "rulebook", "role"]
        rows = self.indicators(*nights, merchant=merchant, role=role)
        table = rows.groupby(keys, dropna=False, as_index=False, sort=False)[["weight", "points", "lost"]].sum()
        table["mark"] = (table["points"] / table["weight"].where(table["weight"] > 0)).astype(float)
        return table

    def merchants(self) -> pd.DataFrame:
        """The register's merchants as they stand, one row each; numbers, addresses and contacts of persons are left out."""
        table = self._delivered("subjects", None, None)
        return table[table["role"] == "seller"].reset_index(drop=True)

    def orders(self, merchant: str | None = None, since: date | None = None) -> pd.DataFrame:
        """Transactions as they stand, one row each (of one `merchant`, ordered on or after `since`). Buyers are pseudonyms."""
        return self._delivered("transactions", merchant, since)

    def reviews(self, merchant: str | None = None, since: date | None = None) -> pd.DataFrame:
        """Reviews as they stand, one row each."""
        return self._delivered("reviews", merchant, since)

    def findings(self, night: date | None = None) -> pd.DataFrame:
        """Signs of manipulation by what was known at a night, one row each, with what a person has decided.

        `orders`, `reviews` and `buyers` are numbers; `integrity.finding` gives the rows.
        """
        with self.reading() as con:
            day = night or _latest(_nights_of(con, "results.grades"))
            rows = [finding.document() for finding in scan.scan(con, self.settings, day)]
            decided = {decision.finding: decision for decision in findings.decisions(con)}
            names = dict(con.execute("SELECT subject_id, name FROM canonical.subjects").fetchall())
        columns = (
            "id",
            "kind",
            "kind_zh",
            "kind_en",
            "subject_id",
            "strength",
            "orders",
            "reviews",
            "buyers",
            "zh",
            "en",
        )
        table = pd.DataFrame([{name: row[name] for name in columns} for row in rows], columns=list(columns))
        for name in ("orders", "reviews", "buyers"):
            table[name] = [len(keys) for keys in table[name]]
        decisions = [decided.get(id) for id in table["id"]]
        table["outcome"] = pd.Series([decision.outcome if decision else None for decision in decisions], dtype="str")
        table["decided_on"] = pd.to_datetime(
            pd.Series([str(decision.day) if decision else None for decision in decisions], dtype="str")
        )
        table.insert(5, "name", [names.get(subject_id) for subject_id in table["subject_id"]])
        return table.rename(columns={"id": "finding"})

    def quarantine(self) -> pd.DataFrame:
        """Rejected rows, one each: file, line, reason code and reason. `raw` is left out: it may name consumers."""
        with self.reading() as con:
            return con.execute("SELECT * EXCLUDE (raw) FROM quarantine.rows ORDER BY batch_id, file, line, key").df()

    def _delivered(self, name: str, merchant: str | None, since: date | None) -> pd.DataFrame:
        table = TABLES[name]
        with self.reading() as con:
            zone = zone_of(con, self.settings)
            columns = ", ".join(
                f"timezone({quote(zone)}, {c.name}) AS {c.name}" if c.sql_type == "TIMESTAMPTZ" else c.name
                for c in table.columns
                if c.privacy != "personal" or c.name in ("name", "text")
            )
            from_ = f" AND timezone({quote(zone)}, {table.event}) >= DATE '{since}'" if since and table.event else ""
            return con.execute(
                f"SELECT {columns} FROM canonical.{name} WHERE (? IS NULL OR subject_id = ?){from_} "
                f"ORDER BY {table.event or table.key}, {table.key}",
                [merchant, merchant],
            ).df()

    def _left_by_nights(self) -> bool:
        return any((self.settings.home / "nights").glob("*/grades.parquet"))

    @contextmanager
    def _results(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Views `grades`, `indicators` and `names`: of the warehouse, or of the nights' files while it is in use."""
        try:
            with self.reading() as con:
                con.execute(
                    """CREATE OR REPLACE TEMP VIEW grades AS SELECT g.*, r.standing FROM results.grades g
                           JOIN results.runs r USING (evaluated_on, rulebook);
                       CREATE OR REPLACE TEMP VIEW indicators AS FROM results.indicators;
                       CREATE OR REPLACE TEMP VIEW names AS SELECT subject_id, name FROM canonical.subjects WHERE role = 'seller'"""
                )
                yield con
        except WarehouseLocked:
            if not self._left_by_nights():
                raise
        else:
            return
        con = connect(":memory:", self.settings)
        try:
            for name in ("grades", "indicators"):
                files = quote(str(self.settings.home / "nights" / "*" / f"{name}.parquet"))
                con.execute(f"CREATE VIEW {name} AS FROM read_parquet({files}, union_by_name = true)")
            con.execute("CREATE VIEW names AS SELECT '' AS subject_id, NULL::VARCHAR AS name WHERE false")
            yield con
        finally:
            con.close()


def headed(table: pd.DataFrame, *, english: bool = True) -> pd.DataFrame:
    """The same with Chinese headings, the column's name beside them unless `english` is False."""
    names = HEADINGS | {
        column.name: column.zh
        for source in TABLES.values()
        for column in source.columns
        if column.name in table.columns and column.name not in HEADINGS
    }
    return table.rename(columns={n: f"{names[n]} {n}" if english else names[n] for n in table.columns if n in names})


def charts() -> None:
    """Draw Altair's charts as SVG, here and without a network, so that they show in any front end.

    Not PNG: that would need a Chinese font on this machine, while a reader of Chinese has one.
    """
    import altair as alt

    @alt.theme.register("lab", enable=True)
    def theme() -> alt.theme.ThemeConfig:
        # Room to the right: the reader's fonts may be wider than those that were measured here.
        return {
            "config": {
                "axis": {"labelLimit": 320, "titlePadding": 16},
                "legend": {"labelLimit": 320},
                "padding": {"left": 12, "right": 48, "top": 8, "bottom": 8},
                "view": {"stroke": None},
            }
        }

    alt.renderers.enable("svg")
    alt.data_transformers.disable_max_rows()


def sample(copy: Path | None = None) -> Path:
    """A home of a small synthetic marketplace, three nights evaluated; made once and kept in the temporary folder.

    With `copy` (a folder that is not there yet) a copy of it, for what writes.
    """
    # Of this very program: what another version made is not taken for it.
    key = hashlib.sha256(duckdb.__version__.encode())
    for part in sorted(path for kind in ("*.py", "*.yaml") for path in Path(__file__).parent.rglob(kind)):
        key.update(part.read_bytes())
    home = Path(tempfile.gettempdir()) / f"merchant-credit-sample-{getpass.getuser()}-{key.hexdigest()[:12]}"
    if not home.exists():
        partial = Path(tempfile.mkdtemp(prefix="merchant-credit-sample-"))
        try:
            _make(partial)
            partial.rename(home)
        except OSError:
            # Made by another notebook meanwhile, and complete: a folder that is not empty is not replaced.
            if not home.exists():
                raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    if copy is None:
        return home
    shutil.copytree(home, copy)
    return copy


def _make(home: Path) -> None:
    from credit.evaluation import night as evaluation
    from credit.intake import landing
    from credit.synthetic import market

    options = load(home=home, zone=market.ZONE)
    delivery.write(home / "delivery", merchants=120, transactions=12_000, end=SAMPLE_DAY, seed=1, bad_rows=False)
    with open_warehouse(options) as con:
        batch = landing.land(con, options, "canonical", home / "delivery", SAMPLE_DAY, history=True)
        merging.accept(con, batch.batch_id)
        for before in (*_NIGHTS_BEFORE, 0):
            night = SAMPLE_DAY - timedelta(days=before)
            evaluation.evaluate(con, options, night)
            results.export_night(con, options, night)


def _nights_of(con: duckdb.DuckDBPyConnection, table: str) -> list[date]:
    return [day for (day,) in con.execute(f"SELECT DISTINCT evaluated_on FROM {table} ORDER BY 1").fetchall()]


def _nights(con: duckdb.DuckDBPyConnection) -> list[date]:
    return _nights_of(con, "grades")


def _latest(nights: list[date]) -> date:
    if not nights:
        raise UserError("no night has been evaluated here; run `merchant-credit nightly` or `merchant-credit evaluate`")
    return nights[-1]


def _among(con: duckdb.DuckDBPyConnection, nights: tuple[date, ...]) -> str:
    """The WHERE of some nights. Raises UserError for one that was not evaluated."""
    evaluated = _nights(con)
    if lost := [day for day in nights if day not in evaluated]:
        raise UserError(
            f"{lost[0]} was not evaluated here; evaluated nights: {', '.join(map(str, evaluated[-5:])) or 'none'}"
        )
    return f"WHERE evaluated_on IN ({', '.join(f'DATE {quote(str(day))}' for day in nights or (_latest(evaluated),))})"


def _books(con: duckdb.DuckDBPyConnection, hashes: set[str]) -> dict[str, Rulebook]:
    """Hash -> rulebook, of those whose text is at hand: kept in the warehouse, or shipped."""
    stored = scalar(
        con, "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'results' AND table_name = 'rulebooks'"
    )
    if not stored:
        return {book.hash: book for book in reading_.shipped() if book.hash in hashes}
    rows = con.execute("SELECT hash, id, text FROM results.rulebooks").fetchall()
    return {hash_: reading_.parse(text.encode(), id) for hash_, id, text in rows if hash_ in hashes}


def _of_book(hashes: pd.Series[Any], books: dict[str, Rulebook], value: Callable[[Rulebook], str]) -> list[str | None]:
    values = {hash_: value(book) for hash_, book in books.items()}
    return [values.get(hash_) for hash_ in hashes]


def _element_names(table: pd.DataFrame, books: dict[str, Rulebook], language: str) -> list[str | None]:
    names = {(h, e.id): str(getattr(e.name, language)) for h, book in books.items() for e in book.elements}
    return [names.get(pair) for pair in zip(table["rulebook_hash"], table["element"], strict=True)]


def _in_role(table: pd.DataFrame, role: Role | None) -> pd.DataFrame:
    """Those of a role, and those of a rulebook whose text is not at hand."""
    return table if role is None else table[table["role"].isin([role]) | table["role"].isna()].reset_index(drop=True)
