"""The synthetic marketplace as a platform's back office exports it: its own headings and words, GB18030, workbooks."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import duckdb
import xlsxwriter

from credit.synthetic.delivery import simulated
from credit.synthetic.market import ZONE

_AT_ONCE = 10_000


def _time(column: str, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    return f"strftime(timezone('{ZONE}', {column}), '{form}')"


def _word(column: str, *pairs: str) -> str:
    """SQL of a code as the platform's word for it; the last word stands for all others, nothing for a blank."""
    cases = " ".join(f"WHEN '{code}' THEN '{word}'" for code, _, word in (pair.partition("=") for pair in pairs[:-1]))
    return f"CASE WHEN {column} IS NULL THEN '--' ELSE CASE {column} {cases} ELSE '{pairs[-1]}' END END"


_ID = "{} || chr(9)"
"""An id with a tab behind, which keeps a spreadsheet from taking it for a number."""
_ORDER = {
    "订单号": _ID.format("transaction_id"),
    "店铺ID": "subject_id",
    "买家会员名": "buyer_id",
    "拍下时间": _time("ordered_at", "%Y年%-m月%-d日 %-H:%M:%S"),
    "付款时间": _time("paid_at"),
    "最晚发货时间": _time("dispatch_due_at"),
    "发货时间": _time("dispatched_at"),
    "最晚送达时间": _time("delivery_due_at"),
    "签收时间": _time("delivered_at"),
    "确认收货时间": _time("completed_at"),
    "关闭时间": _time("cancelled_at"),
    "谁关闭的": _word("cancelled_by", "buyer=买家", "seller=卖家", "platform=小二", "--"),
    "买家实付": "'¥' || format('{:,.2f}', amount::DOUBLE)",
    "快递公司": "coalesce(carrier, '--')",
    "类目": "category",
}
_FILES: dict[str, tuple[dict[str, str], str]] = {
    "店铺名录.csv": (
        {
            "店铺ID": "subject_id",
            "店铺名称": "coalesce(shop_name, '--')",
            "主体名称": "name",
            "店铺性质": _word("kind", "enterprise=企业店", "个人店"),
            "统一信用代码": "coalesce(uscc, '--')",
            "营业执照有效期至": "coalesce(strftime(licence_valid_until, '%Y/%-m/%-d'), '长期')",
            "主营类目": "category",
            "保证金金额": "deposit_amount",
            "开店日期": "strftime(joined_on, '%Y/%-m/%-d')",
            "资质核验日期": "strftime(verified_on, '%Y/%-m/%-d')",
        },
        "subjects WHERE role = 'seller' ORDER BY subject_id",
    ),
    "订单明细-上.csv": (_ORDER, "transactions WHERE ordered_at < {half} ORDER BY ordered_at, transaction_id"),
    "订单明细-下.csv": (_ORDER, "transactions WHERE ordered_at >= {half} ORDER BY ordered_at, transaction_id"),
}
_BOOKS: dict[str, dict[str, tuple[dict[str, str], str]]] = {
    "售后.xlsx": {
        "退款明细": (
            {
                "订单号": "transaction_id",
                "申请时间": _time("refund_requested_at"),
                "到账时间": _time("refunded_at"),
                "金额（元）": "refund_amount::DOUBLE",
                "原因": _word(
                    "refund_reason",
                    "quality=质量问题",
                    "not_as_described=与描述不符",
                    "not_received=未收到货",
                    "late=发货慢",
                    "no_reason=七天无理由",
                    "其他",
                ),
            },
            "transactions WHERE refund_requested_at IS NOT NULL ORDER BY transaction_id",
        )
    },
    "客服.xlsx": {
        "评价": (
            {
                "评价ID": "review_id",
                "订单号": "transaction_id",
                "店铺ID": "subject_id",
                "买家会员名": "buyer_id",
                "评论时间": _time("reviewed_at"),
                "星级": "repeat('★', rating_overall::INT) || repeat('☆', 5 - rating_overall::INT)",
                "评论内容": "coalesce(text, '')",
            },
            "reviews ORDER BY review_id",
        ),
        "投诉工单": (
            {
                "工单号": "complaint_id",
                "订单号": "transaction_id",
                "店铺ID": "subject_id",
                "买家会员名": "buyer_id",
                "来源": _word(
                    "channel", "platform=在线客服", "12315=12315", "association=消协", "mediation=调解", "其他"
                ),
                "问题类型": _word(
                    "category",
                    "quality=质量问题",
                    "not_as_described=与描述不符",
                    "delivery=物流",
                    "refund=退款纠纷",
                    "service=服务态度",
                    "counterfeit=假货",
                    "invoice=发票",
                    "privacy=泄露信息",
                    "其他",
                ),
                "提交时间": _time("filed_at"),
                "首次回复": _time("first_response_at"),
                "结案时间": _time("resolved_at"),
                "裁决": _word(
                    "outcome",
                    "upheld=支持买家",
                    "partly_upheld=部分支持",
                    "rejected=不支持",
                    "settled=双方和解",
                    "买家撤诉",
                ),
            },
            "complaints ORDER BY complaint_id",
        ),
    },
}


def write(folder: Path, *, merchants: int = 300, transactions: int = 20_000, end: date, seed: int = 1) -> list[str]:
    """Write the marketplace as a platform's own export; returns the names of the files.

    The same arguments give the same bytes but for the workbooks. Ranges as in `populate`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with simulated(merchants=merchants, transactions=transactions, end=end, seed=seed) as (con, _):
        half = "(SELECT quantile_disc(ordered_at, 0.5) FROM sim.transactions)"
        for name, (columns, rows) in _FILES.items():
            with (folder / name).open("w", encoding="gb18030", newline="") as file:
                lines = csv.writer(file)
                lines.writerow(columns)
                cursor = _rows(con, columns, rows.format(half=half))
                while block := cursor.fetchmany(_AT_ONCE):
                    lines.writerows(block)
        for name, sheets in _BOOKS.items():
            with xlsxwriter.Workbook(str(folder / name), {"constant_memory": True}) as book:
                for title, (columns, rows) in sheets.items():
                    sheet = book.add_worksheet(title)
                    sheet.write_row(0, 0, columns)
                    cursor, at = _rows(con, columns, rows), 0
                    while block := cursor.fetchmany(_AT_ONCE):
                        for row in block:
                            sheet.write_row(at := at + 1, 0, row)
    return [*_FILES, *_BOOKS]


def _rows(con: duckdb.DuckDBPyConnection, columns: dict[str, str], rows: str) -> duckdb.DuckDBPyConnection:
    picked = ", ".join(f'{sql} AS "{heading}"' for heading, sql in columns.items())
    return con.execute(f"SELECT {picked} FROM sim.{rows}")
