"""Registration codes and their check characters (python-stdnum); currencies (ISO 4217)."""

import re
from collections.abc import Iterator

from stdnum.cn import ric, uscc

# GB 32100: registering department (1 to 9, A, N, Y), kind of organisation, district, nine characters of the organisation code, check.
# Letters that look like digits (I, O, S, V, Z) are not used. python-stdnum knows departments with a digit only.
_USCC = re.compile(r"[1-9ANY][0-9A-HJ-NP-RTUWXY][0-9]{6}[0-9A-HJ-NP-RTUWXY]{10}")
_SPACED = re.compile(r"[0-9](?:[^0-9A-Za-z]{0,3}[0-9]){16}[^0-9A-Za-z]{0,3}[0-9Xx]")
"""Where a citizen's id number may stand, however it is divided."""

WITHOUT_DECIMALS = (
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF",
)  # fmt: skip
"""Currencies that have no smaller unit."""
CURRENCIES = (
    *WITHOUT_DECIMALS,
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN", "BHD", "BMD", "BND", "BOB",
    "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CNY", "COP", "CRC", "CUP", "CVE", "CZK", "DKK", "DOP",
    "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GTQ", "GYD", "HKD", "HNL", "HTG",
    "HUF", "IDR", "ILS", "INR", "IQD", "IRR", "JMD", "JOD", "KES", "KGS", "KHR", "KPW", "KWD", "KYD", "KZT", "LAK", "LBP",
    "LKR", "LRD", "LSL", "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN", "MYR",
    "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "QAR", "RON", "RSD",
    "RUB", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB",
    "TJS", "TMT", "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "USD", "UYU", "UZS", "VED", "VES", "WST", "XCD", "XCG", "YER",
    "ZAR", "ZMW", "ZWG",
)  # fmt: skip
"""Currencies that are paid in: neither metals nor units of account."""


def uscc_valid(code: str) -> bool:
    """GB 32100: 18 characters of any registering department, and the last checks the others."""
    compact = re.sub(r"[\s-]", "", code).upper()
    return _USCC.fullmatch(compact) is not None and bool(uscc.calc_check_digit(compact[:-1]) == compact[-1])


def resident_ids(text: str) -> Iterator[tuple[int, int]]:
    """(from, to) of each valid citizen's id number in a text of half width, with up to three blanks or marks anywhere in it.

    It begins and ends where no other digit stands: what is part of a longer number is none."""
    if _SPACED.search(text) is None:
        return
    places = [i for i, character in enumerate(text) if character in "0123456789Xx"]
    end = 0
    for first, start in enumerate(places):
        # A digit right before: this is the middle of a number.
        if start < end or text[start - 1 : start].isdigit():
            continue
        last = places[first + 17 : first + 18]
        if not last or text[last[0] + 1 : last[0] + 2].isdigit():
            continue
        part = text[start : last[0] + 1]
        if _SPACED.fullmatch(part) and resident_id_valid(re.sub("[^0-9Xx]", "", part).upper()):
            yield start, last[0] + 1
            end = last[0] + 1


def resident_id_valid(number: str) -> bool:
    """GB 11643: 18 characters with a birth date and a check character.

    The district is not looked up: districts are merged and renamed, a person's number stays.
    """
    try:
        compact = ric.compact(number)
        ric.get_birth_date(compact)
        return len(compact) == 18 and compact[:-1].isdigit() and bool(ric.calc_check_digit(compact) == compact[-1])
    except Exception:  # stdnum raises several kinds for what is no number at all
        return False
