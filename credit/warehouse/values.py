"""How a raw value reads: SQL over the text of a column, the same for files, databases and corrections.

Cheap first: what is written as it should be is taken by one cast; the ways in which platforms write it otherwise are looked at
only where that fails.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

from credit import codes
from credit.tables import Column, Table
from credit.warehouse import words
from credit.warehouse.connection import quote, quoted

_ENDS = " \t\r\n\u00a0\u3000\ufeff\u200b\u200c\u200d\u200e\u200f\u2060\u202a\u202c"
"""White space and invisible characters that belong to no value."""
_APOSTROPHE = "'"
NO_END = "DATE '9999-12-31'"
"""What a validity without an end reads as."""
_INVISIBLE = "\ufeff\u200b\u200c\u200d\u200e\u200f\u2060\u202a\u202c"
_FULL = "".join(chr(point) for point in range(0xFF01, 0xFF5F)) + "\u3000"
_HALF = "".join(chr(point - 0xFEE0) for point in range(0xFF01, 0xFF5F)) + " "
_OF_CHINA = ("Asia/Shanghai", "PRC", "Asia/Chongqing", "Asia/Chungking", "Asia/Harbin")


def trimmed(raw: str) -> str:
    """The text of a raw value without white space and invisible characters at its ends; NULL where nothing is left."""
    text = f"({raw}::VARCHAR)"
    # Trimming looks every character up; most values begin and end in a visible one of ASCII, or in none of these.
    visible = f"{text}[1] BETWEEN '!' AND '~' AND {text}[-1] BETWEEN '!' AND '~'"
    invisible = f"{text}[1] IN ({quoted(tuple(_ENDS))}) OR {text}[-1] IN ({quoted(tuple(_ENDS))})"
    return f"nullif(CASE WHEN {visible} THEN {text} WHEN {invisible} THEN trim({text}, {quote(_ENDS)}) ELSE {text} END, '')"


def unwrapped(raw: str) -> str:
    """As `trimmed`, and without what keeps a spreadsheet from reading it as a number: ="…"."""
    text = trimmed(raw)
    return f"""CASE WHEN starts_with({text}, '="') THEN nullif(trim(regexp_replace({text}, '^="([^"]*)"$', '\\1')), '') ELSE {text} END"""


def half_width(text: str) -> str:
    """Full-width letters, digits and marks as the usual ones."""
    return f"translate({text}, {quote(_FULL)}, {quote(_HALF)})"


def is_nothing(text: str, column: Column) -> str:
    """SQL: whether a trimmed text is one of the words for nothing."""
    allowed = tuple(word for word in _nothing_words(column) if word not in column.codes)
    longest = max(map(len, allowed))
    return f"coalesce(length({text}) <= {longest} AND lower({text}) IN ({quoted(allowed)}), false)"


def _nothing_words(column: Column) -> tuple[str, ...]:
    if column.type == "date":
        return (*words.NOTHING, *words.NO_DAY)
    if column.type == "instant" and column.name != "known_at":
        return (*words.NOTHING, *words.NO_DAY, *words.NO_TIME)
    if column.type == "text" and column.max_length >= 2_000:
        return words.NOTHING_IN_TEXT
    if column.type == "code":
        return tuple(word for word in words.NOTHING if word not in column.codes and word not in ("未知", "none"))
    if column.privacy == "pseudonym":
        return (*words.NOTHING, *words.NOBODY)
    return words.NOTHING


def _or_nothing(text: str, column: Column) -> str:
    return f"CASE WHEN {is_nothing(text, column)} THEN NULL ELSE {text} END"


def is_id(table: Table, column: Column) -> bool:
    """Whether the column holds an id or a registration number: text in which every character counts."""
    return column.type == "text" and (
        column.name.endswith("_id")
        or column.name in (table.key, "uscc", "id_number", "licence_no", "permit_no", "icp_record")
    )


def plain_id(text: str) -> str:
    """An id without what spreadsheets and their users put around it: ="…", a leading apostrophe, full-width, invisible."""
    wrapped = rf"""regexp_replace(regexp_replace({text}, '^="([^"]*)"$', '\1'), '^[''‘’`]', '')"""
    odd = f"left({text}, 1) IN ('=', '''', '‘', '’', '`') OR octet_length(encode({text})) <> length({text})"
    healed = f"translate({half_width(wrapped)}, {quote(_INVISIBLE)}, '')"
    return f"CASE WHEN {odd} THEN nullif(trim({healed}), '') ELSE {text} END"


def mangled(text: str) -> str:
    """SQL: whether an id has been through a spreadsheet that took it for a number or a day, or shows a spreadsheet's error."""
    return (
        rf"regexp_full_match({text}, '[0-9]([.,][0-9]+)?[eE]\+?[0-9]{{1,3}}"
        r"|#(REF!|N/A|VALUE!|NAME\?|DIV/0!|NULL!|NUM!)|#{3,}"
        r"|[0-9]{1,2}-(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)|(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-[0-9]{1,2}"
        r"|[0-9]{1,2}月[0-9]{1,2}日')"
    )


