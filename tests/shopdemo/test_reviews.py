"""Reviews: who may write one, once, and what they look like."""

from __future__ import annotations

from shopdemo.models import Review

WORDS = {"rating": "4", "title": "Sits well in the hand", "body": "Warm, heavy, quiet."}


def test_guest_is_sent_to_the_login_and_back(client, mug):
    url = f"/product/{mug.slug}/review/"
    response = client.post(url, WORDS)
    assert response.headers["Location"] == f"/account/login/?next={url}"
    assert not Review.objects.exists()


def test_address_of_the_form_leads_to_the_product_after_a_login(client, customer, mug):
    client.force_login(customer)
    response = client.get(f"/product/{mug.slug}/review/")
    assert response.headers["Location"] == f"/product/{mug.slug}/#reviews"


def test_customer_writes_a_review(client, customer, mug):
    client.force_login(customer)
    client.post(f"/product/{mug.slug}/review/", WORDS)
    html = client.get(f"/product/{mug.slug}/").content.decode()
    assert "Sits well in the hand" in html
    assert "4 of 5 stars" in html
    assert "bought here" not in html


def test_review_of_a_buyer_says_bought_here(client, customer, mug, buy):
    client.force_login(customer)
    buy(mug)
    client.post(f"/product/{mug.slug}/review/", WORDS)
    assert Review.objects.get().is_verified


def test_second_review_changes_the_first_and_keeps_its_date(client, customer, mug):
    client.force_login(customer)
    client.post(f"/product/{mug.slug}/review/", WORDS)
    written_at = Review.objects.get().created_at
    client.post(f"/product/{mug.slug}/review/", WORDS | {"rating": "2"})
    review = Review.objects.get()
    assert review.rating == 2
    assert review.created_at == written_at


def test_wrong_review_is_shown_again_with_its_errors(client, customer, mug):
    client.force_login(customer)
    response = client.post(f"/product/{mug.slug}/review/", WORDS | {"rating": "6", "title": ""})
    assert response.status_code == 200
    assert set(response.context["review_form"].errors) == {"rating", "title"}
    assert "Warm, heavy, quiet." in response.content.decode()
    assert not Review.objects.exists()


def test_markup_in_a_review_is_text(client, customer, mug):
    client.force_login(customer)
    client.post(f"/product/{mug.slug}/review/", WORDS | {"body": "<img src=x onerror=alert(1)>"})
    assert b"<img src=x" not in client.get(f"/product/{mug.slug}/").content
