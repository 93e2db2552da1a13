"""What `make demo` runs: fills the shop, starts its web server and task worker, and stops them.

Each step is a management command that may be interrupted at any moment and run again, so the whole
may be too. Only the standard library is used here: the work is done by the processes started.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
DEFAULT_PORT = 8000
DEFAULT_NUM_VISITORS = 2400
NUM_DAYS = 14
MIN_FREE_MB = 200
START_SECONDS = 60
STOP_SECONDS = 10
REPORT_SECONDS = 10  # between two lines of progress where there is no terminal


class DemoError(Exception):
    """Why the demo can't go on, as one sentence for the person who started it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One management command on the way to a full shop."""

    label: str
    command: tuple[str, ...]


def steps(num_visitors: int) -> list[Step]:
    """Return what fills the shop, in order."""
    return [
        Step(label="Preparing the database", command=("migrate", "--no-input")),
        Step(label="Filling the shelves", command=("shopdemo_load",)),
        Step(label="Setting up the experiment", command=("shopdemo_experiments",)),
        Step(
            label=f"Sending {num_visitors} shoppers through the shop",
            command=(
                *("shopdemo_shoppers", "--visitors", str(num_visitors)),
                *("--days", str(NUM_DAYS), "--seed", "1"),
            ),
        ),
        Step(label="Computing the results", command=("abtesting_refresh",)),
        Step(label="Collecting static files", command=("collectstatic", "--no-input")),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and return the exit status: 0 unless it could not do its work."""
    parser = argparse.ArgumentParser(prog="make demo", description="Fill the demo shop, serve it.")
    parser.add_argument("--no-serve", action="store_true", help="stop once the shop is filled")
    options = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        _run(serve=not options.no_serve)
    except DemoError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"The demo can't go on: {error}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. `make demo` goes on from here.")
    return 0


def _run(*, serve: bool) -> None:
    port = _number("SHOPDEMO_PORT", DEFAULT_PORT, highest=65_535)
    num_visitors = _number("SHOPDEMO_VISITORS", DEFAULT_NUM_VISITORS, highest=1_000_000)
    var = Path(os.environ.get("SHOPDEMO_VAR", ROOT / "var")).resolve()
    _check_disk(var)
    with _only_one(var):
        if serve:
            _check_port(port)
        started = time.monotonic()
        to_do = steps(num_visitors)
        for position, step in enumerate(to_do, start=1):
            _do(step, heading=f"[{position}/{len(to_do)}] {step.label}", logs=var / "log")
        print(f"The shop is ready after {time.monotonic() - started:.0f} s.", flush=True)
        if serve:
            _serve(port, logs=var / "log")


# Before the long work


def _number(name: str, default: int, *, highest: int) -> int:
    text = os.environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= highest):
        raise DemoError(f"{name}={text}: it has to be a whole number from 1 to {highest}.")
    return int(text)


def _check_disk(var: Path) -> None:
    probe = var / ".probe"
    try:
        (var / "log").mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"x" * 4096)
        probe.unlink()
    except OSError as error:
        raise DemoError(
            f"The demo keeps its data in {var}, which can't be written to: {error.strerror}."
            " Another folder can be named: SHOPDEMO_VAR=… make demo"
        ) from error
    free_mb = shutil.disk_usage(var).free // 2**20
    if free_mb < MIN_FREE_MB:
        raise DemoError(f"The demo needs {MIN_FREE_MB} MB; the disk of {var} has {free_mb} MB.")


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        # As the server will: a port that an ended program has just left is not busy.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError as error:
            raise DemoError(
                f"Port {port} on {HOST} is not allowed to you. Choose one from 1024 up:"
                f" SHOPDEMO_PORT={DEFAULT_PORT} make demo"
            ) from error
        except OSError as error:
            raise DemoError(
                f"Port {port} on {HOST} is in use by another program. Stop it, or choose another"
                f" port: SHOPDEMO_PORT={port + 1 if port < 65_535 else DEFAULT_PORT} make demo"
            ) from error


@contextmanager
def _only_one(var: Path) -> Iterator[None]:
    """Hold the data folder for this process; the system lets go of it however the process ends."""
    with (var / "demo.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise DemoError(
                f"The demo is already running on {var} (process {lock.read().strip()}). Stop it"
                " with Ctrl-C, or run a second one: SHOPDEMO_VAR=… SHOPDEMO_PORT=… make demo"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


# Processes


def _start(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "shopdemo.settings",
        "PYTHONUNBUFFERED": "1",  # what a command says last is shown while it works
    }
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603 (only our own commands are started)
            [sys.executable, *command],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C reaches this process alone, which then stops the others in order.
            start_new_session=True,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 (this process has one thread)
        )


def _end_with_parent() -> None:
    """On Linux, have the system stop this child when the demo is killed and can't do it itself."""
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)