def masked(text: str) -> str:
    """SQL: whether a consumer's id hides some of its characters, so that it stands for several people."""
    return "(" + " OR ".join(f"contains({text}, {quote(mask)})" for mask in words.MASKS) + ")"


# --- times -----------------------------------------------------------------------------------------------------------


@cache
def abbreviations(zone: str) -> tuple[str, ...]:
    """What the platform's zone is called in letters, in this century's winters and summers: CST in Shanghai."""
    names = {
        datetime(year, month, 1, tzinfo=UTC).astimezone(ZoneInfo(zone)).tzname()
        for year in range(2000, 2038)
        for month in (1, 7)
    }
    return tuple(sorted(name for name in names if name and name.isalpha() and name not in ("UTC", "GMT")))


def _own_zone(text: str, zone: str) -> str:
    """The text without the abbreviation of the platform's own zone; NULL with any other that is not UTC's."""
    own = abbreviations(zone)
    letters = rf"regexp_extract({text}, '[ 0-9]([A-Za-z]{{2,5}})$', 1)"
    mine = f"upper({letters}) IN ({quoted(own)})" if own else "false"
    return (
        f"CASE WHEN {letters} = '' OR upper({letters}) IN ('UTC', 'GMT', 'AM', 'PM') THEN {text} "
        f"WHEN {mine} THEN trim(left({text}, length({text}) - length({letters}))) END"
    )


def _let(value: str, name: str, body: str) -> str:
    """SQL: `body`, in which `name` stands for `value`."""
    return f"list_transform([{value}], lambda {name}: {body})[1]"


def _replaced(text: str, *rules: tuple[str, str]) -> str:
    """SQL: the text after one replacement of regular expressions after the other."""
    for pattern, by in rules:
        text = f"regexp_replace({text}, {quote(pattern)}, {quote(by)}, 'g')"
    return text


def _other_ways(text: str, zone: str) -> str:
    """A time that the cast does not read: Chinese words, months and half days in English, digits alone, seconds since 1970, a
    spreadsheet's day number."""
    bare = _replaced(half_width(text), (r"^'", ""), (r"^/Date\((\d{10,13})([+-]\d{4})?\)/$", r"\1"))
    worded = _let(_month_first(_as_words("h_", zone)), "d_", _of_words(_own_zone("d_", zone), "h_"))
    return _let(
        bare, "h_", f"CASE WHEN regexp_full_match(h_, '[0-9]+([.][0-9]+)?') THEN {_of_digits('h_')} ELSE {worded} END"
    )


def _of_digits(half: str) -> str:
    """Days and times without marks, by their number of digits; seconds, their thousandths … since 1970; a spreadsheet's days."""
    number = f"TRY_CAST({half} AS DECIMAL(28,9))"
    compact = r"regexp_replace(p_, '^(\d{4})(\d{2})(\d{2})(\d{2})?(\d{2})?(\d{2})?(\d{3})?$', '\1-\2-\3 \4:\5:\6.\7')"
    filled = f"regexp_replace(regexp_replace({compact}, ' ::[.]$|[.]$', ''), ':+$', ':00')"
    # An hour alone is written as 2026112408; seconds since 1970 have as many digits, but begin with 1.
    by_length = f"""CASE
        WHEN contains(p_, '.') THEN
            CASE WHEN {number} BETWEEN 36526 AND 73050
                 THEN TRY(CAST(TIMESTAMP '1899-12-30 00:00:00' + to_seconds(round({number} * 86400)::BIGINT) AS TIMESTAMPTZ))
                 WHEN regexp_full_match(p_, '1[0-9]{{9}}[.][0-9]+') THEN TRY(make_timestamptz(({number} * 1000000)::BIGINT)) END
        WHEN length(p_) IN (8, 12, 14, 17) OR length(p_) = 10 AND left(p_, 2) = '20' THEN TRY_CAST({filled} AS TIMESTAMPTZ)
        WHEN length(p_) = 10 THEN TRY(to_timestamp(p_::BIGINT))
        WHEN length(p_) = 13 THEN TRY(make_timestamptz(p_::BIGINT * 1000))
        WHEN length(p_) = 16 THEN TRY(make_timestamptz(p_::BIGINT))
        WHEN length(p_) = 19 THEN TRY(make_timestamptz(p_::BIGINT // 1000))
        WHEN {number} BETWEEN 36526 AND 73050 THEN CAST(DATE '1899-12-30' + p_::INTEGER AS TIMESTAMPTZ)
        END"""
    return _let(rf"regexp_replace({half}, '[.]0+$', '')", "p_", by_length)


