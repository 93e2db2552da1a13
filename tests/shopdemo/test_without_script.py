"""A purchase as a browser without JavaScript makes it: by links and forms, nothing else."""

from __future__ import annotations

from html.parser import HTMLParser

from django.test import Client

from shopdemo.models import Order
from tests.shopdemo.conftest import ADDRESS


class Forms(HTMLParser):
    """Collects links, and forms with the values that a browser would send."""

    def __init__(self, html):
        super().__init__()
        self.links, self.forms, self._select = [], [], None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "a":
            self.links.append(values.get("href"))
        elif tag == "form":
            self.forms.append((values.get("action", ""), {}))
        elif tag == "input" and self.forms and "name" in values:
            is_choice = values.get("type") in {"radio", "checkbox"}
            if not is_choice or "checked" in values:
                self.forms[-1][1][values["name"]] = values.get("value", "")
        elif tag == "select":
            self._select = values["name"]
        elif tag == "option" and "selected" in values:
            self.forms[-1][1][self._select] = values["value"]

    def form(self, action):
        return next(data for found, data in self.forms if found == action)


def test_search_add_change_and_buy(mug, pan):
    browser = Client(enforce_csrf_checks=True)

    def get(url):
        response = browser.get(url, follow=True)
        assert response.status_code == 200
        return Forms(response.content.decode())

    def send(page, action, **values):
        response = browser.post(action, page.form(action) | values, follow=True)
        assert response.status_code == 200
        return response

    assert "q" in get("/").form("/search/")
    results = get("/search/?q=mug")
    assert "/product/moss-mug/" in results.links
    product = get("/product/moss-mug/")
    basket = Forms(send(product, "/basket/moss-mug/add/", quantity="2").content.decode())
    basket = Forms(send(basket, "/basket/moss-mug/quantity/", quantity="3").content.decode())
    assert "/checkout/" in basket.links
    checkout = get("/checkout/")
    declined = send(checkout, "/checkout/", **ADDRESS, card="declined")
    assert "payment was declined" in declined.content.decode()
    again = Forms(declined.content.decode())
    assert again.form("/checkout/")["street"] == ADDRESS["street"]
    placed = send(again, "/checkout/", card="accepted")
    order = Order.objects.get()
    assert order.number in placed.content.decode()
    assert order.lines.get().quantity == 3
