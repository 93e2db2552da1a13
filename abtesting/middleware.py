"""The request's edge: puts `request.abtesting` there, and stores what it gathered afterwards.

Lazy: a page that uses no experiment and tracks nothing has no cookie, no query and no header.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from abtesting.assignment import definitions
from abtesting.events.request import RequestExperiments


class AbtestingMiddleware:
    """Puts `request.abtesting` on the request; sync and async."""

    sync_capable = True
    async_capable = True

    def __init__(
        self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]
    ) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Serve the request in the mode of the chain."""
        return self._acall(request) if self.is_async else self._call(request)

    def _call(self, request: HttpRequest) -> HttpResponseBase:
        definitions.revalidate()
        experiments = RequestExperiments(request)
        request.abtesting = experiments  # type: ignore[attr-defined]  # added to Django's request
        response = self.get_response(request)
        assert isinstance(response, HttpResponseBase)
        if response.status_code < 500:
            experiments.flush()
        experiments.finish(response)
        return response

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        await sync_to_async(definitions.revalidate)()
        experiments = RequestExperiments(request)
        request.abtesting = experiments  # type: ignore[attr-defined]  # added to Django's request
        if any(definition.unit == "user" for definition in definitions.running()):
            await sync_to_async(lambda: experiments.user)()
        pending = self.get_response(request)
        assert not isinstance(pending, HttpResponseBase)
        response = await pending
        if response.status_code < 500:
            await sync_to_async(experiments.flush)()
        experiments.finish(response)
        return response
