"""The runner behind `make demo`: what it says when it can't go on, and that it stops its children.

It runs on stand-ins for manage.py, gunicorn and celery, which are quick and do what a test needs;
that it works with the real ones is checked by .ci/check_demo.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MANAGE = """
import pathlib, sys, time
with pathlib.Path("calls").open("a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
"""
GUNICORN = """
import http.server, os, pathlib, sys
pathlib.Path("web.pid").write_text(str(os.getpid()))
host, port = sys.argv[sys.argv.index("--bind") + 1].split(":")
http.server.ThreadingHTTPServer(
    (host, int(port)), http.server.SimpleHTTPRequestHandler
).serve_forever()
"""
CELERY = """
import os, pathlib, sys, time
service = "beat" if "beat" in sys.argv else "worker"
pathlib.Path(f"{service}.pid").write_text(str(os.getpid()))
time.sleep(60)
"""

SERVICES = {"web": "web server", "worker": "task worker", "beat": "task scheduler"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


class Demo:
    """A folder with the real runner and stand-ins for what it runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.var = folder / "var"
        self.port = free_port()
        self.processes: list[subprocess.Popen[str]] = []
        (folder / "shopdemo").mkdir()
        (folder / "shopdemo" / "__init__.py").touch()
        shutil.copy(ROOT / "shopdemo" / "demo.py", folder / "shopdemo" / "demo.py")
        self.write("manage.py", MANAGE)
        self.write("gunicorn.py", GUNICORN)
        self.write("celery.py", CELERY)

    def write(self, name: str, code: str) -> None:
        (self.folder / name).write_text(code)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "shopdemo.demo", *arguments],
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                "SHOPDEMO_VAR": str(self.var),
                "SHOPDEMO_PORT": str(self.port),
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def run(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        process = self.start(*arguments, **environment)
        output, errors = process.communicate(timeout=60)
        assert "Traceback" not in errors
        return process.returncode, output, errors

    def calls(self) -> list[str]:
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def start_serving(self) -> tuple[subprocess.Popen[str], dict[str, int]]:
        """Start the demo, wait until it serves; return it and the ids of its children."""
        process = self.start()
        assert process.stdout is not None
        for line in process.stdout:
            if "Ctrl-C" in line:
                break
        pids = {}
        for name in SERVICES:
            file = self.folder / f"{name}.pid"
            wait_until(lambda file=file: file.exists() and file.read_text() != "")
            pids[name] = int(file.read_text())
        return process, pids


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    demo = Demo(tmp_path)
    yield demo
    for process in demo.processes:
        process.kill()
        process.communicate()
    for name in SERVICES:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int((tmp_path / f"{name}.pid").read_text()), signal.SIGKILL)


def test_it_fills_the_shop_in_order(demo: Demo) -> None:
    status, output, _ = demo.run("--no-serve", SHOPDEMO_VISITORS="70")
    assert status == 0
    assert demo.calls() == [
        "migrate --no-input",
        "shopdemo_load",
        "shopdemo_experiments",
        "shopdemo_shoppers --visitors 70 --days 14 --seed 1",
        "abtesting_refresh",
        "collectstatic --no-input",
    ]
    assert "[6/6]" in output
    assert "The shop is ready" in output


def test_it_serves_the_shop_and_says_where(demo: Demo) -> None:
    process, _ = demo.start_serving()
    with urllib.request.urlopen(f"http://127.0.0.1:{demo.port}/", timeout=5) as response:
        assert response.status == 200
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert errors == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopping_it_stops_its_children(demo: Demo, number: signal.Signals) -> None:
    process, pids = demo.start_serving()
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert not any(is_running(pid) for pid in pids.values())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_killing_it_stops_its_children(demo: Demo) -> None:
    process, pids = demo.start_serving()
    process.kill()
    wait_until(lambda: not any(is_running(pid) for pid in pids.values()))
    status, _, errors = demo.run("--no-serve")
    assert status == 0, errors


@pytest.mark.parametrize("victim", SERVICES)
def test_a_child_that_dies_ends_the_others_and_is_named(demo: Demo, victim: str) -> None:
    process, pids = demo.start_serving()
    os.kill(pids[victim], signal.SIGKILL)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert f"The {SERVICES[victim]} failed" in errors
    assert not any(is_running(pid) for pid in pids.values())


def test_a_shop_that_answers_with_an_error_is_not_announced(demo: Demo) -> None:
    failing = "http.server.SimpleHTTPRequestHandler.do_GET = lambda self: self.send_error(500)\n"
    demo.write("gunicorn.py", GUNICORN.replace("host, port", failing + "host, port"))
    status, output, errors = demo.run()
    assert status == 1
    assert "status 500" in errors
    assert "Admin" not in output


def test_a_busy_port_is_told_before_the_long_work(demo: Demo) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", demo.port))
        other.listen()
        status, _, errors = demo.run()
    assert status == 1
    assert f"Port {demo.port}" in errors
    assert f"SHOPDEMO_PORT={demo.port + 1} make demo" in errors
    assert demo.calls() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SHOPDEMO_PORT", "http"),
        ("SHOPDEMO_PORT", "0"),
        ("SHOPDEMO_PORT", "65536"),
        ("SHOPDEMO_VISITORS", "-5"),
        ("SHOPDEMO_VISITORS", "many"),
    ],
)
def test_a_wrong_number_is_named_with_what_is_allowed(demo: Demo, name: str, value: str) -> None:
    status, _, errors = demo.run(**{name: value})
    assert status == 1
    assert f"{name}={value}" in errors
    assert "whole number from 1 to" in errors


def test_a_data_folder_that_can_not_be_written_is_named(demo: Demo) -> None:
    (demo.folder / "file").touch()
    status, _, errors = demo.run(SHOPDEMO_VAR=str(demo.folder / "file" / "var"))
    assert status == 1
    assert f"{demo.folder}/file/var, which can't be written to" in errors
    assert demo.calls() == []


def test_a_log_that_can_not_be_written_is_named(demo: Demo) -> None:
    log = demo.var / "log" / "migrate.log"
    log.mkdir(parents=True)
    status, _, errors = demo.run()
    assert status == 1
    assert str(log) in errors


def test_a_second_demo_on_the_same_data_is_refused(demo: Demo) -> None:
    demo.var.mkdir()
    with (demo.var / "demo.lock").open("w") as lock:
        lock.write("4711")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        status, _, errors = demo.run()
    assert status == 1
    assert "already running" in errors
    assert "4711" in errors
    assert demo.calls() == []


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("sqlite3.OperationalError: database or disk is full", "found the disk full"),
        ("OSError: [Errno 28] No space left on device", "found the disk full"),
        ("attempt to write a readonly database", "may not write the database"),
        ("CommandError: no such catalogue", "no such catalogue"),
    ],
)
def test_a_step_that_fails_says_why_and_ends_the_demo(
    demo: Demo, message: str, sentence: str
) -> None:
    demo.write("manage.py", MANAGE + f"'shopdemo_load' in sys.argv and sys.exit({message!r})\n")
    status, _, errors = demo.run()
    assert status == 1
    assert "`manage.py shopdemo_load`" in errors
    assert sentence in errors
    assert demo.calls() == ["migrate --no-input", "shopdemo_load"]


def test_stopping_it_in_a_step_stops_the_step(demo: Demo) -> None:
    demo.write("manage.py", MANAGE + "'shopdemo_load' in sys.argv and time.sleep(60)\n")
    process = demo.start()
    wait_until(lambda: len(demo.calls()) == 2)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "goes on from here" in output
    assert demo.calls() == ["migrate --no-input", "shopdemo_load"]
