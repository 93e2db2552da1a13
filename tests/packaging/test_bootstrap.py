"""What scripts/bootstrap.sh says when it can't make .venv: a sentence, and no half-made state."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = "awk cat cksum date df dirname grep head mkdir printf rm sh sleep tail touch"


class Checkout:
    """A copy of what the bootstrap reads, and a PATH with only the programs a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        self.bin = folder / "bin"
        for name in (
            "scripts/bootstrap.sh",
            "pyproject.toml",
            "constraints.txt",
            "abtesting/__init__.py",
        ):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)
        self.bin.mkdir()
        for tool in TOOLS.split():
            found = shutil.which(tool)
            assert found, f"this machine has no {tool}"
            (self.bin / tool).symlink_to(found)

    def add_program(self, name: str, script: str) -> None:
        """Put a shell script on PATH."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def bootstrap(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the bootstrap as `make demo` does."""
        return subprocess.run(
            ["scripts/bootstrap.sh", "demo"],
            cwd=self.root,
            env={"PATH": str(self.bin), "LC_ALL": "C", **environment},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Return a checkout without a .venv."""
    return Checkout(tmp_path)


OLD_PYTHON = """
case "$1" in
    --version) echo "Python 3.9.2" ;;
    *) exit 1 ;;
esac
"""


def new_python(then: str) -> str:
    """Return a python3 that is new enough, and does `then` when asked for anything else."""
    return f"""
case "$1" in
    --version) echo "Python 3.11.2"; exit ;;
    -c) exit 0 ;;
esac
{then}
"""


# A venv whose pip prints a line and fails.
VENV_WITH_FAILING_PIP = """
[ "$2" = venv ] || exit 1
mkdir -p "$4/bin"
printf '%s\\n' '#!/bin/sh' 'case "$*" in *install*) echo "$PIP_SAYS" >&2; exit 1 ;; esac' \\
    >"$4/bin/python"
{chmod} +x "$4/bin/python"
"""


def assert_sentence(finished: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert finished.returncode == 1
    for part in parts:
        assert part in finished.stderr
    assert "Traceback" not in finished.stderr + finished.stdout


def test_no_python_is_a_sentence(checkout: Checkout) -> None:
    assert_sentence(checkout.bootstrap(), "Python 3.11 or newer", "no python3 on PATH")


def test_an_old_python_is_named_with_its_version(checkout: Checkout) -> None:
    checkout.add_program("python3", OLD_PYTHON)
    assert_sentence(checkout.bootstrap(), "Python 3.11 or newer", "Python 3.9.2")


def test_an_old_python_that_was_asked_for_is_refused(checkout: Checkout) -> None:
    checkout.add_program("python3.9", OLD_PYTHON)
    assert_sentence(checkout.bootstrap(PYTHON="python3.9"), "PYTHON=python3.9", "Python 3.9.2")


def test_a_python_that_does_not_exist_is_named(checkout: Checkout) -> None:
    assert_sentence(checkout.bootstrap(PYTHON="python7"), "PYTHON=python7: there is no such")


def test_a_newer_python_beside_an_old_one_is_found(checkout: Checkout) -> None:
    checkout.add_program("python3", OLD_PYTHON)
    checkout.add_program("python3.12", new_python("echo 'No module named venv'; exit 1"))
    assert_sentence(checkout.bootstrap(), "python3-venv")


def test_debian_without_the_venv_package_names_the_package(checkout: Checkout) -> None:
    message = "The virtual environment was not created because ensurepip is not available."
    checkout.add_program("python3", new_python(f"echo '{message}'; exit 1"))
    assert_sentence(checkout.bootstrap(), "apt-get install python3-venv")


def test_too_little_disk_is_told_before_anything_is_made(checkout: Checkout) -> None:
    checkout.add_program("python3", new_python("exit 1"))
    finished = checkout.bootstrap(BOOTSTRAP_MIN_FREE_MB="999999999")
    assert_sentence(finished, "999999999 MB", "MB free")
    assert not (checkout.root / ".venv").exists()


@pytest.mark.parametrize(
    ("pip_says", "sentence"),
    [
        ("ERROR: [Errno 28] No space left on device", "The disk filled up"),
        (
            "Retrying after connection broken by 'NewConnectionError: Failed to establish a new"
            " connection: [Errno -3] Temporary failure in name resolution'",
            "The package index can't be reached",
        ),
        ("something nobody foresaw", "something nobody foresaw"),
    ],
)
def test_what_pip_says_becomes_a_sentence(checkout: Checkout, pip_says: str, sentence: str) -> None:
    script = VENV_WITH_FAILING_PIP.replace("{chmod}", str(shutil.which("chmod")))
    checkout.add_program("python3", new_python(script))
    finished = checkout.bootstrap(PIP_SAYS=pip_says)
    assert_sentence(finished, sentence)
    assert not list(checkout.root.glob(".venv/installed-*"))


def test_an_installation_that_is_up_to_date_is_left_alone(checkout: Checkout) -> None:
    script = VENV_WITH_FAILING_PIP.replace("exit 1 ;; esac", "exit 0 ;; esac")
    checkout.add_program(
        "python3", new_python(script.replace("{chmod}", str(shutil.which("chmod"))))
    )
    first = checkout.bootstrap()
    assert first.returncode == 0, first.stderr
    assert "Installing" in first.stdout
    assert checkout.bootstrap().stdout == ""

    with (checkout.root / "constraints.txt").open("a") as file:
        file.write("# changed\n")
    assert "Installing" in checkout.bootstrap().stdout
