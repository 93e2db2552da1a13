"""How a shopper behaves: decisions drawn from their own random numbers and from what they see.

The only thing that a variant changes is `Behaviour.buys`: a shopper who sees the promise on a
product page buys more often by exactly `promise_lift`. That is the effect a test has to recover.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

SEARCHES = ("mug", "tea", "lamp", "wool", "notebook", "oak", "linen", "brush", "gift", "bag")
FIRST_NAMES = ("Ana", "Ben", "Chiara", "Daan", "Elif", "Freja", "Goran", "Hana", "Ines", "Jonas")
LAST_NAMES = ("Berg", "Costa", "Dubois", "Evans", "Fischer", "Garcia", "Horvat", "Ivanov", "Jansen")
BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1 Safari/604.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """Probabilities of the model.

    Attributes:
        conversion: Share of shoppers on a product page without the promise who buy.
        promise_lift: Relative change of that share for those who see the promise.
        opens_product: Share of shoppers who open a product page at all.
        abandons: Share of those who don't buy but put something into the basket.
        declined: Share of buyers whose first card is declined.
        reloads: Share of buyers who send the order twice, or reload the confirmation.
    """

    conversion: float = 0.18
    promise_lift: float = 0.35
    opens_product: float = 0.85
    abandons: float = 0.12
    declined: float = 0.04
    reloads: float = 0.05

    def __post_init__(self) -> None:
        for name in ("conversion", "opens_product", "abandons", "declined", "reloads"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value!r}; allowed: 0 to 1")
        highest = self.conversion * (1 + self.promise_lift)
        if not 0 <= highest <= 1:
            raise ValueError(
                f"promise_lift is {self.promise_lift!r}: with conversion {self.conversion!r} it "
                f"gives a probability of {highest:.3g}; allowed: 0 to 1"
            )

    def buys(self, rng: random.Random, *, sees_promise: bool) -> bool:
        """Whether a shopper on a product page decides to buy."""
        lift = self.promise_lift if sees_promise else 0.0
        return rng.random() < self.conversion * (1 + lift)


def address(rng: random.Random, number: int) -> dict[str, str]:
    """Made-up address details; example.com receives no mail."""
    name = f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"
    return {
        "email": f"shopper{number}@example.com",
        "name": name,
        "street": f"Mill Street {rng.randint(1, 99)}",
        "postcode": str(rng.randint(10_000, 99_999)),
        "city": "Riverside",
        "country": "DE",
    }
