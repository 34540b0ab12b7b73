"""What the attacks of the catalogue buy: the fewest steps after which a merchant stands a grade above the truth.

    python -m law.attacks     (with tests/ on PYTHONPATH; `make attacks`)

Each attack is compared with the same merchant that did the same and hid nothing, or, where a rival is bombed, was left
alone. A step is an order, faked or treated otherwise than the truth; of what is done to the register it is the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

from law.facts import Merchant, at, is_kept, on
from law.matrix import Cell, averages, evaluated, merchant

STEPS = (1, 2, 3, 5, 8, 13, 20, 30, 45, 70, 100, 160, 256)
MERCHANTS = tuple(product(("good", "middling", "weak"), ("small", "large")))

Do = Callable[[Merchant, int], Sequence[Merchant]]


@dataclass(frozen=True)
class Attack:
    """`truth` and `attack` are done to a merchant in so many steps; either hands on whom to look at: the best of them counts."""

    zh: str
    en: str
    truth: Do
    attack: Do
    once: bool = False
    on_a_rival: bool = False

    @property
    def steps(self) -> Sequence[int]:
        return (1,) if self.once else STEPS


def _orders(**values: object) -> Do:
    """So many orders more; of numbers in `values`: days after the order, None: never."""

    def do(m: Merchant, steps: int) -> Sequence[Merchant]:
        for i in range(steps):
            ago = 60 + 0.5 * i
            m.order(ago, **{k: at(ago - v) if isinstance(v, float) else v for k, v in values.items()})
        return [m]

    return do


_LATE = _orders(dispatched_at=9.0, delivered_at=13.0, completed_at=14.0)
_NEVER = _orders(dispatched_at=None, delivered_at=None, completed_at=None, traceable=None)
_CALLED_OFF = _orders(
    dispatched_at=None, delivered_at=None, completed_at=None, traceable=None, cancelled_at=5.0, cancelled_by="buyer",
    cancel_reason="changed_mind",
)  # fmt: skip


def _promises_moved(m: Merchant, steps: int) -> Sequence[Merchant]:
    """The late orders are delivered again with later promises, once they are late."""
    first = len(m.rows["transactions"])
    _LATE(m, steps)
    for i, order in enumerate(m.rows["transactions"][first:]):
        ago = 60 + 0.5 * i
        order["known_at"] = at(ago - 0.1)
        m.rows["transactions"].append(
            order | {"known_at": at(ago - 10), "dispatch_due_at": at(ago - 10), "delivery_due_at": at(ago - 20)}
        )
    return [m]


def _nothing(m: Merchant, steps: int) -> Sequence[Merchant]:
    return [m]


def _expired(m: Merchant, steps: int) -> Sequence[Merchant]:
    code = m.register["uscc"]
    m.register.update(licence_valid_until=on(1), deposit_amount="0", uscc=code[:-1] + ("0" if code[-1] != "0" else "1"))
    return [m]


def _blanked(m: Merchant, steps: int) -> Sequence[Merchant]:
    m.register.update(licence_valid_until=None, deposit_amount=None, uscc=None)
    return [m]


def _new_shop(m: Merchant, steps: int) -> Sequence[Merchant]:
    """The owner's second shop, in which all goes well."""
    shop = _sister(m, "new")
    shop.register["joined_on"] = on(100)
    _faked(shop, steps)
    return [shop]


def _faked(m: Merchant, steps: int, amount: str = "20.00", accounts: int | None = None) -> Sequence[Merchant]:
    """Faked orders with five stars, from an account each or by turns."""
    for i in range(steps):
        order = m.order(28 - 20 * i / max(steps, 1), amount=amount)
        if accounts:
            order["buyer_id"] = f"{m.name}-friend-{i % accounts}"
        m.review(order, 5, reviewed_at=at(2))
    return [m]


def _split(m: Merchant, steps: int) -> Sequence[Merchant]:
    """One business in three shops, the third for what goes wrong."""
    shops = [_sister(m, str(i)) for i in range(3)]
    place = {}
    for i, order in enumerate(m.rows["transactions"]):
        place[order["transaction_id"]] = i % 2 if is_kept(order) else 2
    for table in ("transactions", "reviews", "complaints"):
        for row in m.rows[table]:
            shop = shops[place[row["transaction_id"]]]
            shop.rows[table].append(row | {"subject_id": shop.name})
        m.rows[table] = []
    return shops


