"""URL targeting: which pages an experiment is on, by simple patterns with * or by expressions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from abtesting.bucketing.regex import compile_regex

_WILDCARD = "_____"
_HOST_WITHOUT_SCHEME = re.compile(r"^([^:/?]*)\.")
_DEFAULT_PORTS = {"http": 80, "https": 443}

Matcher = Callable[[str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlTargets:
    """Patterns that include pages and patterns that exclude them; an exclusion outranks.

    With no pattern that includes, every page is included that none excludes; with no pattern at
    all, none is.
    """

    included: tuple[Matcher, ...]
    excluded: tuple[Matcher, ...]

    def matches(self, url: str) -> bool:
        """Whether the page is targeted.

        >>> targets = compile_url_targets([{"type": "simple", "pattern": "/shop/*"}])
        >>> targets.matches("https://example.com/shop/teapots"), targets.matches("/about/")
        (True, False)
        """
        if not (self.included or self.excluded) or any(match(url) for match in self.excluded):
            return False
        return not self.included or any(match(url) for match in self.included)


def compile_url_targets(targets: Sequence[Mapping[str, Any]]) -> UrlTargets:
    """Targets as clients get them: type ("simple" or "regex"), pattern, include."""
    included: list[Matcher] = []
    excluded: list[Matcher] = []
    for target in targets:
        match = _matcher(target.get("type"), target.get("pattern"))
        (excluded if target.get("include") is False else included).append(match)
    return UrlTargets(included=tuple(included), excluded=tuple(excluded))


def _matcher(kind: Any, pattern: Any) -> Matcher:
    if isinstance(pattern, str):
        try:
            if kind == "regex":
                return _regex_matcher(pattern)
            if kind == "simple":
                return _simple_matcher(pattern)
        except ValueError:
            pass  # as with the clients, what is no pattern matches nothing
    return lambda _: False


def _regex_matcher(pattern: str) -> Matcher:
    search = compile_regex(pattern).search

    def match(url: str) -> bool:
        page = _parsed(url)
        if page is None:
            return False
        path = _path_and_after(page)
        return bool(search(f"{page.scheme}://{_host(page)}{path}") or search(path))

    return match


def _simple_matcher(pattern: str) -> Matcher:
    # A host without its scheme is one on https; a pattern without a host is for any.
    text = _HOST_WITHOUT_SCHEME.sub(r"https://\1.", pattern).replace("*", _WILDCARD)
    expected = _parsed(text, host=_WILDCARD)
    if expected is None:
        raise ValueError(f"{pattern!r} is no address")
    host = _part(_host(expected))
    path = _part(expected.path or "/", is_path=True)
    fragment = _part(f"#{expected.fragment}") if expected.fragment else None
    query = [(k, _part(v)) for k, v in parse_qsl(expected.query, keep_blank_values=True)]

    def match(url: str) -> bool:
        page = _parsed(url)
        if page is None or not host(_host(page)) or not path(page.path or "/"):
            return False
        if fragment is not None and not fragment(f"#{page.fragment}" if page.fragment else ""):
            return False
        values: dict[str, str] = {}
        for key, value in parse_qsl(page.query, keep_blank_values=True):
            values.setdefault(key, value)
        return all(is_wanted(values.get(key, "")) for key, is_wanted in query)

    return match


def _part(pattern: str, *, is_path: bool = False) -> Matcher:
    if is_path:
        # With or without a slash at either end.
        pattern = pattern.removeprefix("/").removesuffix("/")
    text = re.escape(pattern).replace(_WILDCARD, "[^\\n\\r]*")
    search = re.compile(f"/?{text}/?" if is_path else text, re.IGNORECASE)
    return lambda actual: search.fullmatch(actual) is not None


def _parsed(url: str, host: str = "_") -> SplitResult | None:
    """The parts of an address; one without a host is taken as a path on `host`."""
    try:
        page = urlsplit(url)
        if not page.netloc:
            if page.scheme:
                return None
            path = url if url.startswith("/") else f"/{url}"
            page = urlsplit(f"https://{host}{path}")
        _host(page)  # a port that is no number makes it no address
    except ValueError:
        return None
    return page


def _host(page: SplitResult) -> str:
    host, port = page.hostname or "", page.port
    return host if port is None or port == _DEFAULT_PORTS.get(page.scheme) else f"{host}:{port}"


def _path_and_after(page: SplitResult) -> str:
    query = f"?{page.query}" if page.query else ""
    fragment = f"#{page.fragment}" if page.fragment else ""
    return f"{page.path or '/'}{query}{fragment}"
