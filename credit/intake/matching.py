"""Subjects of lists of authorities that may be merchants by name and address: proposals for a person, made by Splink.

Splink compares each pair that shares two characters and weighs what agrees (Fellegi and Sunter). Its weights are stated here, not
trained: lists are short, and the same list must give the same proposals. Of the candidates for one subject at most one can be it, so
their probabilities share a whole with that of none. Only enterprises are proposed: the name of a natural person is no proof. A pair with
two different credit codes is none. It runs in a database of its own in memory, without extensions and without a network.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

from credit.errors import UserError
from credit.ledgers.matches import Pair
from credit.warehouse.sql import statement

LEAST = 0.5
"""Probability from which on a pair is proposed."""
PRIOR = 0.5
"""Share of the subjects that are taken to be merchants, before anything is compared."""

_FEWEST = 1_000
"""Merchants that a platform is taken to have at least: a list of a whole province is not about the three of a small one."""
_GRAMS = 4
"""Pairs of characters by which a name looks for candidates."""

# m: how often true pairs are like that; u: how often others among those that share two characters are.
_NAME = (
    ("whole_l = whole_r", "the same name", 0.6, 0.00002),
    ("core_l = core_r", "the same name but for the legal form", 0.12, 0.00002),
    (
        "stem_l = stem_r AND (core_l = stem_l OR core_r = stem_r)",
        "the same name but for the region, which one lacks",
        0.15,
        0.0005,
    ),
    ("jaro_winkler_similarity(core_l, core_r) >= 0.95", "a name one character off or so", 0.1, 0.002),
    ("ELSE", "another name", 0.03, 0.99746),
)
_ADDRESS = (
    ("place_l = place_r", "the same address", 0.6, 0.0001),
    ("least(length(place_l), length(place_r)) >= 6 AND (suffix(place_l, place_r) OR suffix(place_r, place_l))",
     "the same address, shorter in one", 0.25, 0.0005),
    ("ELSE", "another address", 0.15, 0.9994),
)  # fmt: skip
_MODEL = {"name": _NAME, "address": _ADDRESS, "prior": PRIOR}


def model_hash() -> str:
    """SHA-256 of the weights."""
    return hashlib.sha256(json.dumps(_MODEL, ensure_ascii=False).encode()).hexdigest()


def proposals(con: duckdb.DuckDBPyConnection, least: float = LEAST) -> list[Pair]:
    """Pairs of waiting subjects and merchants that are at least so probable, the most probable first.

    Raises UserError where Splink is not installed, or `least` is no probability.
    """
    if not 0 < least <= 1:
        raise UserError(f"--least {least:g}: expected a probability above 0, at most 1")
    if importlib.util.find_spec("splink") is None:
        raise UserError(
            "names of lists are matched by Splink, which is not installed; install merchant-credit[matching], or add the credit "
            "codes to the list"
        )
    plain = "translate(lower({}), '０１２３４５６７８９（）　', '0123456789() ')"
    rows = con.sql(
        statement(
            __file__,
            "matching",
            name_plain=plain.format("name"),
            address_plain=plain.format("address"),
            grams=str(_GRAMS),
        )
    ).to_arrow_table()
    sides = {row["unique_id"]: row for row in rows.to_pylist()}
    merchants = sum(row["side"] == "merchant" for row in sides.values())
    if not merchants or merchants == len(sides):
        return []
    return [
        Pair(
            listed["given"],
            listed["name"],
            listed["address"],
            sides[merchant]["given"],
            round(probability, 4),
            "; ".join(dict.fromkeys(evidence)),
            model_hash(),
        )
        for listed, merchant, probability, evidence in _predicted(rows, sides, merchants)
        if probability >= least
    ]


def _predicted(
    rows: Any, sides: dict[str, dict[str, Any]], merchants: int
) -> list[tuple[dict[str, Any], str, float, list[str]]]:
    """(subject of a list, id of the merchant's row, probability, what agrees), the most probable first."""
    from splink import Linker, SettingsCreator, block_on
    from splink.backends.duckdb import DuckDBAPI

    settings = SettingsCreator(
        link_type="link_only",
        blocking_rules_to_generate_predictions=[block_on("pairs", arrays_to_explode=["pairs"])],
        comparisons=[_comparison("name", "whole", _NAME), _comparison("address", "place", _ADDRESS)],
        probability_two_random_records_match=PRIOR / max(merchants, _FEWEST),
        additional_columns_to_retain=["code"],
    )
    plain: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    with duckdb.connect(":memory:", config=plain) as own, _quiet():
        own.register("all_rows", rows)
        for side in ("list", "merchant"):
            own.execute(f"CREATE TABLE {side}_rows AS SELECT * FROM all_rows WHERE side = '{side}'")
        api = DuckDBAPI(connection=own)
        linker = Linker(
            [api.register("list_rows", table_name="a_list"), api.register("merchant_rows", table_name="merchants")],
            settings,
        )
        predicted = linker.inference.predict()
        pairs = own.execute(
            f"""SELECT unique_id_l, unique_id_r, match_weight, gamma_name, gamma_address FROM {predicted.physical_name}
                WHERE code_l IS NULL OR code_r IS NULL OR code_l = code_r"""
        ).fetchall()
    odds: dict[str, float] = {}
    for listed, _, weight, *_ in pairs:
        odds[listed] = odds.get(listed, 1.0) + 2.0**weight
    result = [
        (
            sides[listed],
            merchant,
            2.0**weight / odds[listed],
            [_label(_NAME, name), *([_label(_ADDRESS, address)] if address >= 0 else [])],
        )
        for listed, merchant, weight, name, address in pairs
    ]
    return sorted(result, key=lambda pair: (-pair[2], pair[0]["given"], pair[1]))


@contextmanager
def _quiet() -> Iterator[None]:
    """Splink tells of its times, and of weights that were not trained."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _comparison(name: str, column: str, levels: tuple[tuple[str, str, float, float], ...]) -> Any:
    import splink.comparison_library as library

    blank: dict[str, Any] = {
        "sql_condition": f"{column}_l IS NULL OR {column}_r IS NULL",
        "label_for_charts": "blank",
        "is_null_level": True,
    }
    stated = [
        {"sql_condition": sql, "label_for_charts": label, "m_probability": m, "u_probability": u}
        for sql, label, m, u in levels
    ]
    return library.CustomComparison(output_column_name=name, comparison_levels=[blank, *stated])


def _label(levels: tuple[tuple[str, str, float, float], ...], gamma: int) -> str:
    """What a level says; Splink counts them from the last, 0."""
    return levels[len(levels) - 1 - gamma][1]
