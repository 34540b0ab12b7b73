"""Measurements over what is published, and over the ledgers of rules and notices."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from credit.assessment.measuring import Case, Numbers, Values, measure, measured
from credit.assessment.seen import Seen
from credit.ledgers.moments import SHIPPED_BY

_WORD = re.compile(r"\w[\w.@+-]*")

measure(
    "rules_announced",
    zh="经公开征求意见并提前公布的规则变更",
    en="changes of the rules that were open to comment and announced in time",
    mend_zh="今后的规则变更先用 `rulebook propose` 征求意见，再公布，期满后施行",
    mend_en="have the next change open to comment first (`rulebook propose`), announced, and in force when the term is over",
    numbers=("days",),
    none="not_applicable",
    none_zh="一年内没有变更规则",
    none_en="no rules were changed within a year",
    # Full days lie between the day of the announcement and the first day in force.
    sql=f"""SELECT id || ' ' || version AS key,
            count_if(event = 'opened') > 0
            AND max(day) FILTER (event = 'announced') + $days::INTEGER < max(day) FILTER (event = 'enacted') AS ok
        FROM ledger.rulebook_events WHERE "at" < $cut_off AND "by" <> '{SHIPPED_BY}' GROUP BY id, version
        HAVING max("at") FILTER (event = 'enacted') >= $start""",
)
measure(
    "closings_announced",
    zh="提前公示的停业",
    en="closings announced in time",
    mend_zh="要求商家提前登记停业公告（`closing announce`）",
    mend_en="have merchants announce earlier that they close (`closing announce`)",
    numbers=("days",),
    none="not_applicable",
    none_zh="一年内没有商家停业",
    none_en="no merchant announced within a year that it closes",
    sql="""SELECT subject_id AS key,
            closes_on >= CAST(timezone(getvariable('zone'), recorded_at) AS DATE) + $days::INTEGER AS ok
        FROM ledger.closings
        WHERE "at" >= $start AND "at" < $cut_off AND number NOT IN (SELECT closing FROM ledger.closing_withdrawals)""",
)


def _json(path: Path) -> Any:
    return json.loads(path.read_bytes()) if path.is_file() else {}


@measured(
    "sanctions_published",
    zh="已公示的生效处置措施",
    en="sanctions in force that are published",
    mend_zh="运行 `merchant-credit publish`，使处置措施当夜公示",
    mend_en="run `merchant-credit publish`, so that sanctions are published the same night",
    needs=("sanctions",),
    none="not_applicable",
    none_zh="当日没有生效的处置措施",
    none_en="no sanction is in force that day",
)
def sanctions_published(seen: Seen, numbers: Numbers, values: Values) -> Iterable[Case] | None:
    """Those of the merchants in platform.json, by merchant, kind and day."""
    rows = seen.con.execute(
        """SELECT sanction_id, subject_id, kind, CAST(timezone(getvariable('zone'), imposed_at) AS DATE)::VARCHAR
           FROM seen_sanctions WHERE lifted_at IS NULL AND until_at IS NULL ORDER BY 1"""
    ).fetchall()
    if not rows:
        return []
    if seen.published is None:
        return None
    listed = {
        (row["subject_id"], row["kind"]["code"], row["imposed_on"])
        for row in _json(seen.published / "platform.json").get("sanctions") or []
    }
    return [(key, sanction in listed) for key, *rest in rows if (sanction := tuple(rest))]


@measured(
    "rules_published",
    zh="原文已公示的现行评价规则",
    en="rulebooks in force whose text is published",
    mend_zh="重新公示，使每部现行规则的原文可以查阅",
    mend_en="publish again, so that the text of every rulebook in force can be read",
    needs=("subjects",),
)
def rules_published(seen: Seen, numbers: Numbers, values: Values) -> Iterable[Case] | None:
    """Those of sellers by which the latest night was evaluated."""
    rows = seen.con.execute(
        """SELECT DISTINCT rulebook || ' ' || rulebook_version, rulebook_hash FROM results.runs
           WHERE subject_role = 'seller' AND evaluated_on = (
             SELECT max(evaluated_on) FROM results.runs WHERE evaluated_on <= ? AND standing <> 'trial')""",
        [seen.day],
    ).fetchall()
    if seen.published is None:
        return None
    life = _json(seen.published / "rulebooks" / "life.json").get("versions", [])
    there = {v["hash"] for v in life if v["path"] and (seen.published / v["path"]).is_file()}
    return [(key, hash_ in there) for key, hash_ in rows]


@measured(
    "self_operated_marked",
    zh="标明平台自营的自营商家公示内容",
    en="published surfaces of self-operated merchants that are marked as such",
    mend_zh="补齐自营标记后重新公示",
    mend_en="have the mark set and publish again",
    needs=("subjects.self_operated",),
    none="not_applicable",
    none_zh="没有自营业务",
    none_en="there is no business of the platform's own",
)
def self_operated_marked(seen: Seen, numbers: Numbers, values: Values) -> Iterable[Case] | None:
    """On its page, in its document, in the table of grades and in the table of sort keys."""
    own = seen.con.execute("SELECT subject_id FROM seen_subjects WHERE role = 'seller' AND self_operated").fetchall()
    if not own:
        return []
    if seen.published is None:
        return None
    return list(_marks(seen.published, {subject_id for (subject_id,) in own}))


def _marks(published: Path, own: set[str]) -> Iterator[Case]:
    tables = {name: pq.read_table(published / f"bulk/{name}.parquet").to_pylist() for name in ("grades", "sort_keys")}
    for name, rows in tables.items():
        marks = {row["subject_id"]: row["self_operated"] for row in rows}
        yield from ((f"{subject_id} bulk/{name}", bool(marks[subject_id])) for subject_id in own & marks.keys())
    for row in tables["grades"]:
        if row["subject_id"] in own:
            document = published / row["document"]
            yield f"{row['subject_id']} json", bool(_json(document).get("subject", {}).get("self_operated"))
            page = document.with_suffix(".html")
            yield f"{row['subject_id']} html", page.is_file() and "tag self" in page.read_text(encoding="utf-8")


@measured(
    "sortable_by_credit",
    zh="可按信用排序的已公示商家",
    en="published merchants that can be sorted by credit",
    mend_zh="重新公示，使每个已评级商家有信用排序值",
    mend_en="publish again, so that every rated merchant has a sort key",
    needs=("subjects",),
)
def sortable_by_credit(seen: Seen, numbers: Numbers, values: Values) -> Iterable[Case] | None:
    """Every merchant of bulk/grades has a row in bulk/sort_keys; one with a grade has a key there."""
    if seen.published is None:
        return None
    tables = [seen.published / f"bulk/{name}.parquet" for name in ("grades", "sort_keys")]
    if not all(path.is_file() for path in tables):
        return None
    graded, keys = (pq.read_table(path).to_pylist() for path in tables)
    sorted_by = {row["subject_id"]: row["credit_sort_key"] for row in keys}
    return [(row["subject_id"], sorted_by.get(row["subject_id"]) is not None) for row in graded if row["grade"] != "NR"]


@measured(
    "nothing_personal_published",
    zh="公示文件中查不到个人信息的自然人",
    en="natural persons of whom nothing personal stands in what is published",
    mend_zh="立即回退到未泄露的版本（`merchant-credit rollback`），查明来源后重新公示",
    mend_en="roll back to a version that does not tell it (`merchant-credit rollback`), find its source, publish again",
    needs=("subjects",),
    none_zh="没有自然人，或没有公示文件",
    none_en="there are no natural persons, or nothing is published",
)
def nothing_personal_published(seen: Seen, numbers: Numbers, given: Values) -> Iterable[Case] | None:
    """Name, citizen's number, address and contact: in the merchant's own files anywhere, in the others as whole words.
    Of a consumer the pseudonym, too."""
    if seen.published is None:
        return None
    personal = {
        subject_id: {value.strip() for value in values if value and value.strip()}
        | ({subject_id} if role == "buyer" else set())
        for subject_id, role, *values in seen.con.execute(
            "SELECT subject_id, role, name, id_number, address, contact FROM seen_subjects WHERE kind = 'individual' ORDER BY 1"
        ).fetchall()
    }
    disclosed = _told_as_words(seen.published, set().union(*personal.values()))
    documents = {
        row["subject_id"]: seen.published / row["document"]
        for row in pq.read_table(seen.published / "bulk/grades.parquet", columns=["subject_id", "document"]).to_pylist()
    }
    cases = []
    for subject_id, values in personal.items():
        own = documents.get(subject_id)
        texts = [own.with_suffix(end).read_text(encoding="utf-8") for end in (".json", ".html", ".svg")] if own else []
        cases.append(
            (subject_id, not (values & disclosed) and not any(value in text for text in texts for value in values))
        )
    return cases


def _told_as_words(published: Path, personal: set[str]) -> set[str]:
    """Which of these stand as whole words in a published text that is no merchant's own and no rulebook."""
    disclosed = set()
    for path in sorted(published.rglob("*")):
        inside = path.relative_to(published).parts
        if path.suffix in (".json", ".html", ".csv", ".ndjson", ".js") and inside[0] not in ("merchants", "rulebooks"):
            disclosed |= personal.intersection(_WORD.findall(path.read_text(encoding="utf-8")))
    return disclosed
