"""Tables of the demo shop. Flows that change them are in `basket.py` and `checkout.py`.

Times are set by the code that creates a row (`timezone.now()`), never by the field.
"""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Avg, Count, FloatField, Q, Sum, Value
from django.db.models.functions import Cast, Coalesce
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from shopdemo.catalogue.drawings import draw


class Category(models.Model):
    """A shelf of the shop."""

    name = models.CharField(_("name"), max_length=80)
    slug = models.SlugField(_("slug"), unique=True)
    description = models.TextField(_("description"), blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        ordering = ["position", "pk"]
        verbose_name = _("category")
        verbose_name_plural = _("categories")

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("shop:category", args=[self.slug])


class ProductQuerySet(models.QuerySet["Product"]):
    """Products as pages show them."""

    def with_ratings(self) -> ProductQuerySet:
        """Adds `rating` (1-5, None without reviews), `num_reviews` and `score` to sort by.

        The score is the rating with three reviews of 3.5 added: one delighted customer does not
        outrank ten content ones.
        """
        total = Coalesce(Sum("reviews__rating"), 0.0, output_field=FloatField())
        return self.annotate(
            rating=Avg("reviews__rating"),
            num_reviews=Count("reviews"),
            score=(total + Value(3 * 3.5)) / (Cast(Count("reviews"), FloatField()) + Value(3.0)),
        )


class Product(models.Model):
    """Something to buy. `kind` and `attributes` are what its picture is drawn from."""

    sku = models.CharField(_("article number"), max_length=32, unique=True)
    slug = models.SlugField(_("slug"), max_length=80, unique=True)
    name = models.CharField(_("name"), max_length=120)
    category = models.ForeignKey(
        Category, models.PROTECT, related_name="products", verbose_name=_("category")
    )
    kind = models.CharField(_("kind"), max_length=40)
    description = models.TextField(_("description"))
    price = models.DecimalField(_("price"), max_digits=8, decimal_places=2)
    stock = models.PositiveIntegerField(_("stock"), default=0)
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    position = models.PositiveIntegerField(_("position"), default=0)

    objects = ProductQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        verbose_name = _("product")
        verbose_name_plural = _("products")
        indexes = [models.Index(fields=["category", "position"])]
        constraints = [
            models.CheckConstraint(condition=Q(price__gt=0), name="shopdemo_product_price"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("shop:product", args=[self.slug])

    def clean(self) -> None:
        """Refuses a kind or a colour that cannot be drawn."""
        try:
            draw(self.kind, self.attributes)
        except ValueError as error:
            raise ValidationError(str(error)) from error


class Review(models.Model):
    """One customer's opinion of one product."""

    product = models.ForeignKey(
        Product, models.CASCADE, related_name="reviews", verbose_name=_("product")
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="reviews",
        verbose_name=_("author"),
    )
    rating = models.PositiveSmallIntegerField(
        _("rating"), validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    title = models.CharField(_("title"), max_length=80)
    body = models.TextField(_("review"), max_length=2000)
    is_verified = models.BooleanField(_("bought here"), default=False)
    created_at = models.DateTimeField(_("written at"))

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        constraints = [
            models.UniqueConstraint(fields=["product", "author"], name="shopdemo_review_once"),
            models.CheckConstraint(
                condition=Q(rating__gte=1, rating__lte=5), name="shopdemo_review_rating"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Basket(models.Model):
    """What a visitor means to buy: found by the session, or by its owner after login."""

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="basket",
        verbose_name=_("owner"),
    )
    # The checkout form carries it and the order keeps it: one token, one order.
    checkout_token = models.UUIDField(_("checkout token"), default=uuid.uuid4, unique=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("basket")
        verbose_name_plural = _("baskets")

    def __str__(self) -> str:
        return f"{self.pk}"


class BasketLine(models.Model):
    """A product in a basket; its price stays the product's until the order is placed."""

    basket = models.ForeignKey(
        Basket, models.CASCADE, related_name="lines", verbose_name=_("basket")
    )
    product = models.ForeignKey(
        Product, models.CASCADE, related_name="+", verbose_name=_("product")
    )
    quantity = models.PositiveSmallIntegerField(_("quantity"))

    class Meta:
        ordering = ["pk"]
        verbose_name = _("basket line")
        verbose_name_plural = _("basket lines")
        constraints = [
            models.UniqueConstraint(fields=["basket", "product"], name="shopdemo_basketline_once"),
            models.CheckConstraint(
                condition=Q(quantity__gte=1), name="shopdemo_basketline_quantity"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product_id}"

    @property
    def total(self) -> Decimal:
        return self.product.price * self.quantity

    @property
    def is_short(self) -> bool:
        """Whether more is wanted than there is."""
        return self.quantity > self.product.stock


class Order(models.Model):
    """A purchase. Its address, names and prices are copies: later changes do not touch them."""

    class Status(models.TextChoices):
        PAID = "paid", _("Paid")
        SHIPPED = "shipped", _("Shipped")

    number = models.SlugField(_("order number"), max_length=20, unique=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="orders",
        verbose_name=_("customer"),
    )
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.PAID
    )
    email = models.EmailField(_("email"))
    name = models.CharField(pgettext_lazy("person", "name"), max_length=120)
    street = models.CharField(_("street and house number"), max_length=160)
    postcode = models.CharField(_("postcode"), max_length=16)
    city = models.CharField(_("town or city"), max_length=80)
    country = models.CharField(_("country"), max_length=2)
    subtotal = models.DecimalField(_("goods"), max_digits=10, decimal_places=2)
    shipping = models.DecimalField(_("delivery"), max_digits=10, decimal_places=2)
    total = models.DecimalField(_("total"), max_digits=10, decimal_places=2)
    payment_reference = models.CharField(_("payment reference"), max_length=40)
    checkout_token = models.UUIDField(_("checkout token"), unique=True, editable=False)
    created_at = models.DateTimeField(_("placed at"), db_index=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name = _("order")
        verbose_name_plural = _("orders")

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("shop:order", args=[self.number])


class OrderLine(models.Model):
    """A product as it was sold."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="lines", verbose_name=_("order"))
    product = models.ForeignKey(
        Product, models.PROTECT, related_name="order_lines", verbose_name=_("product")
    )
    name = models.CharField(_("name"), max_length=120)
    unit_price = models.DecimalField(_("unit price"), max_digits=8, decimal_places=2)
    quantity = models.PositiveSmallIntegerField(_("quantity"))

    class Meta:
        ordering = ["pk"]
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")

    def __str__(self) -> str:
        return f"{self.quantity} × {self.name}"

    @property
    def total(self) -> Decimal:
        return self.unit_price * self.quantity