def _stop_all(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    try:
        for process in processes:
            process.wait(timeout=max(0.0, deadline - time.monotonic()))
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        for process in processes:
            process.kill()
            process.wait()


# The work


def _do(step: Step, *, heading: str, logs: Path) -> None:
    log = logs / f"{step.command[0]}.log"
    on_terminal = sys.stdout.isatty()
    print(heading, end="" if on_terminal else "\n", flush=True)
    started = reported = time.monotonic()
    process = _start(["manage.py", *step.command], log)
    try:
        while process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.2)
            now = time.monotonic()
            if now - reported >= (1 if on_terminal else REPORT_SECONDS):
                reported = now
                line = f"{heading}: {now - started:.0f} s  {_last_line(log)}"
                if on_terminal:
                    print("\r\x1b[K" + line[: shutil.get_terminal_size().columns - 1], end="")
                else:
                    print(f"  {line}")
                sys.stdout.flush()
    finally:
        _stop_all([process])
    if process.returncode:
        print(flush=True)
        raise DemoError(_why(log, what=f"`manage.py {step.command[0]}`"))
    done = f"{heading}: done in {time.monotonic() - started:.0f} s"
    print(f"\r\x1b[K{done}" if on_terminal else f"  {done}", flush=True)


def _last_line(log: Path) -> str:
    """Return what the command said last: its own progress, where it shows some."""
    lines = log.read_bytes()[-500:].decode(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _why(log: Path, *, what: str) -> str:
    text = log.read_bytes()[-5000:].decode(errors="replace")
    # On a full disk not even the reason can be written down.
    if (
        "No space left on device" in text
        or "database or disk is full" in text
        or shutil.disk_usage(log.parent).free < 2**20
    ):
        return (
            f"{what} found the disk full. Free some space, then run `make demo` again:"
            " it goes on from here."
        )
    if "readonly database" in text or "unable to open database file" in text:
        return f"{what} may not write the database under {log.parent.parent}."
    end = "\n".join(f"    {line}" for line in text.splitlines()[-8:])
    return f"{what} failed. The end of {log}:\n{end}"


def _serve(port: int, *, logs: Path) -> None:
    address = f"http://{HOST}:{port}/"
    commands = {
        "web": (
            *("-m", "gunicorn", "shopdemo.wsgi", "--bind", f"{HOST}:{port}"),
            *("--worker-class", "gthread", "--workers", "2", "--threads", "4"),
            "--no-control-socket",
        ),
        "worker": (
            *("-m", "celery", "--app", "shopdemo", "worker", "--pool", "solo"),
            *("--loglevel", "INFO", "--without-gossip", "--without-mingle", "--without-heartbeat"),
        ),
        # Not inside the worker (--beat): there it would outlive a worker that is killed.
        "beat": (
            *("-m", "celery", "--app", "shopdemo", "beat", "--loglevel", "INFO"),
            *("--schedule", str(logs.parent / "beat-schedule"), "--pidfile="),
        ),
    }
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands.items():
            processes[name] = _start(command, logs / f"{name}.log")
        _wait_for(address, processes, logs=logs)
        password = "your own" if os.environ.get("SHOPDEMO_ADMIN_PASSWORD") else "demo"
        print(
            f"\n  Shop    {address}\n  Admin   {address}admin/   login admin, password {password}\n"
            f"  Logs    {logs}\n\nCtrl-C stops the shop and its task worker.",
            flush=True,
        )
        while True:
            _check_alive(processes, logs=logs)
            time.sleep(0.5)
    finally:
        _stop_all(list(processes.values()))


def _check_alive(processes: dict[str, subprocess.Popen[bytes]], *, logs: Path) -> None:
    names = {"web": "The web server", "worker": "The task worker", "beat": "The task scheduler"}
    for name, process in processes.items():
        if process.poll() is not None:
            raise DemoError(_why(logs / f"{name}.log", what=names[name]))


def _wait_for(address: str, processes: dict[str, subprocess.Popen[bytes]], *, logs: Path) -> None:
    """Return once the shop answers; a proxy set for the outside world is not asked."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        _check_alive(processes, logs=logs)
        try:
            with opener.open(address, timeout=5):
                return
        except urllib.error.HTTPError as error:
            raise DemoError(
                f"The shop answered {address} with status {error.code}; see {logs / 'web.log'}."
            ) from error
        except OSError:
            time.sleep(0.2)
    raise DemoError(f"The shop did not answer within {START_SECONDS} s; see {logs / 'web.log'}.")


if __name__ == "__main__":
    sys.exit(main())
