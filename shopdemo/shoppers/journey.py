"""One shopper's way through the shop: real requests to the real views, in this process."""

from __future__ import annotations

import ipaddress
import json
import random
import re
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.test.client import ClientHandler
from django.urls import reverse

from abtesting.assignment.units import Visitor
from abtesting.conf import settings as abtesting_settings
from shopdemo.models import Category
from shopdemo.shoppers.behaviour import BROWSERS, SEARCHES, Behaviour, address
from shopdemo.shoppers.clock import Clock

PROMISE = 'class="buy-promise"'
_CARD = re.compile(r'class="card-link" href="([^"]+)"')
_TOKEN = re.compile(r'<meta name="abtesting" content="([^"]+)" data-url="([^"]+)"')
_FIELD = re.compile(r'<input type="hidden" name="(token|agreed_total)" value="([^"]+)"')


class JourneyError(Exception):
    """A page of the shop did not answer as a shopper expects."""


class Journey:
    """A shopper with a browser, a clock and random numbers of their own."""

    def __init__(
        self,
        handler: ClientHandler,
        *,
        visitor_id: str,
        number: int,
        rng: random.Random,
        clock: Clock,
        how: Behaviour,
    ) -> None:
        self.number = number
        self.rng = rng
        self.clock = clock
        self.how = how
        self.client = Client(
            headers={"user-agent": rng.choice(BROWSERS)},
            REMOTE_ADDR=str(ipaddress.IPv4Address("10.0.0.0") + number % 2**24),
        )
        self.client.handler = handler  # one chain of middleware for all, as in a server
        # The id is given, so that a replay assigns everybody to the same variant again.
        cookie = Visitor(id=visitor_id).cookie_value()
        self.client.cookies[abtesting_settings.COOKIE_NAME] = cookie

    def walk(self) -> None:
        """Arrive, look around, perhaps buy.

        Raises:
            JourneyError: A page answered with an error.
        """
        page = self._arrive()
        if self.rng.random() >= self.how.opens_product:
            return
        page, url = self._open_card(page)
        buys = self.how.buys(self.rng, sees_promise=PROMISE in page)
        if not buys and self.rng.random() >= self.how.abandons:
            return
        self._post(f"{url.rstrip('/').replace('/product/', '/basket/')}/add/", {"quantity": 1})
        if buys:
            self._check_out()

    def _arrive(self) -> str:
        """The home page, a category, or a search."""
        door = self.rng.random()
        if door < 0.45:
            return self._get(reverse("shop:home"))
        if door < 0.8:
            slugs = list(Category.objects.order_by("position").values_list("slug", flat=True))
            return self._get(reverse("shop:category", args=[self.rng.choice(slugs)]))
        return self._get(reverse("shop:search"), {"q": self.rng.choice(SEARCHES)})

    def _open_card(self, page: str) -> tuple[str, str]:
        """Click a card until one leads to something that can be bought."""
        cards = _CARD.findall(page)
        if not cards:
            raise JourneyError("a page shows no product cards")
        while True:
            url = self.rng.choice(cards)
            self._click(page, "card_click")
            opened = self._get(url)
            if "buy-form" in opened or len(cards) == 1:
                return opened, url
            cards.remove(url)

    def _check_out(self) -> None:
        """Basket, address, payment, confirmation."""
        self._get(reverse("shop:basket"))
        url = reverse("shop:checkout")
        form = dict(_FIELD.findall(self._get(url)))
        form |= address(self.rng, self.number)
        if self.rng.random() < self.how.declined:
            self._post(url, {**form, "card": "declined"})
        self.clock.wait(self.rng.uniform(20, 90))
        response = self._post(url, {**form, "card": "accepted"}, expected=302)
        if self.rng.random() < self.how.reloads:
            self._post(url, {**form, "card": "accepted"}, expected=302)
        self._get(response["Location"])

    def _click(self, page: str, event: str) -> None:
        """What the tracker script sends."""
        found = _TOKEN.search(page)
        if found is None:
            raise JourneyError("a page has no abtesting meta tag")
        token, url = found.groups()
        click = {"name": event, "idempotency_key": f"{self.rng.getrandbits(64):x}"}
        body = json.dumps({"token": token, "events": [click]})
        response = self.client.post(url, body, content_type="application/json")
        if response.status_code != 200 or response.json()["results"] != [{"status": "recorded"}]:
            raise JourneyError(f"the event endpoint answered {response.content[:200]!r}")

    def _get(self, url: str, data: dict[str, Any] | None = None) -> str:
        self.clock.wait(self.rng.uniform(5, 40))
        response = self.client.get(url, data)
        if response.status_code != 200:
            raise JourneyError(f"{url} answered {response.status_code}")
        return response.content.decode()

    def _post(self, url: str, data: dict[str, Any], *, expected: int | None = None) -> HttpResponse:
        self.clock.wait(self.rng.uniform(1, 10))
        response = self.client.post(url, data)
        if response.status_code >= 400 or (expected and response.status_code != expected):
            raise JourneyError(f"{url} answered {response.status_code}")
        return response
