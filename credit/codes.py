"""Check characters of registration codes (python-stdnum)."""

from stdnum.cn import ric, uscc


def uscc_valid(code: str) -> bool:
    """GB 32100: 18 characters, and the last two check the others."""
    return bool(uscc.is_valid(code))


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
