"""A real browser for the tests here: the machine's own chromium, never a downloaded one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Page

LAUNCH_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder, so that no test here can be forgotten in a selection."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session", autouse=True)
def _queries_beside_the_event_loop() -> Iterator[None]:
    """Let Django query in this thread, where Playwright's synchronous API keeps an event loop."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Launch $CHROMIUM, or the chromium on PATH; a machine without one fails, it does not skip."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not chromium or not Path(chromium).exists():
        pytest.fail(
            f"The browser tests need chromium; found {chromium or 'none on PATH'}."
            " Install Debian's package (apt-get install chromium) or set CHROMIUM to its path.",
            pytrace=False,
        )
    return {**browser_type_launch_args, "executable_path": chromium, "args": list(LAUNCH_ARGS)}


@pytest.fixture
def page_problems() -> Iterator[Callable[..., None]]:
    """Watch pages, and fail the test for what their console says: a CSP violation, a script error.

    An answer with one of the statuses `allow_status` is expected.
    """
    problems: list[str] = []

    def watch(page: Page, *, allow_status: set[int] | None = None) -> None:
        expected = [f"status of {status}" for status in allow_status or ()]

        def hear(message: ConsoleMessage) -> None:
            is_expected = any(text in message.text for text in expected)
            if message.type in {"error", "warning"} and not is_expected:
                problems.append(f"{page.url}: {message.text}")

        page.on("console", hear)
        page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))

    yield watch
    assert not problems, "\n".join(problems)
