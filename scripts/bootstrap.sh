#!/bin/sh
# Makes .venv and installs this project into it with one of its extras (demo or dev).
#
# Every `make` target starts here. It does nothing when pyproject.toml, constraints.txt and the
# version are what they were at the last installation, and it ends with a sentence when it can't.
set -eu

extra=${1:?usage: scripts/bootstrap.sh EXTRA, with EXTRA one of demo, dev}
cd "$(dirname "$0")/.."

venv=.venv
log=$venv/install.log
case $extra in
    demo) needed_mb=500 ;;
    *) needed_mb=900 ;;
esac
min_free_mb=${BOOTSTRAP_MIN_FREE_MB:-$needed_mb}

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

free_mb() {
    echo $(($(df -Pk . | awk 'NR == 2 { print $4 }') / 1024))
}

# A sentence a person can act on, from what venv or pip left in the log; the log's end when none fits.
explain() {
    if grep -q 'No space left on device' "$log" || [ "$(free_mb)" -lt 20 ]; then
        fail "The disk filled up while installing. Free some space and run the same command again."
    elif grep -qE 'ensurepip is not|No module named (venv|ensurepip)' "$log"; then
        fail "This Python can't make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"
    elif grep -qE 'Temporary failure in name resolution|Failed to establish a new connection|ConnectTimeoutError|ReadTimeoutError|Network is unreachable|Max retries exceeded|Name or service not known|ProxyError' "$log"; then
        fail "The package index can't be reached. Check the network (or pip's index setting) and run the same command again."
    elif grep -q 'Permission denied' "$log"; then
        fail "The folder $(pwd) can't be written to. See $log."
    fi
    tail -n 15 "$log" >&2
    fail "The installation failed; the lines above are the end of $log."
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        command -v "$PYTHON" >/dev/null 2>&1 || fail "PYTHON=$PYTHON: there is no such program."
        is_new_enough "$PYTHON" || fail "PYTHON=$PYTHON is $("$PYTHON" --version 2>&1 | head -n 1), and this project needs Python 3.11 or newer."
        echo "$PYTHON"
        return
    fi
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null 2>&1 && is_new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    if command -v python3 >/dev/null 2>&1; then
        fail "This project needs Python 3.11 or newer, and python3 is $(python3 --version 2>&1 | head -n 1). Install a newer one, or name it: PYTHON=python3.12 make …"
    fi
    fail "This project needs Python 3.11 or newer, and there is no python3 on PATH. On Debian and Ubuntu: apt-get install python3 python3-venv"
}

# Copies pip's lines to the log; on a terminal it also counts the packages in place.
follow() {
    num_packages=0
    started=$(date +%s)
    while IFS= read -r line; do
        printf '%s\n' "$line" >>"$log"
        case $line in
            Collecting* | 'Requirement already satisfied'*) num_packages=$((num_packages + 1)) ;;
            'Installing collected packages'*) num_packages="$num_packages, unpacking" ;;
            *) continue ;;
        esac
        [ -t 1 ] && printf '\r  packages: %s, %s s   ' "$num_packages" "$(($(date +%s) - started))"
    done
    [ -t 1 ] && printf '\n'
    return 0
}

# What is installed, or an older installation's, or nothing: the stamp says which.
wanted="$(cat pyproject.toml constraints.txt abtesting/__init__.py | cksum) $(pwd)"
is_installed() {
    [ -f "$venv/installed-$1" ] && [ "$(cat "$venv/installed-$1")" = "$wanted" ]
}
# dev brings all that demo needs.
if [ -x "$venv/bin/python" ] && { is_installed "$extra" || is_installed dev; }; then
    exit 0
fi

if [ "$(free_mb)" -lt "$min_free_mb" ]; then
    fail "The packages need about $min_free_mb MB, and the disk of $(pwd) has $(free_mb) MB free."
fi

if ! { is_new_enough "$venv/bin/python" && "$venv/bin/python" -m pip --version >/dev/null 2>&1; }; then
    python=$(find_python)
    echo "Making a virtual environment in $venv with $("$python" --version)"
    mkdir -p "$venv" 2>/dev/null || fail "The folder $(pwd) can't be written to."
    output=$("$python" -m venv --clear "$venv" 2>&1) && made=yes || made=no
    mkdir -p "$venv"
    printf '%s\n' "$output" >"$log"
    [ "$made" = yes ] || explain
fi

echo "Installing the packages (some minutes the first time; log in $log)"
rm -f "$venv/installed-$extra"
: >"$log"
{
    "$venv/bin/python" -m pip install --progress-bar off -c constraints.txt -e ".[$extra]" 2>&1 &&
        printf '%s\n' "$wanted" >"$venv/installed-$extra"
} | follow
is_installed "$extra" || explain
