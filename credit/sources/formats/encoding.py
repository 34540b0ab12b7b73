"""Which encoding a text is in: judged by what it then says, not by whether it decodes.

Nearly any bytes decode as GB18030. Big5, Shift-JIS or Latin-1 read so become rare characters, private ones or Latin letters
glued to them; each candidate's reading is therefore scored by how usual its characters are, and GB18030 is taken only
where no other says more. Lines are judged one by one where not all are UTF-8, so that files put together from two
exports are read right and one broken character costs its row.
"""

from __future__ import annotations

import codecs
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from credit.errors import InputError
from credit.settings import Settings
from credit.sources.formats.archives import chunks
from credit.sources.formats.raw import MAX_LINE, Reject

USUAL = frozenset(
    "的一是不了在有人我他这中大来上个国到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最间新什打便位因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山五太水万市眼体别处总才场师书比住员九笑性通目华报立马命张活难神数件安表原车白应路期叫死常提感金何更反合放做系计或司利受光王果亲界及今京务制解各任至清物台象记边共风战干接它许八特觉望直服毛林题建南度统色字请交爱让认算论百吃义科怎元社术结六功指思非流每青管夫连远资队跟带花快条院变联言权往展该领传近留红治决周保达办运武半候七必城父强步完革深区即求品士转量空甚众技轻程告江语英基派满式李息写呢识极令黄德收脸钱党倒未持取设始版双历越史商千片容研像找友孩站广改议形委早房音火际则首单据导影失拿网香似斯专石若兵弟谁校读志飞观争究包组造落视济喜离虽坏集编宝谈府拉黑且随格尽剑讲布杀微怕母调局根曾准团段终乐切级克精哪官示足普农户评价投诉货款价格店铺订单买卖家商品质量客服物流快递退换描述符收到满意有限公司食品服装电子数码旗舰专营茶叶鞋箱包母婴玩具图书杭州深圳上海广州苏宁沙姐妹"
    "個們為時會後來對過還發開無經頭現長問機業間電門東產車應場師書報馬張難關數請讓認論員國學說這當種聲實點見樣話兒許題統轉單據導專賣臺灣買價訂貨質務網購評處體歲縣區號碼與從動進萬億銀錢親愛線視頻圖書館標準語連遠選擇條變聯權達辦運隊帶"
)
"""Characters that make up most of what is written, in either script; what marks nonsense is that there are hardly any."""

_CANDIDATES = ("gb18030", "big5hkscs", "shift_jis", "euc_jp", "euc_kr", "cp1252")
_NAMES = {
    "gb18030": "GB18030",
    "big5hkscs": "Big5",
    "shift_jis": "Shift-JIS",
    "euc_jp": "EUC-JP",
    "euc_kr": "EUC-KR",
    "cp1252": "Latin-1",
}
_SAMPLE = 20_000
"""Characters that are judged."""
_LIKELY = 0.5
_TOO_MANY = 0.1
"""Share of lines in no encoding we know above which it is the file's fault, not the lines'."""
# Code points that GB 18030-2022 gives characters which older tables, Python's among them, have in the private area.
_OF_2022 = {
    0xE78D: 0xFE10, 0xE78E: 0xFE12, 0xE78F: 0xFE11, 0xE790: 0xFE13, 0xE791: 0xFE14, 0xE792: 0xFE15, 0xE793: 0xFE16,
    0xE794: 0xFE17, 0xE795: 0xFE18, 0xE796: 0xFE19, 0xE81E: 0x9FB4, 0xE826: 0x9FB5, 0xE82B: 0x9FB6, 0xE82C: 0x9FB7,
    0xE832: 0x9FB8, 0xE843: 0x9FB9, 0xE854: 0x9FBA, 0xE864: 0x9FBB,
}  # fmt: skip
_RARE = re.compile(
    "[^\x00-\x7f"
    + "".join(
        bytes((row, cell)).decode("gb2312", "ignore")
        for row in (0xA1, 0xA3, *range(0xB0, 0xF8))
        for cell in range(0xA1, 0xFF)
    )
    + "]"
)
"""Beyond GB 2312's punctuation and hanzi."""
_GLUED = re.compile("(?<=[A-Za-z])[\u3400-\u9fff]|[\u3400-\u9fff](?=[A-Za-z])")
"""A hanzi between Latin letters: an accented letter of Latin-1 with the letter behind it."""
_BETTER, _USUAL_TEXT = 0.3, 0.7
"""How much more usual another encoding's reading of a line must be, and how usual at least."""
_WIDE_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PRIVATE = re.compile("[" + "".join(map(chr, _OF_2022)) + "]")


