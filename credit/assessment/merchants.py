"""Measurements over the register of merchants, their records, violations and grades."""

from __future__ import annotations

from collections.abc import Iterable

from credit.assessment.measuring import Case, Numbers, Values, measure, measured
from credit.assessment.seen import Seen
from credit.vetting.policy import load_policy

measure(
    "identity_verified",
    zh="登记或身份已核验的商家",
    en="merchants whose registration or identity is verified",
    mend_zh="核验这些商家的登记或身份，并记录核验日期",
    mend_en="verify the registration or identity of these merchants and record the day",
    needs=("subjects.registration_verified_on",),
    sql="SELECT subject_id AS key, registration_verified_on IS NOT NULL AS ok FROM seen_subjects WHERE role = 'seller'",
)
measure(
    "reverified",
    zh="近期核验过的商家",
    en="merchants verified lately",
    mend_zh="重新核验这些商家，并记录最近核验日期",
    mend_en="verify these merchants again and record the day",
    needs=("subjects.verified_on",),
    numbers=("days",),
    sql="""SELECT subject_id AS key, coalesce(verified_on >= $day - $days::INTEGER, false) AS ok
        FROM seen_subjects WHERE role = 'seller'""",
)
measure(
    "licence_in_force",
    zh="营业执照在有效期内的企业商家",
    en="enterprise merchants whose business licence is in force",
    mend_zh="请这些商家换照并更新执照信息，逾期不换的按规则处置",
    mend_en="have these merchants renew their licence and bring it up to date, or act by the rules",
    needs=("subjects.licence_no", "subjects.licence_valid_until"),
    sql="""SELECT subject_id AS key, licence_no IS NOT NULL AND coalesce(licence_valid_until >= $day, true) AS ok
        FROM seen_subjects WHERE role = 'seller' AND kind = 'enterprise'""",
)
measure(
    "icp_shown",
    zh="有网站备案号或链接标识的企业商家",
    en="enterprise merchants with an ICP record or link mark",
    mend_zh="请这些商家补充网站备案号或链接标识",
    mend_en="have these merchants give their ICP record or link mark",
    needs=("subjects.icp_record",),
    sql="""SELECT subject_id AS key, icp_record IS NOT NULL AS ok
        FROM seen_subjects WHERE role = 'seller' AND kind = 'enterprise'""",
)
measure(
    "contact_given",
    zh="地址和联系方式齐全的商家",
    en="merchants with address and contact",
    mend_zh="请这些商家补充经营地址和联系方式",
    mend_en="have these merchants give address and contact",
    needs=("subjects.address", "subjects.contact"),
    sql="""SELECT subject_id AS key, address IS NOT NULL AND contact IS NOT NULL AS ok
        FROM seen_subjects WHERE role = 'seller'""",
)
measure(
    "violations_sanctioned",
    zh="认定后已采取处置措施的违规",
    en="violations followed by a sanction",
    mend_zh="对这些违规采取处置措施并公示，或撤销认定",
    mend_en="act on these violations and publish it, or withdraw them",
    needs=("violations", "sanctions"),
    numbers=("days",),
    values=("kinds",),
    none="not_applicable",
    none_zh="一年内没有认定此类违规",
    none_en="no such violation was found within a year",
    sql="""SELECT violation_id AS key, violation_id IN (SELECT violation_id FROM seen_sanctions WHERE violation_id IS NOT NULL)
            OR EXISTS (SELECT 1 FROM seen_sanctions s WHERE s.subject_id = v.subject_id AND s.imposed_at >= v.decided_at
                       AND s.imposed_at <= v.decided_at + to_days($days::INTEGER)) AS ok
        FROM seen_violations v
        WHERE kind IN (SELECT unnest($kinds)) AND withdrawn_at IS NULL AND decided_at >= $start
          AND decided_at < $cut_off - to_days($days::INTEGER)""",
)
measure(
    "evaluated",
    zh="近期评价过信用的商家",
    en="merchants whose credit was evaluated lately",
    mend_zh="每夜运行评价；没有评价规则的主体类型应制定规则",
    mend_en="evaluate every night; kinds of merchants without a rulebook need one",
    needs=("subjects",),
    numbers=("days",),
    sql="""SELECT subject_id AS key, subject_id IN (
            SELECT g.subject_id FROM results.grades g JOIN results.runs r USING (evaluated_on, rulebook_hash)
            WHERE r.standing <> 'trial' AND g.evaluated_on <= $day AND g.evaluated_on >= $day - $days::INTEGER) AS ok
        FROM seen_subjects WHERE role = 'seller'""",
)


@measured(
    "permit_in_force",
    zh="所需行政许可在有效期内的商家",
    en="merchants whose category needs a permit and who have one in force",
    mend_zh="请这些商家延续许可并更新信息，逾期的停止相应类目的经营",
    mend_en="have these merchants renew their permit and bring it up to date, or stop sales of the category",
    needs=("subjects.category", "subjects.permit_no", "subjects.permit_valid_until"),
    none="not_applicable",
    none_zh="没有商家的类目需要行政许可",
    none_en="no merchant's category needs a permit",
)
def permit_in_force(seen: Seen, numbers: Numbers, values: Values) -> Iterable[Case]:
    """Which categories need one says the vetting policy."""
    policy = load_policy()
    rows = seen.con.execute(
        """SELECT subject_id, category, permit_no IS NOT NULL AND coalesce(permit_valid_until >= ?, true)
           FROM seen_subjects WHERE role = 'seller' AND category IS NOT NULL""",
        [seen.day],
    ).fetchall()
    needing = {name for _, name, _ in rows if (category := policy.category(name)) and category.permit}
    return [(subject_id, ok) for subject_id, category, ok in rows if category in needing]
