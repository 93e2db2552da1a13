"""The basket: found by the session, kept by its owner after login; add, change, remove, total."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum
from django.http import HttpRequest
from django.utils import timezone

from shopdemo.models import Basket, BasketLine, Product
from shopdemo.signals import added_to_basket

SESSION_KEY = "basket"
MAX_QUANTITY = 20
SHIPPING = Decimal("4.90")
FREE_SHIPPING_FROM = Decimal("60.00")


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What a basket comes to."""

    num_items: int
    subtotal: Decimal
    shipping: Decimal

    @property
    def total(self) -> Decimal:
        return self.subtotal + self.shipping

    @property
    def missing_for_free_shipping(self) -> Decimal:
        return max(FREE_SHIPPING_FROM - self.subtotal, Decimal(0))


def totals(lines: Iterable[BasketLine]) -> Totals:
    """Adds up lines whose products are loaded."""
    lines = list(lines)
    subtotal = sum((line.total for line in lines), Decimal(0))
    is_free = not lines or subtotal >= FREE_SHIPPING_FROM
    return Totals(
        num_items=sum(line.quantity for line in lines),
        subtotal=subtotal,
        shipping=Decimal(0) if is_free else SHIPPING,
    )


def find(request: HttpRequest) -> Basket | None:
    """Returns the visitor's basket, if there is one.

    A customer who logs in takes along what the session has collected so far.
    """
    key = request.session.get(SESSION_KEY)
    if not request.user.is_authenticated:
        return Basket.objects.filter(pk=key, owner=None).first() if key else None
    if key:
        _hand_over(request, key)
    return Basket.objects.filter(owner=request.user).first()


def find_or_create(request: HttpRequest) -> Basket:
    """Returns the visitor's basket, making one when something is about to be put into it."""
    found = find(request)
    if found is not None:
        return found
    if request.user.is_authenticated:
        return Basket.objects.get_or_create(
            owner=request.user, defaults={"created_at": timezone.now()}
        )[0]
    created = Basket.objects.create(created_at=timezone.now())
    request.session[SESSION_KEY] = created.pk
    return created


def lines_of(basket: Basket | None) -> list[BasketLine]:
    """Returns the basket's lines with their products, in the order they were added."""
    return [] if basket is None else list(basket.lines.select_related("product"))


def num_items(request: HttpRequest) -> int:
    """Counts the things in the visitor's basket, for the header."""
    found = find(request)
    if found is None:
        return 0
    return found.lines.aggregate(Sum("quantity"))["quantity__sum"] or 0


def add(request: HttpRequest, product: Product, *, quantity: int = 1) -> int:
    """Puts a product into the basket; returns how many really went in (stock is the limit)."""
    with transaction.atomic():
        basket = _lock(find_or_create(request))
        num_before = _num_of(basket, product)
        num_after = _set(basket, product, num_before + quantity)
        num_added = max(num_after - num_before, 0)
        if num_added:
            added_to_basket.send(sender=add, product=product, quantity=num_added, request=request)
    return num_added


def set_quantity(request: HttpRequest, product: Product, quantity: int) -> int:
    """Changes how many of a product are wanted; 0 removes it. Returns how many there are now."""
    basket = find(request)
    if basket is None:
        return 0
    with transaction.atomic():
        return _set(_lock(basket), product, quantity)


def _lock(basket: Basket) -> Basket:
    """Waits for others who change the same basket: a double click, or an order being placed."""
    return Basket.objects.select_for_update().get(pk=basket.pk)


def _num_of(basket: Basket, product: Product) -> int:
    line = basket.lines.filter(product=product).first()
    return line.quantity if line else 0


def _set(basket: Basket, product: Product, quantity: int) -> int:
    quantity = min(quantity, product.stock, MAX_QUANTITY)
    if quantity < 1:
        basket.lines.filter(product=product).delete()
        return 0
    basket.lines.update_or_create(product=product, defaults={"quantity": quantity})
    return quantity


def _hand_over(request: HttpRequest, key: int) -> None:
    with transaction.atomic():
        guest = Basket.objects.select_for_update().filter(pk=key, owner=None).first()
        if guest is not None:
            own, _ = Basket.objects.get_or_create(
                owner=request.user, defaults={"created_at": timezone.now()}
            )
            for line in guest.lines.select_related("product"):
                _set(own, line.product, _num_of(own, line.product) + line.quantity)
            guest.delete()
    del request.session[SESSION_KEY]
