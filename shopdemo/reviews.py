"""Reviews: one a customer and product, marked when the customer has bought the product here."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.utils import timezone

from shopdemo.models import OrderLine, Product, Review


def review_by(user: AbstractBaseUser | AnonymousUser, product: Product) -> Review | None:
    """Returns the customer's own review, so that the form changes it instead of adding another."""
    if not user.is_authenticated:
        return None
    return Review.objects.filter(product=product, author=user).first()


def publish(review: Review, *, author: AbstractBaseUser, product: Product) -> Review:
    """Saves what the form filled in; a changed review keeps its date."""
    review.author = author
    review.product = product
    review.is_verified = has_bought(author, product)
    if review.pk is None:
        review.created_at = timezone.now()
    review.save()
    return review


def has_bought(user: AbstractBaseUser, product: Product) -> bool:
    """Says whether an order of this customer contains the product."""
    return OrderLine.objects.filter(order__user=user.pk, product=product).exists()
