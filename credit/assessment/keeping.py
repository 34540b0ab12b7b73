"""Measurements over what is kept, taken in and assessed: retention, deliveries, the home's files, assessments, actions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

from credit.assessment.measuring import Case, Numbers, Values, measure, measured
from credit.assessment.seen import Seen
from credit.ledgers import assessments

_NOT_FOR_OTHERS = 0o077

measure(
    "kept_long_enough",
    zh="仍有交易记录的月份（自首家商家入驻或保存期起点，取较晚者）",
    en="months of the term of keeping, from the first merchant on, of which there are orders",
    mend_zh="补交缺失月份的历史交易；已删除的，查明原因并停止删除",
    mend_en="deliver the orders of the months that are missing; if they were deleted, find out why and stop it",
    needs=("transactions", "subjects.joined_on"),
    numbers=("years",),
    sql="""SELECT strftime(month, '%Y-%m') AS key, month IN (SELECT DISTINCT date_trunc('month', ordered_on) FROM seen_transactions) AS ok
        FROM (SELECT unnest(generate_series(
            date_trunc('month', greatest($day - to_years($years::INTEGER), (SELECT min(joined_on) FROM seen_subjects WHERE role = 'seller'))),
            date_trunc('month', $day - INTERVAL 1 MONTH), INTERVAL 1 MONTH))::DATE AS month)""",
)
measure(
    "rows_accepted",
    zh="不合格行在允许比例以内的交付文件",
    en="tables of deliveries with no more bad rows than allowed",
    mend_zh="按隔离区列出的原因改正交付文件后重新交付",
    mend_en="mend what the quarantine lists, and deliver again",
    numbers=("days", "share"),
    none_zh="近期没有交付",
    none_en="nothing was delivered lately",
    sql="""SELECT batch_id || ' ' || t.key AS key,
            (t.value->>'quarantined')::BIGINT <= $share * greatest((t.value->>'read')::BIGINT, 1) AS ok
        FROM meta.batches b, json_each(b.counts) t
        WHERE b.state = 'accepted' AND b.as_of >= $cut_off - to_days($days::INTEGER) AND b.as_of <= $cut_off + INTERVAL 1 DAY""",
)
measure(
    "records_current",
    zh="近期更新过的公共信用记录",
    en="public records brought up to date lately",
    mend_zh="从公布机关取得最新记录并交付",
    mend_en="fetch the newest records from the authorities and deliver them",
    needs=("public_records",),
    numbers=("days",),
    sql="""SELECT 'public_records' AS key, max(b.as_of) >= $cut_off - to_days($days::INTEGER) AS ok
        FROM meta.supplied s JOIN meta.batches b USING (batch_id)
        WHERE s.table_name = 'public_records' AND b.state = 'accepted'""",
)


@measured(
    "home_private",
    zh="仅限负责人读取的数据和密钥文件",
    en="files of data and keys that nobody but their owner can read",
    mend_zh="收回其他用户的权限（chmod 600，文件夹 700）",
    mend_en="take the rights of other users away (chmod 600, folders 700)",
)
def home_private(seen: Seen, numbers: Numbers, values: Values) -> Iterable[Case]:
    """The warehouse, the pseudonym key, the signing keys: by their own mode, or that of a folder around them."""
    settings = seen.settings
    keys = sorted(path for path in (settings.home / "keys").rglob("*") if path.is_file())
    paths = [settings.database, settings.key_file, *keys]

    def private(path: Path) -> bool:
        around = [path, *(folder for folder in path.parents if folder.is_relative_to(settings.home))]
        return any(not place.stat().st_mode & _NOT_FOR_OTHERS for place in around)

    return [(path.relative_to(settings.home).as_posix(), private(path)) for path in paths if path.exists()]


@measured(
    "assessed",
    zh="期限内评估过并达到要求的目录",
    en="catalogues assessed within the term, and passed",
    mend_zh="运行 `merchant-credit assess run`，并改进未达要求的条款",
    mend_en="run `merchant-credit assess run`, and mend the lines that fall short",
    numbers=("days",),
    values=("catalogues",),
)
def assessed(seen: Seen, numbers: Numbers, values: Values) -> Iterable[Case] | None:
    """The latest assessment by each; one that gives stars must give some. None where none of them was ever assessed."""
    latest = {run.catalogue: run for run in assessments.runs(seen.con) if run.assessed_on <= seen.day}
    since = seen.day - timedelta(days=int(numbers["days"]))
    if not set(values["catalogues"]) & latest.keys():
        return None
    return [
        (name, name in latest and latest[name].assessed_on >= since and latest[name].result["stars"] != 0)
        for name in values["catalogues"]
    ]


@measured(
    "actions_in_time",
    zh="按期完成的纠正措施",
    en="corrective actions done in time",
    mend_zh="完成逾期措施，验证效果后关闭（`assess action close`）",
    mend_en="do what is overdue, verify it and close it (`assess action close`)",
    none_zh="没有到期的纠正措施，看不出改进机制在运行",
    none_en="no corrective action has come due: nothing shows that improvement works",
)
def actions_in_time(seen: Seen, numbers: Numbers, values: Values) -> Iterable[Case]:
    """Those of the last year that are closed, or due by the day."""
    cases = []
    for action in assessments.actions(seen.con):
        closed = action.closed.day if action.closed and action.closed.day <= seen.day else None
        if action.due_on >= seen.moment.start(365).date() and (closed or action.due_on < seen.day):
            cases.append((str(action.number), closed is not None and closed <= action.due_on))
    return cases


@measured(
    "reports_in_time",
    zh="按期报送的季度",
    en="quarters that were reported in time",
    mend_zh="用 `merchant-credit export report` 生成报送材料，报送后将回执登记为证据",
    mend_en="make the report with `merchant-credit export report`, and add the receipt as evidence",
    numbers=("days",),
    values=("lines",),
)
def reports_in_time(seen: Seen, numbers: Numbers, values: Values) -> Iterable[Case] | None:
    """The four last quarters whose term is over: a document of these lines dated within the term. None before the first."""
    term = timedelta(days=int(numbers["days"]))
    dated = [
        piece.dated
        for piece in assessments.evidence(seen.con)
        if piece.kind == "document" and set(piece.targets) & set(values["lines"]) and piece.ended is None
    ]
    if not dated:
        return None
    ends = [end for end in _quarter_ends(seen.day) if end + term < seen.day][-4:]
    return [(end.isoformat(), any(end < day <= end + term for day in dated)) for end in ends]


def _quarter_ends(day: date) -> list[date]:
    """The last days of the quarters of two years before a day, in order."""
    firsts = [date(year, month, 1) for year in range(day.year - 2, day.year + 1) for month in (1, 4, 7, 10)]
    return [first - timedelta(days=1) for first in firsts if first <= day]
