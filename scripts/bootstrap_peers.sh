#!/bin/sh
# Makes .venv-peers: the engine's numpy and scipy beside the peers that the benchmarks compare it with.
#
# They have an environment of their own because gbstats 0.8.0 asks for pandas 1 and with it for an
# old numpy; its statistics run with the current ones, so it is installed without what it asks for.
set -eu
cd "$(dirname "$0")/.."

wanted="$(cat benchmarks/requirements.txt constraints.txt | cksum)"
stamp=.venv-peers/installed
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
    exit 0
fi
echo "Installing the peers in .venv-peers (some minutes the first time)"
"${PYTHON:-python3}" -m venv --clear .venv-peers
pip=".venv-peers/bin/python -m pip install --quiet --disable-pip-version-check"
$pip -c constraints.txt numpy scipy -r benchmarks/requirements.txt
$pip --no-deps gbstats==0.8.0
printf '%s\n' "$wanted" >"$stamp"
