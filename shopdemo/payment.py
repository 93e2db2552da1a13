"""A pretend payment service: test cards instead of card numbers, and no money moves."""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.db import models
from django.utils.translation import gettext_lazy as _


class DemoCard(models.TextChoices):
    """The cards a visitor of the demo may pay with."""

    ACCEPTED = "accepted", _("Card ending in 4242: payment succeeds")
    DECLINED = "declined", _("Card ending in 0002: the bank declines")
    NO_FUNDS = "no_funds", _("Card ending in 9995: not enough money on the account")


class PaymentDeclinedError(Exception):
    """The card was refused; `card` says which one."""

    def __init__(self, card: str) -> None:
        super().__init__(f"card {card!r} was refused; allowed: {DemoCard.ACCEPTED.value!r}")
        self.card = card


def charge(*, card: str, amount: Decimal) -> str:
    """Takes the money and returns the payment's reference, or raises `PaymentDeclinedError`."""
    if amount <= 0:
        raise ValueError(f"amount is {amount}; it must be above 0")
    if card != DemoCard.ACCEPTED:
        raise PaymentDeclinedError(card)
    return f"demo-{uuid.uuid4().hex[:16]}"
