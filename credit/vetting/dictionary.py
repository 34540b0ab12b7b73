"""The page docs/reference/vetting.md: the shipped policy."""

from __future__ import annotations

from credit.files import markdown
from credit.vetting.policy import AREAS, load_policy


def page() -> str:
    """The checks of the shipped vetting policy, with every number and its source."""
    policy = load_policy()

    listed = (
        (
            f"`{rule.id}`",
            f"{AREAS[rule.area].zh} {AREAS[rule.area].en}",
            f"{rule.name.zh}<br>{rule.name.en}",
            f"`{rule.leads_to}`",
            ", ".join(rule.kinds) if len(rule.kinds) == 1 else "",
            "; ".join(f"{name} {number.value:g} ({number.cited})" for name, number in rule.numbers.items()),
            "; ".join(
                f"{name}: {', '.join(v or 'not stated' for v in vs) or 'any'}" for name, vs in rule.values.items()
            ),
            rule.cited,
            f"{rule.remedy.zh}<br>{rule.remedy.en}",
        )
        for rule in policy.checks
    )
    categories = (
        (
            f"`{c.id}`",
            "、".join(c.names),
            f"{c.permit.zh} {c.permit.en} ({c.permit.cited})" if c.permit else "",
            f"{c.deposit.value:,.0f} ({c.deposit.cited})",
        )
        for c in policy.categories
    )
    return (
        "\n\n".join(
            (
                f"# {policy.title.zh} Vetting of applicants",
                f"Policy `{policy.id}` {policy.version}, in `credit/vetting/vetting.yaml`; `--policy` takes another. A failure leads to "
                "what the check says; something needed that was not given leads to `refer`. The verdict is `refuse` if "
                "anything leads to it, else `refer`, else `pass`.",
                "## Checks 审核项",
                markdown.table(
                    (
                        "Check",
                        "Area 类别",
                        "Name 名称",
                        "Failure",
                        "Only",
                        "Numbers",
                        "Values",
                        "Source",
                        "Remedy 办理方法",
                    ),
                    listed,
                ),
                "## Categories 类目",
                markdown.table(
                    ("Category", "Names 名称", "Permit 行政许可", f"Deposit 保证金, {policy.currency}"), categories
                ),
                f"Any other category is referred; its deposit is {policy.other_deposit.value:,.0f} ({policy.other_deposit.cited}).",
                "## The application 申请材料",
                "JSON or YAML (UTF-8, at most 1 MiB), English or Chinese field names: those of table `subjects` in "
                "[tables.md](tables.md); `brands` 品牌, a list of `name` 品牌名称, `holder` 权利人 and either `own_trademark_no` "
                "自有商标注册号 or `authorisation` 授权 (`from` 授权方, `valid_from` 授权期起, `valid_until` 授权期止; a list, "
                "beginning with the holder, where others stand between); `public_records` 公共信用记录, a list of `kind`, `grade`, "
                "`issuer`, `valid_from`, `valid_until`, `repaired_on` as in table `public_records`. Give `[]` where there are "
                "none. Examples: `data/applications/`.",
            )
        )
        + "\n"
    )
