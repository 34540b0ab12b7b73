"""Papers of the sample platform about itself: evidence and corrective actions, to be entered by `assess enter`.

Everything is invented. Most papers are in order; some are there so that an assessment shows each result: a rehearsal of
restoring that is too old, papers that are missing, statements that something does not apply, an action that is overdue.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import yaml

HEBEI, QUALITY, SYSTEM = "hebei-ecommerce-enterprise", "gbt-31526-platform-service", "gbt-36311-management-system"
PLATFORM, LOGISTICS = "gbt-24661-platform", "gbt-24661-logistics"

Paper = tuple[str, int, int | None, tuple[str, ...]]
"""Title, days old, days it is in force still (None: open), lines."""

PAPERS: tuple[Paper, ...] = (
    ("营业执照、经营许可和纳税证明", 120, 400, (f"{HEBEI}:4.1.1", f"{HEBEI}:4.2.1.1b")),
    ("人员、场所、设备清单与消防检查记录", 90, 275, (f"{HEBEI}:4.1.2", f"{SYSTEM}:6.1")),
    ("商品安全与环保管理制度", 200, None, (f"{HEBEI}:4.1.3",)),
    ("备份与恢复演练记录", 260, None, (f"{HEBEI}:4.1.4", f"{QUALITY}:6.1b", f"{PLATFORM}:P1.1")),
    ("平台技术与安全管理制度", 100, None, (f"{HEBEI}:5.7.3", f"{SYSTEM}:7.7")),
    ("运营规范对照检查记录", 60, None, (f"{HEBEI}:4.1.6", f"{QUALITY}:6.2")),
    ("合同与服务协议范本及法律意见", 300, None, (f"{HEBEI}:4.1.7",)),
    ("平台首页执照公示截图", 30, None, (f"{HEBEI}:4.2.1.1a",)),
    ("商品信息展示抽查记录", 40, None, (f"{HEBEI}:4.2.1.2", f"{QUALITY}:6.6")),
    ("关闭个性化后的搜索结果截图", 30, None, (f"{HEBEI}:4.2.1.3",)),
    ("搭售提示页面截图", 30, None, (f"{HEBEI}:4.2.1.4",)),
    ("广告审核记录与退订说明", 50, None, (f"{HEBEI}:4.2.1.5", f"{QUALITY}:6.5", f"{HEBEI}:5.5.2")),
    ("服务协议与交易规则公示截图", 30, None, (f"{HEBEI}:4.2.2.1", f"{PLATFORM}:P2.1")),
    ("排序方式与广告标识截图", 30, None, (f"{HEBEI}:4.2.2.5",)),
    ("物流服务商合同与服务标准", 150, 20, (f"{HEBEI}:4.3.4", f"{HEBEI}:5.4.3", f"{LOGISTICS}:L1.1")),
    ("配送和赔付标准公示截图", 40, None, (f"{LOGISTICS}:L2.1",)),
    ("客服管理制度与考核办法", 150, None, (f"{HEBEI}:4.4.1", f"{HEBEI}:5.3.4", f"{QUALITY}:6.11b")),
    ("评价入口截图与评价管理制度", 30, None, (f"{HEBEI}:4.4.2",)),
    ("电子商务管理体系文件", 180, None, (f"{HEBEI}:5.1", f"{SYSTEM}:3.1", f"{SYSTEM}:3.2", f"{SYSTEM}:3.3", f"{SYSTEM}:3.4", f"{SYSTEM}:4.1", f"{SYSTEM}:4.3", f"{SYSTEM}:6.4", f"{SYSTEM}:7.1", f"{SYSTEM}:7.2")),
    ("年度培训计划与能力评价", 120, None, (f"{HEBEI}:5.2.1", f"{SYSTEM}:6.2", f"{SYSTEM}:6.3")),
    ("资金计划与支付操作规范", 120, None, (f"{HEBEI}:5.2.2", f"{HEBEI}:5.6.2", f"{QUALITY}:6.9", f"{SYSTEM}:7.6")),
    ("知识产权保护制度", 200, None, (f"{HEBEI}:5.2.4",)),
    ("平台规划与战略", 200, None, (f"{HEBEI}:5.3.1", f"{SYSTEM}:4.2", f"{SYSTEM}:5.2")),
    ("质量管理、上下架与追溯制度", 200, None, (f"{HEBEI}:5.3.2",)),
    ("应急预案与演练记录", 210, -5, (f"{HEBEI}:5.3.5", f"{SYSTEM}:5.1")),
    ("供方评价与采购管理制度", 170, None, (f"{HEBEI}:5.4.2", f"{SYSTEM}:7.3")),
    ("年度营销计划与效果评估", 140, None, (f"{HEBEI}:5.5.1", f"{SYSTEM}:7.4")),
    ("审计报告", 230, None, (f"{HEBEI}:5.6.1",)),
    ("个人信息保护制度与影响评估", 130, None, (f"{HEBEI}:5.7.2", f"{QUALITY}:6.4b", f"{SYSTEM}:7.5")),
    ("可用性监测报告", 45, None, (f"{QUALITY}:6.1a",)),
    ("管理评审与内部审核报告", 95, None, (f"{SYSTEM}:8.2", f"{SYSTEM}:8.3", f"{SYSTEM}:9.1")),
)  # fmt: skip

STATEMENTS = (
    ("declaration", "已评估自然资源对业务的影响，并安排了备用仓储和电力", (f"{HEBEI}:5.2.3",)),
    ("not_applicable", "不从事跨境电子商务", (f"{HEBEI}:4.1.8",)),
    ("not_applicable", "不向消费者收取押金", (f"{HEBEI}:4.3.2",)),
)

REPORTED_AFTER_DAYS = (20, 12, 45)
"""Days after the ends of the three quarters before the last one at which the reports were made: the last of them late."""

ACTIONS = (
    ("4.3.3", "部分订单索要发票后未按期开具", "商家人工开票，旺季积压", "接入自动开票，逾期自动提醒", "王芳", 40, -30, None),
    ("4.4.3", "投诉逾期未办结", "工单分派后无人跟踪", "设置办结预警，逐周通报", "李强", 75, 10, None),
    ("5.7.1", "交付文件坏行偏多", "导出程序字段错位", "修正导出程序，交付前自检", "赵敏", 120, 60, (70, "复查三批交付，坏行均在允许比例内")),
)  # fmt: skip
"""Line, nonconformity, cause, action, person, opened days ago, due days ago, closed (days ago, effect) or None."""


def write(folder: Path, day: date) -> Path:
    """Write the papers and their list, as they are on `day`; returns the list, `entries.yaml`. The same day gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)

    def ago(days: int) -> date:
        return day - timedelta(days=days)

    def paper(number: int, title: str, dated: date) -> str:
        name = f"{number:02}.txt"
        (folder / name).write_text(f"{title}\n{dated}\n示例文件，纯属虚构。 A sample, invented.\n", encoding="utf-8")
        return name

    evidence: list[dict[str, object]] = []
    for title, days, left, lines in PAPERS:
        entry: dict[str, object] = {"for": list(lines), "title": title, "dated": ago(days)}
        entry["file"] = paper(len(evidence) + 1, title, ago(days))
        if left is not None:
            entry["until"] = day + timedelta(days=left)
        evidence.append(entry)
    for end, after in zip(_quarter_ends(day)[-4:-1], REPORTED_AFTER_DAYS, strict=True):
        dated = end + timedelta(days=after)
        file = paper(len(evidence) + 1, f"{end} 季度报送回执", dated)
        evidence.append(
            {"for": [f"{HEBEI}:5.7.5"], "title": f"截至 {end} 的季度报送回执", "dated": dated, "file": file}
        )
    for kind, title, lines in STATEMENTS:
        evidence.append({"for": list(lines), "title": title, "dated": ago(100), "kind": kind})
    actions: list[dict[str, object]] = []
    for line, nonconformity, cause, action, person, opened, due, closed in ACTIONS:
        about: dict[str, object] = {
            "for": f"{HEBEI}:{line}", "nonconformity": nonconformity, "cause": cause, "action": action, "person": person,
            "opened": ago(opened), "due": ago(due),
        }  # fmt: skip
        if closed:
            about["closed"] = {"on": ago(closed[0]), "effect": closed[1]}
        actions.append(about)
    path = folder / "entries.yaml"
    text = yaml.safe_dump({"evidence": evidence, "actions": actions}, allow_unicode=True, sort_keys=False)
    path.write_text(
        "# 示例平台自身的证据与纠正措施 Evidence and actions of the sample platform itself\n" + text, encoding="utf-8"
    )
    return path


def _quarter_ends(day: date) -> list[date]:
    """The last days of the quarters of two years before a day, in order."""
    firsts = [date(year, month, 1) for year in range(day.year - 2, day.year + 1) for month in (1, 4, 7, 10)]
    return [first - timedelta(days=1) for first in firsts if first <= day]