def _sister(m: Merchant, mark: str) -> Merchant:
    shop = Merchant(f"{m.name}-{mark}", m.register["kind"], m.number)
    shop.register.update({k: v for k, v in m.register.items() if k != "subject_id"})
    return shop


def _complaints(answered: bool) -> Do:
    def do(m: Merchant, steps: int) -> Sequence[Merchant]:
        for i in range(steps):
            ago = 60 + 0.5 * i
            ends = {
                "first_response_at": at(ago - 6), "resolved_at": at(ago - 10), "outcome": "upheld", "liability": "seller",
            }  # fmt: skip
            m.complaint(m.order(ago), ago - 5, **(ends if answered else {}))
        return [m]

    return do


def _bombed(m: Merchant, steps: int) -> Sequence[Merchant]:
    """A rival's friends give one star: as many as may each day, for orders of nothing or none at all."""
    for i in range(steps):
        order = m.order(20, amount="0.01", buyer_id=f"{m.name}-foe-{i}") if i % 2 else None
        m.review(order, 1, reviewed_at=at(10))
    return [m]


ATTACKS = (
    Attack("从不交付", "Never deliver (beside delivering late)", _LATE, _NEVER),
    Attack("以取消代替迟延", "Have late orders cancelled by the buyer", _LATE, _CALLED_OFF),
    Attack("清空登记信息", "Blank the register", _expired, _blanked, once=True),
    Attack(
        "另开新店", "Open a new shop (beside selling so much more in the old)", lambda m, n: _faked(m, n), _new_shop
    ),
    Attack("拆分店铺", "Split the business in three", _nothing, _split, once=True),
    Attack("小额订单稀释", "Dilute by orders of 0.01 of two friends", _nothing, lambda m, n: _faked(m, n, "0.01", 2)),
    Attack("买好评", "Buy orders with five stars, an account each", _nothing, _faked),
    Attack("拖延投诉", "Leave upheld complaints open", _complaints(True), _complaints(False)),
    Attack("差评轰炸对手", "Bomb a rival, without trade", _nothing, _bombed, on_a_rival=True),
    Attack("放宽承诺", "Deliver late orders again with later promises", _LATE, _promises_moved),
)


def prices() -> dict[str, list[int | None]]:
    """English name of an attack -> for each of MERCHANTS the fewest steps that move it a grade, None where none does."""
    measured: dict[str, tuple[str, tuple[str, str], int, bool]] = {}
    made: list[tuple[Cell, Merchant]] = []
    number = 0
    for attack, (quality, size) in product(ATTACKS, MERCHANTS):
        for steps in attack.steps:
            for honest in (True, False):
                number += 1
                cell = Cell(quality, size, "enterprise", f"{attack.en} {honest}", number)
                m = merchant(Cell(quality, size, "enterprise"), number)
                shown = (attack.truth if honest else attack.attack)(m, steps)
                made += [(cell, each) for each in dict.fromkeys([m, *shown])]
                measured |= {each.name: (attack.en, (quality, size), steps, honest) for each in shown}
    (enterprises,) = (
        done for done in evaluated(made, "full", averages()) if done.rulebook.subject.kind == "enterprise"
    )
    symbols = enterprises.rulebook.symbols
    places: dict[tuple[str, tuple[str, str], int, bool], int] = {}
    for subject, grade in zip(enterprises.scores.subjects, enterprises.grades["grade"], strict=True):
        if subject in measured and grade in symbols:
            key = measured[subject]
            places[key] = min(places.get(key, len(symbols)), symbols.index(grade))
    fewest: dict[str, list[int | None]] = {}
    for attack in ATTACKS:
        fewest[attack.en] = []
        for base in MERCHANTS:
            moved = [
                steps
                for steps in attack.steps
                if (attack.en, base, steps, True) in places
                and (attack.en, base, steps, False) in places
                and _moved(attack, places[attack.en, base, steps, True], places[attack.en, base, steps, False])
            ]
            fewest[attack.en].append(min(moved, default=None))
    return fewest


def _moved(attack: Attack, truth: int, attacked: int) -> bool:
    return attacked > truth if attack.on_a_rival else attacked < truth


def main() -> None:
    fewest = prices()
    print("| attack | " + " | ".join(f"{quality}, {size}" for quality, size in MERCHANTS) + " |")
    print("|---|" + "---:|" * len(MERCHANTS))
    for attack in ATTACKS:
        steps = ("–" if n is None else str(n) for n in fewest[attack.en])
        print(f"| {attack.zh} {attack.en} | " + " | ".join(steps) + " |")


if __name__ == "__main__":
    main()
