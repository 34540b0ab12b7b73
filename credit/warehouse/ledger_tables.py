"""The ledgers of merchants and of the platform itself, described once: DDL and the page docs/reference/ledgers.md derive from here.

Rows are only ever added, none is changed or deleted; what stands is derived from them. Each row says when it happened
(`at`, `day`), when it was entered (`recorded_at`) and who is responsible (`by`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    name: str
    sql_type: str
    zh: str
    en: str
    required: bool = True


@dataclass(frozen=True)
class Ledger:
    """One table of schema `ledger`. `own` are its columns between `number` and those that every ledger has."""

    name: str
    zh: str
    en: str
    own: tuple[Column, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        return (NUMBER, *self.own, *COMMON)


NUMBER = Column("number", "BIGINT", "编号", "Number, from 1, in the order of entry")
COMMON = (
    Column("at", "TIMESTAMPTZ", "发生时间", "When it happened"),
    Column("day", "DATE", "发生日", "The same as a day of the platform"),
    Column("recorded_at", "TIMESTAMPTZ", "登记时间", "When it was entered; later than `at`: entered afterwards"),
    Column("by", "VARCHAR", "责任人", "The person responsible; of an objection, who objects; not published"),
)
_SUBJECT = Column("subject_id", "VARCHAR", "主体编号", "Merchant")
_REASON = Column("reason", "VARCHAR", "理由", "Why")

LEDGERS: dict[str, Ledger] = {
    ledger.name: ledger
    for ledger in (
        Ledger(
            "objections",
            "异议",
            "Objections of merchants to what is evaluated or published of them",
            (
                _SUBJECT,
                Column("about", "VARCHAR", "异议事项", "What it is about (code)"),
                Column("text", "VARCHAR", "异议内容", "What is said; not published"),
                Column("rows", "VARCHAR[]", "涉及的数据行", "Rows it concerns, each `table:key`"),
                Column("evaluated_on", "DATE", "所涉评价日", "The evaluation objected to", required=False),
            ),
        ),
        Ledger(
            "objection_events",
            "异议处理",
            "Decisions and withdrawals; of several decisions on one objection the last holds",
            (
                Column("objection", "BIGINT", "异议编号", "Number of the objection"),
                Column("event", "VARCHAR", "事件", "`decided` or `withdrawn`"),
                Column("outcome", "VARCHAR", "结论", "`upheld`, `partly_upheld` or `rejected`", required=False),
                Column("reason", "VARCHAR", "理由", "Why; of a decision it is published", required=False),
                Column("from_day", "DATE", "生效评价日", "First night for which the decision counts", required=False),
                Column(
                    "before_on", "DATE", "更正前评价日", "The latest evaluation when it was decided", required=False
                ),
                Column("before_grade", "VARCHAR", "更正前等级", "The grade of that evaluation", required=False),
                Column("before_score", "DECIMAL(9,4)", "更正前得分", "The score of that evaluation", required=False),
            ),
        ),
        Ledger(
            "adjustments",
            "数据更正",
            "Rows left out and values corrected, by a decision or as credit repair; read over the delivered rows",
            (
                Column("decision", "BIGINT", "处理编号", "Number in objection_events; blank: a repair", required=False),
                _SUBJECT,
                Column("table_name", "VARCHAR", "数据表", "Canonical table"),
                Column("key", "VARCHAR", "主键", "Key of the row"),
                Column("column_name", "VARCHAR", "列", "The column; blank: the whole row is left out", required=False),
                Column("value", "VARCHAR", "更正值", "Its right value as text; blank: no value", required=False),
                Column("from_day", "DATE", "生效评价日", "First night for which it counts"),
                _REASON,
            ),
        ),
        Ledger(
            "sanctions",
            "处置措施",
            "Sanctions imposed by command",
            (
                _SUBJECT,
                Column("kind", "VARCHAR", "措施类型", "As in table sanctions"),
                Column("reason", "VARCHAR", "原因", "Why; published"),
                Column("until_on", "DATE", "期满日", "Last day; blank: until lifted", required=False),
                Column("reference", "VARCHAR", "文号", "Document number", required=False),
            ),
        ),
        Ledger(
            "sanction_lifts",
            "解除处置",
            "Sanctions lifted before their end",
            (Column("sanction", "BIGINT", "措施编号", "Number of the sanction"), _REASON),
        ),
        Ledger(
            "findings",
            "操纵线索的认定",
            "Decisions on findings of manipulation; of several on one finding the last holds",
            (
                Column("finding", "VARCHAR", "线索编号", "Id of the finding"),
                _SUBJECT,
                Column("kind", "VARCHAR", "线索类型", "What was found (code); not published"),
                Column("outcome", "VARCHAR", "结论", "`upheld` or `dismissed`"),
                Column(
                    "violation",
                    "VARCHAR",
                    "违规类型",
                    "The violation that it is, as in table violations; blank: none",
                    required=False,
                ),
                Column("severity", "VARCHAR", "严重程度", "Severity of the violation", required=False),
                Column("orders", "VARCHAR[]", "不计入的交易", "Keys of transactions that do not count"),
                Column("reviews", "VARCHAR[]", "不计入的评价", "Keys of reviews that do not count"),
                Column("found_on", "DATE", "发现日", "The night that found it"),
                Column("facts", "VARCHAR", "线索事实", "What was found, as JSON; not published"),
                Column("reason", "VARCHAR", "理由", "Why; the merchant is told, it is not published"),
                Column("from_day", "DATE", "生效评价日", "First night for which it counts"),
            ),
        ),
        Ledger(
            "register_matches",
            "名单匹配建议",
            "Proposals that a subject of a list of authorities is a merchant, by name and address",
            (
                Column("given", "VARCHAR", "名单主体", "The subject as the list gives it: a code or a name"),
                Column("name", "VARCHAR", "名单名称", "Its name on the list"),
                Column("address", "VARCHAR", "名单地址", "Its address on the list", required=False),
                _SUBJECT,
                Column("probability", "DOUBLE", "匹配概率", "How probable the model holds it, 0 to 1"),
                Column("evidence", "VARCHAR", "依据", "What agrees"),
                Column("model", "VARCHAR", "模型", "SHA-256 of the model"),
            ),
        ),
        Ledger(
            "register_match_decisions",
            "名单匹配认定",
            "Decisions on these proposals; of several on one proposal the last holds",
            (
                Column("match", "BIGINT", "建议编号", "Number of the proposal"),
                Column("outcome", "VARCHAR", "结论", "`accepted` or `rejected`"),
                _REASON,
            ),
        ),
        Ledger(
            "closings",
            "停业公告",
            "Notices of closing (E-Commerce Law Art. 16)",
            (
                _SUBJECT,
                Column("closes_on", "DATE", "停业日", "The day of closing, at least 30 days after the entry"),
                Column("text", "VARCHAR", "公告内容", "What else is said; published", required=False),
            ),
        ),
        Ledger(
            "closing_withdrawals",
            "撤回停业公告",
            "Notices of closing withdrawn",
            (
                Column("closing", "BIGINT", "公告编号", "Number of the notice"),
                Column("reason", "VARCHAR", "理由", "Why", required=False),
            ),
        ),
        Ledger(
            "assessment_evidence",
            "评估证据",
            "Documents and statements on which assessments of the platform itself rest; the files lie in the home",
            (
                Column("targets", "VARCHAR[]", "所证明的条款", "What it shows, each `catalogue:line`"),
                Column("kind", "VARCHAR", "类型", "`document`, `declaration` or `not_applicable`"),
                Column("title", "VARCHAR", "名称或声明", "What it is called, or what is stated"),
                Column("dated", "DATE", "出具日期", "The day it is from, and its first day in force"),
                Column("valid_until", "DATE", "有效期止", "Last day in force; blank: open", required=False),
                Column("sha256", "VARCHAR", "文件哈希", "SHA-256 of the file; blank: none", required=False),
                Column("file", "VARCHAR", "文件名", "Name of the file when it was added", required=False),
            ),
        ),
        Ledger(
            "assessment_evidence_ends",
            "评估证据失效",
            "Evidence that no longer holds, before its last day",
            (Column("evidence", "BIGINT", "证据编号", "Number of the evidence"), _REASON),
        ),
        Ledger(
            "night_withdrawals",
            "评价撤回",
            "Evaluations of a night taken back, grades and indicators with them",
            (Column("evaluated_on", "DATE", "评价日", "The night"), _REASON),
        ),
        Ledger(
            "assessment_actions",
            "纠正措施",
            "Nonconformities with cause, corrective action, person and term",
            (
                Column("target", "VARCHAR", "不符合的条款", "The line, `catalogue:line`"),
                Column("nonconformity", "VARCHAR", "不符合事实", "What does not conform"),
                Column("cause", "VARCHAR", "原因", "Why it came to that"),
                Column("action", "VARCHAR", "纠正措施", "What is done so that it does not come again"),
                Column("person", "VARCHAR", "落实责任人", "Who does it"),
                Column("due_on", "DATE", "完成期限", "Last day for it"),
            ),
        ),
        Ledger(
            "assessment_action_ends",
            "纠正措施关闭",
            "Corrective actions done and their effect verified",
            (
                Column("action", "BIGINT", "措施编号", "Number of the action"),
                Column("effect", "VARCHAR", "效果验证", "How it was verified that it works"),
            ),
        ),
        Ledger(
            "assessment_runs",
            "自评记录",
            "Assessments of the platform itself by a catalogue, each with its whole result",
            (
                Column("catalogue", "VARCHAR", "准则目录", "Id of the catalogue"),
                Column("version", "VARCHAR", "目录版本", "Its version"),
                Column("hash", "VARCHAR", "目录哈希", "SHA-256 of its text"),
                Column("text", "VARCHAR", "目录原文", "Its text"),
                Column("assessed_on", "DATE", "评估日", "As of 00:00 of this day"),
                Column("result", "JSON", "结果", "Every line with what it rests on"),
            ),
        ),
        Ledger(
            "assessment_decisions",
            "自评公示决定",
            "Decisions to publish an assessment, or to stop; of several on one catalogue the last holds",
            (
                Column("catalogue", "VARCHAR", "准则目录", "Id of the catalogue"),
                Column("run", "BIGINT", "自评编号", "The assessment shown; blank: none is", required=False),
                _REASON,
            ),
        ),
    )
}


def ddl() -> str:
    """The ledgers as SQL, safe to run again."""
    return "\n".join(
        f"CREATE TABLE IF NOT EXISTS ledger.{ledger.name} ("
        + ", ".join(
            f'"{column.name}" {column.sql_type}' + " NOT NULL" * column.required + " PRIMARY KEY" * (column is NUMBER)
            for column in ledger.columns
        )
        + ");"
        for ledger in LEDGERS.values()
    )