def _as_words(half: str, zone: str) -> str:
    """The parts of a time in one order, those of programs in English among them: 24 Nov 2026 09:30:00 +0800."""
    here = ((r"\s*\(?(北京时间|中国标准时间|Beijing Time|China Standard Time)\)?\s*", " "),)
    return "trim(" + _replaced(
        half,
        (r"([+-]\d{2}:?\d{2}|Z)\[[^\]]*\]$", r"\1"),
        (r"^[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d{1,2}) (\d{4}) (\d+:\d+:\d+) GMT([+-]\d{4})( \(.*\))?$", r"\2 \1 \3 \4 \5"),
        *(here if zone in _OF_CHINA else ()),
        (r"^[A-Z][a-z]{2} ([A-Z][a-z]{2}) +(\d+) (\d+:\d+:\d+) (?:([A-Z]{3,4}) )?(\d{4})$", r"\2 \1 \5 \3 \4"),
        (r"^[A-Z][a-z]{2,8}, ", ""),
        (r"^([A-Z][a-z]{2})[a-z]* (\d{1,2}), (\d{4}),?", r"\2 \1 \3"),
        (r"^(\d{1,2})[ -]([A-Z][a-z]{2})[a-z]*[ -](\d{4})\b", r"\1 \2 \3"),
    ) + ")"  # fmt: skip


def _month_first(words_: str) -> str:
    """A time that begins with a day and the name of its month, the year first and the month as a number."""
    pattern = r"'^(\d{1,2}) ([A-Z][a-z]{2}) (\d{4})'"
    months = "JanFebMarAprMayJunJulAugSepOctNovDec"
    number = f"lpad(((strpos('{months}', regexp_extract(w_, {pattern}, 2)) + 2) // 3)::VARCHAR, 2, '0')"
    return _let(
        words_,
        "w_",
        f"CASE WHEN regexp_matches(w_, {pattern}) THEN regexp_extract(w_, {pattern}, 3) || '-' || {number} || '-' || "
        f"lpad(regexp_extract(w_, {pattern}, 1), 2, '0') || regexp_replace(w_, {pattern}, '') ELSE w_ END",
    )


