"""What every page of the shop shows: its name, its shelves, and how much is in the basket."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from shopdemo import basket
from shopdemo.models import Category


def shop(request: HttpRequest) -> dict[str, Any]:
    """Adds values that cost a query only on pages that print them."""
    return {
        "shop_name": settings.SHOP_NAME,
        "nav_categories": Category.objects.all(),
        "num_basket_items": partial(basket.num_items, request),
    }
