"""The visitor cookie: a random id, and which experiments this browser was already exposed to.

The cookie is signed with Django's secret key. The list of exposures in it only saves writes:
the table's unique constraint is what makes an exposure count once, so losing it is harmless.
"""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field

from django.core.signing import BadSignature, Signer
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from abtesting.conf import settings

_ALPHABET = string.ascii_letters + string.digits
_SALT = "abtesting.visitor"
_VERSION = "1"


def new_visitor_id() -> str:
    """A random id of 16 letters and digits (95 bits)."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(16))


@dataclass(slots=True)
class Visitor:
    """The browser behind a request.

    Attributes:
        exposed: A marker per exposure that is stored already; see `exposure_marker`.
    """

    id: str
    exposed: set[str] = field(default_factory=set)
    is_new: bool = True

    def cookie_value(self) -> str:
        """Signed text of id and exposures."""
        exposed = "~".join(sorted(self.exposed))
        return Signer(salt=_SALT).sign(f"{_VERSION}.{self.id}.{exposed}")

    @classmethod
    def from_cookie(cls, value: str | None) -> Visitor:
        """The visitor of a cookie; a new one when it is missing, forged or unreadable."""
        if value:
            try:
                version, visitor_id, exposed = Signer(salt=_SALT).unsign(value).split(".", 2)
                if version == _VERSION and visitor_id:
                    markers = {marker for marker in exposed.split("~") if marker}
                    return cls(id=visitor_id, exposed=markers, is_new=False)
            except (BadSignature, ValueError):
                pass
        return cls(id=new_visitor_id())


def read_visitor(request: HttpRequest) -> Visitor:
    """The visitor of a request, from its cookie."""
    return Visitor.from_cookie(request.COOKIES.get(settings.COOKIE_NAME))


def write_visitor(request: HttpRequest, response: HttpResponseBase, visitor: Visitor) -> None:
    """Set the visitor cookie: first-party, HttpOnly, SameSite=Lax."""
    secure = settings.COOKIE_SECURE
    response.set_cookie(
        settings.COOKIE_NAME,
        visitor.cookie_value(),
        max_age=settings.COOKIE_AGE_DAYS * 24 * 3600,
        domain=settings.COOKIE_DOMAIN,
        secure=request.is_secure() if secure is None else secure,
        httponly=True,
        samesite="Lax",
    )


def exposure_marker(experiment_id: int, unit_kind: str, unit: str) -> str:
    """What the cookie remembers of an exposure. A user's exposure is not the browser's."""
    return str(experiment_id) if unit_kind == "visitor" else f"{experiment_id}u{unit}"


def user_unit(request: HttpRequest) -> str | None:
    """The logged-in user as a unit, or None."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    return str(user.pk)