def _of_words(dated: str, half: str) -> str:
    """A time that begins with its year: words and marks taken for the usual ones, half days added."""
    cleaned = "trim(" + _replaced(
        dated,
        (r"^(\d{4})(\d{2})(\d{2})[T _-]+", r"\1-\2-\3 "),
        (r"^(\d{4})\s*[年/.-]\s*(\d{1,2})\s*[月/.-]\s*(\d{1,2})[日号]?", r"\1-\2-\3 "),
        (r"(星期|周)[一二三四五六日天]|上午|早上|凌晨|早晨|清晨|中午|下午|晚上|傍晚|夜里|晚间|\b[AaPp][.]?[Mm]\b[.]?|([0-9])[AaPp][Mm]\b", r" \2"),
        (r"[时点]|分(\d)", r":\1"),
        (r"[分秒]", ""),
        (r"^(\d{4}-\d{1,2}-\d{1,2})\s*[T_-]?\s*(\d{1,2})[.](\d{2})[.](\d{2})", r"\1 \2:\3:\4"),
        (r"^(\d{4}-\d{1,2}-\d{1,2}) ?[T_] ?", r"\1 "),
        (r"^(\d{4}-\d{1,2}-\d{1,2})\s+(\d{2})(\d{2})(\d{2})([^\d:]|$)", r"\1 \2:\3:\4\5"),
        (r"(:\d{2}),(\d{1,9})", r"\1.\2"),
        (r"\s+", " "),
        (r" ?(UTC|GMT|Z)$", "+00"),
        (r" ([+-]\d{2}:?\d{2})$", r"\1"),
        (r":$", ":00"),
        (r":(\d)(:|$)", r":0\1\2"),
        (r":(\d)(:|$)", r":0\1\2"),
    ) + ")"  # fmt: skip
    whole = r"'\d{4}-\d{1,2}-\d{1,2}( \d{1,2}:\d{2}(:\d{2}([.]\d+)?)?)?([+-]\d{2}(:?\d{2})?)?'"
    hour = r"TRY_CAST(regexp_extract(c_, ' (\d{1,2}):', 1) AS INTEGER)"
    evening = f"regexp_matches({half}, '晚上|夜里|晚间')"
    after = f"regexp_matches({half}, '下午|晚上|傍晚|夜里|晚间|(^|[ 0-9])[Pp][.]?[Mm]([^a-z]|$)')"
    before = f"regexp_matches({half}, '上午|早上|凌晨|早晨|清晨|(^|[ 0-9])[Aa][.]?[Mm]([^a-z]|$)')"
    noon = f"contains({half}, '中午')"
    shifted = f"""CASE WHEN NOT regexp_full_match(c_, {whole}) OR {before} AND {hour} > 12 OR {evening} AND {hour} = 12 THEN NULL
        WHEN {after} AND {hour} < 12 OR {noon} AND {hour} BETWEEN 1 AND 3 THEN TRY_CAST(c_ AS TIMESTAMPTZ) + INTERVAL 12 HOUR
        WHEN {before} AND {hour} = 12 THEN TRY_CAST(c_ AS TIMESTAMPTZ) - INTERVAL 12 HOUR
        ELSE TRY_CAST(c_ AS TIMESTAMPTZ) END"""
    return _let(cleaned, "c_", shifted)


_LONGEST_DAY = len("2026年11月24日")


def is_day(text: str) -> str:
    """SQL: whether a text names a day and no time of it."""
    half = half_width(text)
    return (
        rf"(length({text}) <= {_LONGEST_DAY} AND (regexp_full_match({half}, '\d{{4}}[-/.年]\d{{1,2}}[-/.月]\d{{1,2}}日?') "
        rf"OR regexp_full_match({half}, '20\d{{6}}|\d{{5}}')))"
    )


def _lettered(text: str) -> str:
    """SQL: whether a time ends in letters, but for the Z of UTC. ICU takes abbreviations for America's."""
    return f"right({text}, 1) BETWEEN 'A' AND 'z' AND right({text}, 1) NOT IN ('Z', 'z')"


def _plain_instant(text: str) -> str:
    return f"CASE WHEN NOT ({_lettered(text)}) THEN TRY_CAST({text} AS TIMESTAMPTZ) END"


def _without_own_zone(text: str, zone: str) -> str:
    return f"CASE WHEN {_lettered(text)} THEN {_own_zone(text, zone)} ELSE {text} END"


def _chinese_instant(text: str) -> str:
    """As most back offices write it, 2026年11月3日 8:05:09: what `_of_words` makes of it, at a thirtieth of the cost."""
    usual = rf"regexp_full_match({text}, '\d{{4}}年\d{{1,2}}月\d{{1,2}}日 \d{{1,2}}:\d{{2}}(:\d{{2}})?')"
    return f"CASE WHEN {usual} THEN TRY_CAST(translate({text}, '年月日', '--') AS TIMESTAMPTZ) END"


def instant(text: str, zone: str) -> str:
    """An instant; without an offset in the session's zone, which is the platform's. NULL where it does not read as one."""
    otherwise = _let(_without_own_zone(text, zone), "o_", _otherwise("o_", zone))
    return f"coalesce({_plain_instant(text)}, {_chinese_instant(text)}, {otherwise})"


def _otherwise(text: str, zone: str) -> str:
    # The cast knows nothing of AM and PM.
    cast = f"CASE WHEN right({text}, 1) NOT IN ('M', 'm') THEN TRY_CAST({text} AS TIMESTAMPTZ) END"
    return f"coalesce({cast}, {_other_ways(text, zone)})"