def likelihood(text: str) -> float:
    """How usual the characters beyond ASCII are, from -1 (private use, controls) to 1 (the most frequent hanzi); 1 without any."""
    total = number = hanzi = hangul = 0.0
    for character in text[:_SAMPLE]:
        point = ord(character)
        if point < 0x80:
            continue
        number += 1
        if 0x4E00 <= point <= 0x9FFF:
            hanzi += 1
            total += _hanzi(character)
        elif (
            0x3000 <= point <= 0x303F or 0xFF00 <= point <= 0xFF60 or 0x2010 <= point <= 0x2040 or point in (0xB7, 0xA5)
        ):
            total += 0.6
        elif 0x3040 <= point <= 0x30FF:
            total += 0.75
        elif 0xAC00 <= point <= 0xD7A3:
            hangul += 1
        elif 0xC0 <= point <= 0x17F:
            total += 0.6
        elif point == 0xFFFD:
            total -= 3  # what did not decode
        elif 0x80 <= point < 0xA0 or 0xE000 <= point <= 0xF8FF:
            total -= 1
        elif 0xFF61 <= point <= 0xFF9F or 0x2500 <= point <= 0x257F:
            total -= 0.5
        elif point >= 0x1F000:
            total += 0.6
    # Hangul among hanzi is what Chinese text looks like in a Korean encoding.
    total += hangul * (0.95 if hanzi <= 0.2 * hangul else 0.2)
    return total / number if number else 1.0


def _hanzi(character: str) -> float:
    if character in USUAL:
        return 1.0
    try:
        # The first level of GB 2312 holds the 3,755 characters in common use.
        return 0.7 if character.encode("gb2312")[0] <= 0xD7 else 0.45
    except UnicodeEncodeError:
        pass
    try:
        return 0.5 if character.encode("big5")[0] <= 0xC6 else 0.0
    except UnicodeEncodeError:
        return 0.0


def _gb18030(raw: bytes) -> str:
    text = raw.decode("gb18030")
    return text.translate(_OF_2022) if _PRIVATE.search(text) else text


def guess(raw: bytes) -> tuple[str, float]:
    """(the candidate whose reading of the bytes is the most usual one, its likelihood); ties go to GB18030."""
    best, most = "gb18030", -1.0
    for candidate in _CANDIDATES:
        text = raw.decode(candidate, "replace")
        score = likelihood(text)
        if candidate == "gb18030" and any("\u3040" <= character <= "\u30ff" for character in text):
            score -= 0.3  # GB 2312 holds kana, Chinese text none
        if score > most + 0.02:
            best, most = candidate, score
    return best, most


@dataclass
class Survey:
    """What a first look at all bytes shows."""

    lines: int = 0
    crlf: int = 0
    lone_cr: int = 0
    nul: bool = False
    utf8: int = 0
    """Lines (chunks count once) that are UTF-8 with characters beyond ASCII."""
    other: list[tuple[int, int]] = field(default_factory=list)
    """(line, byte) of the first lines that are not UTF-8."""
    others: int = 0
    sample: bytearray = field(default_factory=bytearray)
    """Lines that are not UTF-8, up to some kilobytes."""
    ends: bool = True
    """Whether the last line has a line end."""


@dataclass(frozen=True)
class PlainText:
    """UTF-8 text with one kind of line end. `dropped`: lines of the file (from 1) that are not in it, in order."""

    path: Path
    dropped: tuple[int, ...] = ()
    rejects: tuple[Reject, ...] = ()
    notices: tuple[str, ...] = ()
    returns: bool = False
    """Whether carriage returns stand within lines."""
    ends: bool = True
    """Whether the last line has a line end."""


def line_chunks(path: Path, settings: Settings) -> Iterator[bytes]:
    """The file in pieces that end with a line. Raises InputError for a line that is too long."""
    rest = b""
    for chunk in chunks(path, settings):
        chunk = rest + chunk if rest else chunk
        cut = chunk.rfind(b"\n") + 1
        rest = chunk[cut:]
        if len(rest) > MAX_LINE:
            raise InputError(f"{path} has a line of more than {MAX_LINE >> 20} MiB; is it a text with one row a line?")
        if cut:
            yield chunk[:cut]
    if rest:
        yield rest


def survey(path: Path, settings: Settings) -> Survey:
    """Look at all bytes once. Raises InputError for an empty file."""
    seen = Survey()
    position, something = 0, False
    for chunk in line_chunks(path, settings):
        something = something or bool(chunk.strip())
        crlf = chunk.count(b"\r\n")
        seen.crlf += crlf
        seen.lone_cr += chunk.count(b"\r") - crlf
        seen.nul = seen.nul or b"\0" in chunk
        if not chunk.isascii():
            try:
                chunk.decode("utf-8")
                seen.utf8 += 1
            except UnicodeDecodeError:
                _survey_lines(seen, chunk, position)
        seen.ends = chunk.endswith(b"\n")
        seen.lines += chunk.count(b"\n") + (not seen.ends)
        position += len(chunk)
    if not something:
        raise InputError(f"{path} is empty; expected at least a header line (an empty table is a header without rows)")
    return seen


