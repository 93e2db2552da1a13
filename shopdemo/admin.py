"""The shop in Django's admin: what a shopkeeper changes, and orders to look at."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from shopdemo.models import Category, Order, OrderLine, Product, Review


@admin.register(Category)
class CategoryAdmin(admin.ModelAdmin):
    list_display = ["name", "position"]
    list_editable = ["position"]
    prepopulated_fields = {"slug": ["name"]}


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    list_display = ["name", "sku", "category", "price", "stock"]
    list_editable = ["price", "stock"]
    list_filter = ["category"]
    list_select_related = ["category"]
    prepopulated_fields = {"slug": ["name"]}
    search_fields = ["name", "sku"]


class OrderLineInline(admin.TabularInline):
    model = OrderLine
    extra = 0
    can_delete = False
    readonly_fields = fields = ["product", "name", "unit_price", "quantity"]

    def has_add_permission(self, request: HttpRequest, obj: Order | None = None) -> bool:
        return False


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    """Only the status may change: the rest is what the customer agreed to and paid."""

    list_display = ["number", "created_at", "name", "total", "status"]
    list_filter = ["status", "created_at"]
    search_fields = ["number", "email", "name"]
    inlines = [OrderLineInline]
    fields = [
        "number", "status", "created_at", "user", "email", "name", "street", "postcode", "city",
        "country", "subtotal", "shipping", "total", "payment_reference",
    ]  # fmt: skip
    readonly_fields = [name for name in fields if name != "status"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(Review)
class ReviewAdmin(admin.ModelAdmin):
    list_display = ["title", "product", "rating", "author", "created_at"]
    list_filter = ["rating", "is_verified"]
    list_select_related = ["product", "author"]
    raw_id_fields = ["product", "author"]
    search_fields = ["title", "body", "product__name"]
