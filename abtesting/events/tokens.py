"""Signed unit tokens: what lets a browser say "this was me" and nothing else."""

from __future__ import annotations

from django.core import signing

from abtesting.conf import settings
from abtesting.exceptions import InvalidTokenError

_SALT = "abtesting.unit-token"


def issue_token(visitor: str) -> str:
    """A token for this visitor, valid for TOKEN_AGE_SECONDS."""
    return signing.TimestampSigner(salt=_SALT).sign(visitor)


def read_token(token: object) -> str:
    """The visitor of a token.

    Raises:
        InvalidTokenError: It is no text, was not issued here, was changed, or is too old.
    """
    if not isinstance(token, str) or not token:
        raise InvalidTokenError(
            "token is missing; allowed: the text in the page's abtesting meta tag"
        )
    try:
        return signing.TimestampSigner(salt=_SALT).unsign(token, max_age=settings.TOKEN_AGE_SECONDS)
    except signing.SignatureExpired as error:
        raise InvalidTokenError("token is too old; load the page again") from error
    except (signing.BadSignature, UnicodeEncodeError) as error:
        raise InvalidTokenError("token was not issued by this site") from error