def _survey_lines(seen: Survey, chunk: bytes, position: int) -> None:
    for number, line in enumerate(chunk.split(b"\n"), seen.lines + 1):
        if not line.isascii():
            try:
                line.decode("utf-8")
                seen.utf8 += 1
            except UnicodeDecodeError as error:
                seen.others += 1
                if len(seen.other) < 5:
                    seen.other.append((number, position + error.start))
                if len(seen.sample) < 4 * _SAMPLE:
                    seen.sample += line + b"\n"
        position += len(line) + 1


def plain(path: Path, settings: Settings, scratch: Path, *, keep_cr: bool = False) -> PlainText:
    """The text as UTF-8 with line feeds: the file itself where it is that already, else a copy in `scratch`.

    Lines that are in no encoding we know are left out and rejected. Raises InputError where that is the whole file's
    fault. With `keep_cr` carriage returns within lines are left for the caller.
    """
    if wide := _wide(path, settings):
        copy = _narrowed(path, wide, settings, scratch)
        try:
            narrow = plain(copy, settings, scratch, keep_cr=keep_cr)
        except InputError as error:
            raise InputError(str(error).replace(str(copy), str(path))) from None
        return replace(narrow, notices=(f"{path.name} is {wide.upper()}, read as such",))
    seen = survey(path, settings)
    stated = settings.encoding
    surely_gb18030 = stated == "auto" and bool(seen.others) and _refuse_other_encodings(path, seen)
    mixed = seen.lone_cr > 0 or seen.nul or 0 < seen.crlf < seen.lines - (not seen.ends)
    if not seen.others and not mixed and stated in ("auto", "utf-8") and path.suffix.lower() != ".gz":
        return PlainText(path, ends=seen.ends)
    copy = Path(tempfile.mkstemp(dir=scratch, suffix=".txt")[1])
    mac = seen.lone_cr > 0 and seen.lines - (not seen.ends) == 0
    rejects: list[Reject] = []
    counts = {"utf-8": 0, "gb18030": 0}
    line, returned = 1, False
    with copy.open("wb") as file:
        for raw in line_chunks(path, settings):
            text = _decoded(raw, stated, line, rejects, counts, surely_gb18030)
            line += raw.count(b"\n")
            returned = text.endswith(b"\r")
            text = text.replace(b"\r\n", b"\n")
            if mac or not keep_cr:
                text = text.replace(b"\r", b"\n" if mac else b" ")
            file.write(text.replace(b"\0", b"\xef\xbf\xbd") if seen.nul else text)
    if stated == "auto" and len(rejects) > 1 and len(rejects) > _TOO_MANY * seen.lines:
        raise _unknown(path, seen)
    # Without the line of the headings the next one would be taken for it.
    if rejects and (rejects[0].line == 1 or len(rejects) >= seen.lines - 1):
        raise _unknown(path, seen)
    notices = []
    if counts["utf-8"] and counts["gb18030"]:
        notices.append(
            f"{path.name} is in two encodings, read line by line: {counts['gb18030']} lines are GB18030, the others UTF-8"
        )
    return PlainText(
        copy,
        tuple(reject.line for reject in rejects),
        tuple(rejects),
        tuple(notices),
        keep_cr and seen.lone_cr > 0 and not mac,
        seen.ends or returned,
    )


def _wide(path: Path, settings: Settings) -> str | None:
    """Which of the encodings with two or four bytes a character a file is in, by its mark or by where its zeros stand."""
    head = next(chunks(path, settings), b"")[:_SAMPLE]
    for mark, name in _WIDE_MARKS:
        if head.startswith(mark):
            return name
    for name, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        # Delimiters, digits and line ends have a zero in one half each.
        if len(zeros) > 3 and zeros.count(0) > len(zeros) / 4 and zeros.count(0) > 0.9 * head.count(0):
            return name
    return None


def _narrowed(path: Path, wide: str, settings: Settings, scratch: Path) -> Path:
    """A copy in UTF-8. Raises InputError where it does not decode."""
    copy = Path(tempfile.mkstemp(dir=scratch, suffix=".txt")[1])
    decoder = codecs.getincrementaldecoder(wide)()
    try:
        with copy.open("wb") as file:
            for chunk in chunks(path, settings):
                file.write(decoder.decode(chunk).encode())
            file.write(decoder.decode(b"", True).encode())
    except UnicodeError:
        raise InputError(f"{path} is {wide.upper()} and breaks off or is damaged; deliver it again, in UTF-8") from None
    return copy


