"""How the shop prints amounts, stars, facts, countries and icons."""

from __future__ import annotations

from decimal import Decimal

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from shopdemo.countries import COUNTRIES
from shopdemo.models import Product

register = template.Library()

# Names of the attributes that many products have; others are printed as the catalogue has them.
FACT_LABELS = {
    "colour": _("Colour"),
    "accent": _("Second colour"),
    "pattern": _("Pattern"),
    "material": _("Material"),
    "size": _("Size"),
    "capacity": _("Capacity"),
    "weight": _("Weight"),
    "thickness": _("Thickness"),
    "care": _("Care"),
}


@register.filter
def money(amount: Decimal) -> str:
    """Prints an amount in the shop's currency: `{{ product.price|money }}`."""
    return f"{settings.SHOP_CURRENCY}{number_format(amount, decimal_pos=2, force_grouping=True)}"


@register.filter
def stars(rating: float) -> str:
    """Prints a rating of 1-5 as five stars; the page says it in words for those who cannot see."""
    num_full = round(rating)
    return "★" * num_full + "☆" * (5 - num_full)


@register.filter
def facts(product: Product) -> list[tuple[str, str]]:
    """Returns the product's attributes as label and value, to print one below the other."""
    return [
        (FACT_LABELS.get(name, capfirst(name)), capfirst(value))
        for name, value in product.attributes.items()
    ]


@register.filter
def country_name(code: str) -> str:
    """Prints a country that the shop sends to."""
    return dict(COUNTRIES).get(code, code)


@register.simple_tag
def icon(name: str) -> str:
    """Draws one symbol of `icons.svg`; the text beside it says what it means."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("shopdemo/icons.svg"),
        name,
    )
