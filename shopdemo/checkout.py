"""Placing an order: one transaction that takes stock, payment and basket together, or nothing."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from decimal import Decimal
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone

from shopdemo import basket as baskets
from shopdemo import payment
from shopdemo.models import Basket, BasketLine, Order, OrderLine, Product
from shopdemo.signals import order_placed

SESSION_KEY = "orders"
# Letters and digits that nobody misreads on the telephone.
NUMBER_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


class CheckoutError(Exception):
    """The order was not placed, and nothing was changed."""


class BasketChangedError(CheckoutError):
    """The basket is no longer what the customer saw and agreed to."""


class OutOfStockError(CheckoutError):
    """Less is left of `product` than the basket wants."""

    def __init__(self, product: Product) -> None:
        super().__init__(f"product {product.sku!r}: not enough in stock")
        self.product = product


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the goods go, and whom to write to."""

    email: str
    name: str
    street: str
    postcode: str
    city: str
    country: str


def place_order(
    request: HttpRequest, *, token: UUID, address: Address, card: str, agreed_total: Decimal
) -> Order:
    """Turns the visitor's basket into an order.

    Args:
        request: Whose basket it is; handed on to the receivers of `order_placed`.
        token: The basket's checkout token, from the form. The same token is one order: a second
            submit returns the order of the first.
        address: Where the goods go.
        card: One of `payment.DemoCard`.
        agreed_total: The sum that the customer saw.

    Raises:
        BasketChangedError: The basket, or what it comes to, is not what the customer saw.
        OutOfStockError: Someone else was quicker.
        PaymentDeclinedError: The card was refused.
    """
    with transaction.atomic():
        # The lock makes a second submit wait here until the first has placed its order.
        basket = Basket.objects.select_for_update().filter(checkout_token=token).first()
        placed = Order.objects.filter(checkout_token=token).first()
        if placed is None:
            own = baskets.find(request)
            if basket is None or own is None or basket.pk != own.pk:
                raise BasketChangedError("the basket's checkout token is no longer valid")
            placed = _place(request, basket, address=address, card=card, agreed_total=agreed_total)
    remember(request, placed)
    return placed


def visible_order(request: HttpRequest, number: str) -> Order | None:
    """Returns the order if this visitor may see it: it is theirs, or this session placed it."""
    order = Order.objects.prefetch_related("lines__product").filter(number=number).first()
    if order is None:
        return None
    if order.user_id is not None:
        return order if order.user_id == request.user.pk else None
    return order if number in request.session.get(SESSION_KEY, []) else None


def remember(request: HttpRequest, order: Order) -> None:
    """Lets a guest's session see the order; a customer's own orders need no note."""
    if order.user_id is None:
        numbers = request.session.get(SESSION_KEY, [])
        if order.number not in numbers:
            request.session[SESSION_KEY] = [*numbers, order.number]


def claim_orders(request: HttpRequest) -> int:
    """Gives a new customer the orders that this session placed as a guest."""
    numbers = request.session.pop(SESSION_KEY, [])
    return Order.objects.filter(number__in=numbers, user=None).update(user=request.user)


def _place(
    request: HttpRequest, basket: Basket, *, address: Address, card: str, agreed_total: Decimal
) -> Order:
    lines = baskets.lines_of(basket)
    totals = baskets.totals(lines)
    if not lines or totals.total != agreed_total:
        raise BasketChangedError(f"the basket comes to {totals.total}, not {agreed_total}")
    _take_stock(lines)
    order = Order.objects.create(
        number=_number(),
        user=request.user if request.user.is_authenticated else None,
        **asdict(address),
        subtotal=totals.subtotal,
        shipping=totals.shipping,
        total=totals.total,
        # Last before the receivers: a real service cannot be rolled back. One that answers slowly
        # belongs before the transaction, as an authorisation that is captured after it.
        payment_reference=payment.charge(card=card, amount=totals.total),
        checkout_token=basket.checkout_token,
        created_at=timezone.now(),
    )
    OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            product=line.product,
            name=line.product.name,
            unit_price=line.product.price,
            quantity=line.quantity,
        )
        for line in lines
    )
    # Emptied, with a new token for the next order.
    basket.lines.filter(pk__in=[line.pk for line in lines]).delete()
    basket.checkout_token = uuid4()
    basket.save(update_fields=["checkout_token"])
    order_placed.send(sender=Order, order=order, request=request)
    return order


def _take_stock(lines: list[BasketLine]) -> None:
    # In one order for everybody: two baskets with the same products cannot block each other.
    for line in sorted(lines, key=lambda line: line.product_id):
        left = Product.objects.filter(pk=line.product_id, stock__gte=line.quantity)
        if not left.update(stock=F("stock") - line.quantity):
            raise OutOfStockError(line.product)


def _number() -> str:
    while True:
        letters = "".join(secrets.choice(NUMBER_ALPHABET) for _ in range(8))
        number = f"{letters[:4]}-{letters[4:]}"
        if not Order.objects.filter(number=number).exists():
            return number
