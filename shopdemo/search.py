"""Search: every word must occur somewhere in a product; where it occurs decides the rank."""

from __future__ import annotations

from functools import reduce
from operator import add, and_

from django.db.models import Case, IntegerField, Q, Value, When

from shopdemo.models import Product, ProductQuerySet

MAX_WORDS = 6


def search(text: str) -> ProductQuerySet:
    """Returns the products that match, best first; none for a text without words."""
    words = [_stem(word) for word in text.lower().split()[:MAX_WORDS]]
    if not words:
        return Product.objects.none()
    matching = Product.objects.filter(reduce(and_, [_anywhere(word) for word in words]))
    ranked = matching.annotate(rank=reduce(add, [_rank(word) for word in words]))
    return ranked.order_by("-rank", "position")


def _stem(word: str) -> str:
    """Drops a plural ending, so that "mugs" finds a mug and "knives" still finds knives."""
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word


def _anywhere(word: str) -> Q:
    return (
        Q(name__icontains=word)
        | Q(kind__icontains=word)
        | _begins("category__name", word)
        | _begins("description", word)
        | Q(sku__iexact=word)
    )


def _begins(field: str, word: str) -> Q:
    """Matches at the beginning of a word: "tea" is not in "instead"."""
    return Q(**{f"{field}__istartswith": word}) | Q(**{f"{field}__icontains": f" {word}"})


def _rank(word: str) -> Case:
    return Case(
        When(Q(sku__iexact=word) | Q(name__istartswith=word), then=Value(8)),
        When(name__icontains=f" {word}", then=Value(6)),
        When(Q(name__icontains=word) | Q(kind__icontains=word), then=Value(4)),
        When(_begins("category__name", word), then=Value(2)),
        default=Value(1),
        output_field=IntegerField(),
    )
