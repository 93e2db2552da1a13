"""Forms of the shop: checkout, review, sign-up, login."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.forms import AuthenticationForm, BaseUserCreationForm
from django.contrib.auth.models import AbstractUser
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from shopdemo.checkout import Address
from shopdemo.countries import COUNTRIES
from shopdemo.models import Order, Review
from shopdemo.payment import DemoCard

User = get_user_model()


class QuantityForm(forms.Form):
    """How many of a product."""

    quantity = forms.IntegerField(label=_("Quantity"), min_value=0, max_value=999, initial=1)


class CheckoutForm(forms.ModelForm):
    """Address and test card; the hidden fields say which basket, and which sum, was agreed to."""

    country = forms.ChoiceField(label=_("Country"), choices=COUNTRIES, initial="DE")
    card = forms.ChoiceField(
        label=_("Test card"),
        choices=DemoCard.choices,
        initial=DemoCard.ACCEPTED,
        widget=forms.RadioSelect,
    )
    token = forms.UUIDField(widget=forms.HiddenInput)
    agreed_total = forms.DecimalField(widget=forms.HiddenInput, localize=False)

    class Meta:
        model = Order
        fields = ["email", "name", "street", "postcode", "city", "country"]
        widgets = {
            "email": forms.EmailInput({"autocomplete": "email"}),
            "name": forms.TextInput({"autocomplete": "name"}),
            "street": forms.TextInput({"autocomplete": "street-address"}),
            "postcode": forms.TextInput({"autocomplete": "postal-code"}),
            "city": forms.TextInput({"autocomplete": "address-level2"}),
        }

    def address(self) -> Address:
        """Returns the checked address."""
        return Address(**{name: self.cleaned_data[name] for name in self.Meta.fields})


class ReviewForm(forms.ModelForm):
    """Stars, a title and some sentences."""

    rating = forms.TypedChoiceField(
        label=_("Your rating"),
        coerce=int,
        choices=[
            (5, _("5 – excellent")),
            (4, _("4 – good")),
            (3, _("3 – all right")),
            (2, _("2 – poor")),
            (1, _("1 – bad")),
        ],
    )

    class Meta:
        model = Review
        fields = ["rating", "title", "body"]
        widgets = {"body": forms.Textarea({"rows": 4})}


class SignUpForm(BaseUserCreationForm):
    """A customer account: the email is the login name."""

    email = forms.EmailField(label=_("Email"), max_length=150)
    first_name = forms.CharField(label=pgettext_lazy("person", "Name"), max_length=60)

    class Meta:
        model = User
        fields = ["first_name", "email"]
        field_classes: dict[str, Any] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["first_name"].widget.attrs["autocomplete"] = "name"
        self.fields["email"].widget.attrs["autocomplete"] = "email"

    def clean_email(self) -> str:
        email = self.cleaned_data["email"].lower()
        if User.objects.filter(username=email).exists():
            raise forms.ValidationError(_("There is an account with this email. Log in instead."))
        return email

    def save(self, commit: bool = True) -> AbstractUser:
        user = super().save(commit=False)
        user.username = user.email
        user.date_joined = timezone.now()
        if commit:
            user.save()
        return user


class LoginForm(AuthenticationForm):
    """Login by email; the demo's administrator has a plain user name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("Email")

    def clean_username(self) -> str:
        return self.cleaned_data["username"].lower()
