"""What the built wheel contains: everything the app needs to run, and nothing of the demo shop."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import abtesting

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "abtesting"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the backend installed here, without a network."""
    folder = tmp_path_factory.mktemp("dist")
    finished = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=False,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    """Return the paths in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.mark.parametrize(
    "pattern",
    [
        "templates/**/*.html",
        "static/**/*.css",
        "static/**/*.js",
        "locale/*/LC_MESSAGES/django.mo",
        "migrations/*.py",
        "management/commands/*.py",
        "templatetags/*.py",
        "py.typed",
    ],
)
def test_the_wheel_has_every_file_of_a_kind(names: set[str], pattern: str) -> None:
    files = {path.relative_to(ROOT).as_posix() for path in PACKAGE.glob(pattern)}
    assert files, f"the package has no {pattern}"
    assert files <= names


def test_the_wheel_has_the_package_and_its_metadata_only(names: set[str]) -> None:
    tops = {name.split("/")[0] for name in names}
    assert tops == {"abtesting", f"django_abtesting-{abtesting.__version__}.dist-info"}


def test_the_wheel_has_the_licence(names: set[str]) -> None:
    assert f"django_abtesting-{abtesting.__version__}.dist-info/licenses/LICENSE" in names


def test_the_wheel_has_no_development_leftovers(names: set[str]) -> None:
    assert not {n for n in names if n.endswith((".pyc", ".orig", "~")) or "__pycache__" in n}
