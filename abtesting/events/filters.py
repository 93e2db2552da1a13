"""Whom not to count: programs that say in their user agent that they are not a person."""

from __future__ import annotations

import re
from functools import lru_cache

_BOT = re.compile(
    # Cubot makes telephones.
    r"(?<!cu)bot\b|(?<!cu)bot[/_;-]|crawl|spider|slurp|archiver|facebookexternalhit|embedly|preview|"
    r"monitor|pingdom|uptime|lighthouse|headlesschrome|phantomjs|scrapy|"
    r"curl/|wget/|python-requests|python-urllib|httpx/|aiohttp/|go-http-client|java/|libwww",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def is_bot(user_agent: str) -> bool:
    """Whether a user agent is empty or that of a crawler, monitor or HTTP library.

    >>> is_bot("Mozilla/5.0 (compatible; Googlebot/2.1)"), is_bot("Mozilla/5.0 (X11; Linux x86_64)")
    (True, False)
    """
    return not user_agent.strip() or _BOT.search(user_agent) is not None