def _promised_instant(text: str, zone: str) -> str:
    """An instant until which something is promised: a promise stated as a day is kept by the end of that day."""
    promised = f"CASE WHEN {is_day(text)} THEN CAST(CAST(i_ AS DATE) + 1 AS TIMESTAMPTZ) ELSE i_ END"
    return (
        f"coalesce(CASE WHEN length({text}) > {_LONGEST_DAY} THEN {_plain_instant(text)} END, {_chinese_instant(text)}, "
        f"{_let(instant(text, zone), 'i_', promised)})"
    )


def reads(table: Table, column: Column, text: str, zone: str) -> str:
    """SQL over the trimmed text of a raw value for its canonical value, NULL where there is none or it does not read as one."""
    if is_id(table, column):
        value = _or_nothing(plain_id(text), column)
        return f"CASE WHEN NOT {masked(text)} THEN {value} END" if column.privacy == "pseudonym" else value
    if column.type == "code" or (table.name, column.name) in words.CODES:
        value = code(table, column, _or_nothing(text, column))
        return f"upper({value})" if column.name == "currency" else value
    if column.type == "text":
        return _or_nothing(text, column)
    if column.type == "boolean":
        plain = f"lower({half_width(text)})"
        return (
            f"CASE WHEN {plain} IN ('true', 't', '1', '1.0', 'yes', 'y', '是', '有', '√', '✓', '✔', '已', '对') THEN true "
            f"WHEN {plain} IN ('false', 'f', '0', '0.0', 'no', 'n', '否', '×', '✗', '未') THEN false END"
        )
    if column.type == "integer":
        half = half_width(text)
        if column.name.startswith("rating_"):
            half = f"CASE WHEN regexp_full_match({half}, '[★☆]+') THEN (length({half}) - length(replace({half}, '★', '')))::VARCHAR "
            half += f"ELSE regexp_replace(translate({half_width(text)}, '一二三四五', '12345'), '\\s*(星级|颗星|星|分)$', '') END"
        else:
            half = f"ltrim({half}, {quote(_APOSTROPHE)})"
        number = f"coalesce(TRY_CAST({text} AS DECIMAL(28,6)), TRY_CAST({half} AS DECIMAL(28,6)))"
        return f"CASE WHEN {number} = floor({number}) THEN TRY_CAST({number} AS BIGINT) END"
    if column.type == "money":
        return amount(text, column.sql_type)
    if column.type == "date":
        taken = f"CASE WHEN length({text}) <= 10 THEN TRY_CAST({text} AS DATE) END"
        # Without end is not the same as not told.
        endless = f"WHEN lower({text}) IN ({quoted(words.OPEN_END)}) THEN {NO_END}" if column.plan else ""
        return (
            f"CASE {endless} WHEN {blank(table, column, text)} THEN NULL "
            f"ELSE coalesce({taken}, CAST({instant(text, zone)} AS DATE)) END"
        )
    if column.plan:
        return f"CASE WHEN NOT {blank(table, column, text)} THEN {_promised_instant(text, zone)} END"
    if column.name == "known_at":
        return instant(text, zone)
    never = quoted((*words.NO_DAY, *words.NO_TIME))
    return f"CASE WHEN lower({text}) NOT IN ({never}) THEN {instant(text, zone)} END"


def blank(table: Table, column: Column, text: str) -> str:
    """SQL: whether a trimmed text says that there is no value: a word for nothing, an open end, a masked consumer."""
    says = [f"{text} IS NULL", is_nothing(text, column)]
    if column.type in ("date", "instant") and column.plan:
        says.append(f"lower({text}) IN ({quoted(words.OPEN_END)})")
    if column.privacy == "pseudonym" and is_id(table, column):
        says.append(f"coalesce({masked(text)}, false)")
    return "(" + " OR ".join(says) + ")"