def _decoded(
    raw: bytes, stated: str, first: int, rejects: list[Reject], counts: dict[str, int], surely_gb18030: bool
) -> bytes:
    """The piece as UTF-8, without the lines that cannot be read."""
    if raw.isascii():
        return raw
    try:
        if stated in ("auto", "utf-8"):
            raw.decode("utf-8")
            counts["utf-8"] += 1
            return raw
        return (_gb18030(raw) if stated == "gb18030" else raw.decode(stated)).encode()
    except UnicodeDecodeError:
        pass
    lines = raw.split(b"\n")
    try:
        texts: list[bytes | None] = list(_gb18030(raw).encode().split(b"\n")) if stated == "auto" else []
    except UnicodeDecodeError:
        texts = []
    # Where the whole piece decodes as GB18030, only lines that may be something else are looked at.
    doubtful = _doubtful(lines, texts) if len(texts) == len(lines) else range(len(lines))
    if len(texts) != len(lines):
        texts = [None] * len(lines)
    else:
        counts["gb18030"] += sum(not line.isascii() for line in lines) - len(doubtful)
    for i in doubtful:
        texts[i] = _line(lines[i], stated, counts, surely_gb18030)
        if texts[i] is None:
            as_what = stated if stated != "auto" else "UTF-8 nor text in GB18030"
            rejects.append(
                Reject(
                    first + i,
                    "unreadable_characters",
                    f"not {as_what}: {_where(lines[i])}; deliver the row again in UTF-8",
                    lines[i].decode("utf-8", "backslashreplace"),
                )
            )
    return b"\n".join(text for text in texts if text is not None)


def _doubtful(lines: list[bytes], texts: Sequence[bytes | None]) -> list[int]:
    """Lines that are UTF-8 as well, or hold characters that are rare as GB18030."""
    doubtful = []
    for i, line in enumerate(lines):
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
            doubtful.append(i)
        except UnicodeDecodeError:
            if _RARE.search((texts[i] or b"").decode()):
                doubtful.append(i)
    return doubtful


def _where(line: bytes) -> str:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"byte {error.start + 1} of the line is {line[error.start]:02x}"
    return "as stated it does not decode"


def _line(line: bytes, stated: str, counts: dict[str, int], surely_gb18030: bool) -> bytes | None:
    """A line as UTF-8; None where it is in no encoding we know. In a file that is surely GB18030 rare characters are rare
    names; only what is no text is not taken."""
    if line.isascii():
        return line
    if stated != "auto":
        try:
            return (_gb18030(line) if stated == "gb18030" else line.decode(stated)).encode()
        except UnicodeDecodeError:
            return None
    try:
        as_utf8: str | None = line.decode("utf-8")
    except UnicodeDecodeError:
        as_utf8 = None
    try:
        as_gb: str | None = _gb18030(line)
    except UnicodeDecodeError:
        as_gb = None
    if as_utf8 is not None and (as_gb is None or likelihood(as_utf8) >= likelihood(as_gb)):
        counts["utf-8"] += 1
        return line
    if as_gb is not None and (likelihood(as_gb) >= _LIKELY or (surely_gb18030 and _may_be_rare(line, as_gb))):
        counts["gb18030"] += 1
        return as_gb.encode()
    return None


def _may_be_rare(line: bytes, as_gb: str) -> bool:
    """Whether the GB18030 reading of a line may be rare characters: none of private use, none glued to Latin letters, and no
    other encoding says something usual."""
    if any(0xE000 <= ord(character) <= 0xF8FF or 0x80 <= ord(character) < 0xA0 for character in as_gb):
        return False
    if any(not _in_gb2312(hanzi) for hanzi in _GLUED.findall(as_gb)):
        return False
    best, score = guess(line)
    return best in ("gb18030", "cp1252") or score - likelihood(as_gb) < _BETTER or score < _USUAL_TEXT


def _in_gb2312(text: str) -> bool:
    try:
        text.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def _refuse_other_encodings(path: Path, seen: Survey) -> bool:
    """Whether the lines that are not UTF-8 are GB18030 as a whole. Raises InputError where they are not, and are too many to
    be set aside."""
    best, score = guess(bytes(seen.sample))
    if best == "gb18030" and score >= _LIKELY:
        return True
    few = seen.others == 1 or seen.others <= _TOO_MANY * seen.lines
    if few and seen.lines - 1 > seen.others:
        return False  # row by row
    raise _unknown(path, seen)


def _unknown(path: Path, seen: Survey) -> InputError:
    line, byte = seen.other[0] if seen.other else (1, 0)
    best, score = guess(bytes(seen.sample))
    like = f"; it reads like {_NAMES[best]}" if best != "gb18030" and score >= _LIKELY else ""
    return InputError(
        f"{path} has an unknown encoding (not UTF-8 and, as GB18030, no text: line {line}, byte {byte}){like}; expected UTF-8 "
        "or GB18030: save it as one of these, or name its encoding in the setting encoding"
    )
