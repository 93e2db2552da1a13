"""What an import costs: the package itself nothing, the web process no heavy library."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOAD_THE_WEB_PROCESS = """
import sys

class Refuse:
    '''Stands in front of the libraries that only a worker may load, installed or not.'''
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "transformers", "statsmodels", "pandas"}:
            raise AssertionError(f"the web process imports {name}")

sys.meta_path.insert(0, Refuse())
import django
django.setup()
from django.contrib import admin
from django.core.management import get_commands
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver
get_wsgi_application()
assert get_resolver().url_patterns
admin.autodiscover()
print(*sorted(sys.modules))
"""


def run_python(code: str, settings: str = "") -> list[str]:
    """Run the code in a fresh interpreter and return the words it prints."""
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={"PATH": "", "DJANGO_SETTINGS_MODULE": settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.split()


def test_importing_the_package_imports_nothing_else() -> None:
    code = (
        "import sys, __future__; before = set(sys.modules); import abtesting;"
        "print(*(set(sys.modules) - before))"
    )
    assert run_python(code) == ["abtesting"]


@pytest.mark.parametrize("package", ["bucketing", "statistics"])
def test_the_pure_packages_load_without_django(package: str) -> None:
    loaded = run_python(f"import sys, abtesting.{package}; print(*sys.modules)")
    assert "django" not in loaded


@pytest.mark.parametrize("settings", ["tests.projects.sqlite", "tests.projects.no_shop"])
def test_the_web_process_loads_no_heavy_library(settings: str) -> None:
    loaded = run_python(LOAD_THE_WEB_PROCESS, settings)
    assert "abtesting.middleware" in loaded
    # Its import alone takes four times as long as all of scipy.special.
    assert "scipy.stats" not in loaded
