"""Addresses of the demo project: the shop at the root, the admin and the experiments beside it."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from shopdemo import views

shop = [
    path("", views.home, name="home"),
    path("category/<slug:slug>/", views.category, name="category"),
    path("product/<slug:slug>/", views.product, name="product"),
    path("product/<slug:slug>/picture.svg", views.picture, name="picture"),
    path("product/<slug:slug>/review/", views.review, name="review"),
    path("search/", views.search, name="search"),
    path("basket/", views.basket, name="basket"),
    path("basket/<slug:slug>/add/", views.basket_add, name="basket_add"),
    path("basket/<slug:slug>/quantity/", views.basket_quantity, name="basket_quantity"),
    path("basket/<slug:slug>/remove/", views.basket_remove, name="basket_remove"),
    path("checkout/", views.checkout, name="checkout"),
    path("order/<slug:number>/placed/", views.order_placed, name="order_placed"),
    path("account/sign-up/", views.SignUp.as_view(), name="signup"),
    path("account/login/", views.Login.as_view(), name="login"),
    path("account/logout/", views.Logout.as_view(), name="logout"),
    path("account/orders/", views.orders, name="orders"),
    path("account/orders/<slug:number>/", views.order, name="order"),
]

urlpatterns = [
    path("", include((shop, "shop"))),
    path("admin/", admin.site.urls),
    path("abtesting/", include("abtesting.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
]