def plain(table: Table, column: Column, text: str) -> tuple[str, str] | None:
    """SQL over a trimmed text: (whether it is written just as the dictionary has it, its canonical value then).

    The value is what `reads` gives, for a fraction of the words. None for columns that have no such way.
    """
    filled = f"NOT {blank(table, column, text)}"
    if is_id(table, column):
        usual = f"left({text}, 1) NOT IN ('=', '''', '‘', '’', '`') AND octet_length(encode({text})) = length({text})"
        return f"{filled} AND {usual}", text
    if column.type == "code" or (table.name, column.name) in words.CODES:
        known = words.CODES.get((table.name, column.name), {})
        allowed = codes.CURRENCIES if column.name == "currency" else column.codes
        same = [word for word in allowed if known.get(word.lower(), word).lower() == word.lower()]
        listed = [word for word in same if word.lower() not in _nothing_words(column)]
        return (f"{text} IN ({quoted(listed)})", text) if listed else None
    if column.type == "text":
        return filled, text
    if column.type == "boolean":
        return f"{text} IN ('true', 'false')", f"({text} = 'true')"
    if column.type == "integer":
        return f"regexp_full_match({text}, '[0-9]{{1,15}}')", f"TRY_CAST({text} AS BIGINT)"
    if column.type == "money":
        value = f"TRY_CAST({text} AS {column.sql_type})"
        return f"{value} IS NOT NULL", value
    # Of the words for nothing a cast takes only those in digits.
    nothing_words = (*_nothing_words(column), *words.OPEN_END)
    filled = f"lower({text}) NOT IN ({quoted([word for word in nothing_words if word[0].isdigit()])})"
    if column.type == "date":
        value = f"TRY_CAST({text} AS DATE)"
        return f"length({text}) <= 10 AND {value} IS NOT NULL AND {filled}", value
    value = f"TRY_CAST({text} AS TIMESTAMPTZ)"
    longer = f"length({text}) > {_LONGEST_DAY} AND " if column.plan else ""
    return f"{longer}NOT ({_lettered(text)}) AND {value} IS NOT NULL AND {filled}", value


_UNITS = "|".join(sorted((re.escape(mark) for mark in words.UNITS), key=lambda mark: (-len(mark), mark)))


def amount(text: str, sql_type: str) -> str:
    """SQL: an amount as programs or people write it, ¥1,234.50, 99元, full-width digits; NULL where it does not read as one.
    A comma is taken for thousands only in threes."""
    bare = (
        f"regexp_replace(regexp_replace(ltrim({half_width(text)}, {quote(_APOSTROPHE)}), "
        rf"'^([+-]?)\s*({_UNITS})\s*([+-]?)', '\1\3', 'i'), '\s*({_UNITS})$', '', 'i')"
    )
    written = (
        r"CASE WHEN regexp_full_match(b_, '[+-]?[0-9]{1,3}([, ’''][0-9]{3})+([.][0-9]+)?') "
        rf"THEN TRY_CAST(regexp_replace(b_, '[, ’'']', '', 'g') AS {sql_type}) "
        rf"WHEN regexp_full_match(b_, '[+-]?[0-9]+([.][0-9]+)?') THEN TRY_CAST(b_ AS {sql_type}) END"
    )
    usual = f"CASE WHEN {_in_yuan(text)} THEN TRY_CAST(translate({text}, '¥￥,元', '') AS {sql_type}) END"
    return f"coalesce(TRY_CAST({text} AS {sql_type}), {usual}, {_let(bare, 'b_', written)})"


def _in_yuan(text: str) -> str:
    """SQL: whether an amount is written as most back offices do, ¥1,234.50 or 99元."""
    return f"regexp_full_match({text}, '[¥￥]?([0-9]+|[0-9]{{1,3}}(,[0-9]{{3}})+)([.][0-9]+)?元?')"


def other_unit(text: str, currency: str) -> str:
    """SQL: whether an amount is written with the mark of another currency than the one that its row states."""
    mark = rf"upper(regexp_extract({half_width(text)}, '^[+-]?\s*({_UNITS})|({_UNITS})$', 0, 'i'))"
    cases = " OR ".join(
        f"u_ = {quote(mark.upper())} AND {currency} NOT IN ({quoted(meant)})" for mark, meant in words.UNITS.items()
    )
    # Looked at only where there is a mark, and taken out once.
    differs = _let(f"trim({mark}, '+- ')", "u_", cases)
    yuan = f"{currency} = 'CNY' AND {_in_yuan(text)}"
    plainly = f"{text} IS NULL OR regexp_full_match({text}, '[0-9.]+') OR coalesce({yuan}, false)"
    return f"CASE WHEN {plainly} THEN false ELSE coalesce({differs}, false) END"


def code(table: Table, column: Column, value: str) -> str:
    """A code, or what platforms write for it, in Chinese and otherwise."""
    lower = f"lower({half_width(value)})"
    known = words.CODES.get((table.name, column.name), {})
    cases = " ".join(f"WHEN {quote(word)} THEN {quote(meant)}" for word, meant in known.items())
    other = lower if column.type == "code" else value
    return f"CASE {lower} {cases} ELSE {other} END" if cases else other
