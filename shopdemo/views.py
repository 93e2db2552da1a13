"""Pages of the shop.

Each view reads the request, calls one flow and renders: a page, or for htmx the part of it that
changed.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import conditional_page, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django.views.generic import FormView

from shopdemo import basket as baskets
from shopdemo import checkout as checkouts
from shopdemo import reviews, shelves
from shopdemo.catalogue.drawings import draw
from shopdemo.forms import CheckoutForm, LoginForm, QuantityForm, ReviewForm, SignUpForm
from shopdemo.models import Category, Order, Product
from shopdemo.payment import PaymentDeclinedError
from shopdemo.search import search as search_products

# Reading


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    products = list(shelves.featured())
    context = {
        "categories": shelves.categories(),
        "products": products,
        "window": shelves.window(products),
    }
    return render(request, "shopdemo/home.html", context)


@require_safe
@vary_on_headers("HX-Request")
def category(request: HttpRequest, slug: str) -> HttpResponse:
    shelf = get_object_or_404(Category, slug=slug)
    products = shelf.products.with_ratings()
    only_in_stock = "in_stock" in request.GET
    if only_in_stock:
        products = products.filter(stock__gt=0)
    sort = request.GET.get("sort", shelves.DEFAULT_SORT)
    context = {
        "category": shelf,
        "page": shelves.page_of(shelves.sort(products, sort), request.GET.get("page")),
        "sort": sort,
        "sorts": [(key, label) for key, (label, _columns) in shelves.SORTS.items()],
        "only_in_stock": only_in_stock,
    }
    return render(request, _part(request, "category", "results"), context)


@require_safe
@vary_on_headers("HX-Request", "HX-Target")
def search(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "")[:100].strip()
    page = shelves.page_of(search_products(text).with_ratings(), request.GET.get("page"))
    context = {"text": text, "page": page}
    if request.htmx.target == "suggestions":
        return render(request, "shopdemo/partials/suggestions.html", context)
    if not page.paginator.count:
        context["products"] = shelves.featured()
    return render(request, _part(request, "search", "results"), context)


@require_safe
def product(request: HttpRequest, slug: str) -> HttpResponse:
    shown = _product(slug)
    form = ReviewForm(instance=reviews.review_by(request.user, shown))
    return _product_page(request, shown, form)


@require_safe
@cache_control(public=True, max_age=86_400)
@conditional_page
def picture(request: HttpRequest, slug: str) -> HttpResponse:
    shown = get_object_or_404(Product, slug=slug)
    return HttpResponse(draw(shown.kind, shown.attributes), content_type="image/svg+xml")


@login_required
def review(request: HttpRequest, slug: str) -> HttpResponse:
    shown = _product(slug)
    if request.method != "POST":
        # Back from a login that came between.
        return redirect(f"{shown.get_absolute_url()}#reviews")
    form = ReviewForm(request.POST, instance=reviews.review_by(request.user, shown))
    if not form.is_valid():
        return _product_page(request, shown, form)
    reviews.publish(form.save(commit=False), author=request.user, product=shown)
    messages.success(request, _("Thank you. Your review is published."))
    return redirect(f"{shown.get_absolute_url()}#reviews")


def _product(slug: str) -> Product:
    products = Product.objects.with_ratings().select_related("category")
    return get_object_or_404(products, slug=slug)


def _product_page(request: HttpRequest, shown: Product, form: ReviewForm) -> HttpResponse:
    context = {
        "product": shown,
        "category": shown.category,
        "quantity_form": QuantityForm(),
        "max_quantity": min(shown.stock, baskets.MAX_QUANTITY),
        "reviews": shown.reviews.select_related("author"),
        "review_form": form,
        "related": shelves.related(shown),
    }
    return render(request, "shopdemo/product.html", context)


def _part(request: HttpRequest, page: str, part: str) -> str:
    """Names the template: the part for htmx, the page for everybody else.

    The history of htmx asks for an address that it has forgotten, and needs the whole page.
    """
    if request.htmx and not request.htmx.history_restore_request:
        return f"shopdemo/partials/{part}.html"
    return f"shopdemo/{page}.html"


# Basket


@require_safe
@never_cache
def basket(request: HttpRequest) -> HttpResponse:
    return _basket_page(request)


@require_POST
def basket_add(request: HttpRequest, slug: str) -> HttpResponse:
    wanted = get_object_or_404(Product, slug=slug)
    form = QuantityForm(request.POST)
    num_added = 0
    if not form.is_valid():
        notice = _("Please enter the quantity as a whole number.")
    elif num_added := baskets.add(request, wanted, quantity=form.cleaned_data["quantity"]):
        notice = ngettext(
            "%(count)d × %(name)s is in your basket.",
            "%(count)d × %(name)s are in your basket.",
            num_added,
        ) % {"count": num_added, "name": wanted.name}
    elif wanted.stock:
        notice = _("You have all we can sell you of this in your basket.")
    else:
        notice = _("Sorry, this is sold out.")
    if request.htmx:
        context = {"notice": notice, "is_added": num_added > 0}
        return render(request, "shopdemo/partials/added.html", context)
    messages.add_message(request, messages.SUCCESS if num_added else messages.WARNING, notice)
    return redirect("shop:basket")


@require_POST
def basket_quantity(request: HttpRequest, slug: str) -> HttpResponse:
    wanted = get_object_or_404(Product, slug=slug)
    form = QuantityForm(request.POST)
    notice = ""
    if not form.is_valid():
        notice = _("Please enter the quantity as a whole number.")
    else:
        quantity = form.cleaned_data["quantity"]
        if baskets.set_quantity(request, wanted, quantity) < quantity:
            notice = _("We have fewer of “%(name)s” than that: we took what there is.") % {
                "name": wanted.name
            }
    return _basket_changed(request, notice)


@require_POST
def basket_remove(request: HttpRequest, slug: str) -> HttpResponse:
    unwanted = get_object_or_404(Product, slug=slug)
    baskets.set_quantity(request, unwanted, 0)
    return _basket_changed(request, _("“%(name)s” is removed.") % {"name": unwanted.name})


def _basket_changed(request: HttpRequest, notice: str) -> HttpResponse:
    if request.htmx:
        return _basket_page(request, notice)
    if notice:
        messages.info(request, notice)
    return redirect("shop:basket")


def _basket_page(request: HttpRequest, notice: str = "") -> HttpResponse:
    lines = baskets.lines_of(baskets.find(request))
    context = {
        "lines": lines,
        "totals": baskets.totals(lines),
        "max_quantity": baskets.MAX_QUANTITY,
        "is_short": any(line.is_short for line in lines),
        "notice": notice,
    }
    if not lines:
        context["products"] = shelves.featured()[: shelves.NUM_RELATED]
    return render(request, _part(request, "basket", "basket"), context)


# Checkout


@never_cache
def checkout(request: HttpRequest) -> HttpResponse:
    form = CheckoutForm(request.POST or None, initial=_known_address(request))
    if request.method == "POST" and form.is_valid():
        placed = _place_order(request, form)
        if placed is not None:
            return redirect("shop:order_placed", placed.number)
    own = baskets.find(request)
    lines = baskets.lines_of(own)
    if not lines or any(line.is_short for line in lines):
        return redirect("shop:basket")
    context = {"form": form, "basket": own, "lines": lines, "totals": baskets.totals(lines)}
    return render(request, "shopdemo/checkout.html", context)


def _place_order(request: HttpRequest, form: CheckoutForm) -> Order | None:
    """Places the order, or tells the form why not."""
    data = form.cleaned_data
    try:
        return checkouts.place_order(
            request,
            token=data["token"],
            address=form.address(),
            card=data["card"],
            agreed_total=data["agreed_total"],
        )
    except PaymentDeclinedError:
        form.add_error(
            "card", _("The payment was declined and nothing was charged. Try another card.")
        )
    except checkouts.OutOfStockError as error:
        text = _("“%(name)s” has just been sold to somebody else. Nothing was charged.")
        messages.warning(request, text % {"name": error.product.name})
    except checkouts.BasketChangedError:
        form.add_error(
            None, _("Your basket has changed. Please look at it once more and order again.")
        )
    return None


def _known_address(request: HttpRequest) -> dict[str, Any]:
    if not request.user.is_authenticated:
        return {}
    last = Order.objects.filter(user=request.user).first()
    if last is not None:
        return {name: getattr(last, name) for name in CheckoutForm.Meta.fields}
    return {"email": request.user.email, "name": request.user.get_full_name()}


@require_safe
@never_cache
def order_placed(request: HttpRequest, number: str) -> HttpResponse:
    return render(request, "shopdemo/order_placed.html", {"order": _visible_order(request, number)})


# Accounts


class SignUp(auth_views.RedirectURLMixin, FormView):
    """Makes a customer account and logs in; orders placed as a guest come along."""

    template_name = "shopdemo/accounts/signup.html"
    form_class = SignUpForm
    next_page = reverse_lazy("shop:orders")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(next=self.get_redirect_url(), **kwargs)

    def form_valid(self, form: SignUpForm) -> HttpResponse:
        login(self.request, form.save())
        checkouts.claim_orders(self.request)
        messages.success(self.request, _("Welcome. Your account is ready."))
        return super().form_valid(form)


class Login(auth_views.LoginView):
    template_name = "shopdemo/accounts/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True


class Logout(auth_views.LogoutView):
    """By POST only, so that no link or picture can log anybody out."""


@require_safe
@login_required
@never_cache
def orders(request: HttpRequest) -> HttpResponse:
    own = Order.objects.filter(user=request.user).prefetch_related("lines")
    page = shelves.page_of(own, request.GET.get("page"))
    return render(request, "shopdemo/accounts/orders.html", {"page": page})


@require_safe
@never_cache
def order(request: HttpRequest, number: str) -> HttpResponse:
    return render(
        request, "shopdemo/accounts/order.html", {"order": _visible_order(request, number)}
    )


def _visible_order(request: HttpRequest, number: str) -> Order:
    found = checkouts.visible_order(request, number)
    if found is None:
        # Not "forbidden": that would say that the number exists.
        raise Http404("no such order for this visitor")
    return found
