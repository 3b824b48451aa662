#!/usr/bin/env bash
# Tests the agent desktop in a headless Chromium against `attendant serve`.
#   tests/desktop/run.sh BINARY [FOLDER] [options of test_desktop.py]
# FOLDER takes the screenshots. Selenium and axe-core are kept in the cache folder.
set -euo pipefail
cd "$(dirname "$0")/../.."

attendant=$1
shots=${2:-${TMPDIR:-/tmp}/attendant-desktop}
shift "$(($# < 2 ? $# : 2))"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/attendant/desktop-test"
selenium=4.51.0
axe=4.14.1

mkdir -p "$cache"
if [ "$(cat "$cache/selenium" 2>/dev/null)" != "$selenium" ]; then
    echo "==> fetching selenium $selenium"
    python3 -m venv "$cache/venv"
    "$cache/venv/bin/pip" --quiet --disable-pip-version-check install "selenium==$selenium"
    echo "$selenium" >"$cache/selenium"
fi
if [ "$(cat "$cache/axe" 2>/dev/null)" != "$axe" ]; then
    echo "==> fetching axe-core $axe"
    npm --silent --prefix "$cache" install --no-save --no-audit --no-fund "axe-core@$axe"
    echo "$axe" >"$cache/axe"
fi

"$cache/venv/bin/python" tests/desktop/test_desktop.py --attendant "$attendant" --knowledge knowledge \
    --shots "$shots" --axe "$cache/node_modules/axe-core/axe.min.js" "$@"
echo "==> screenshots are in $shots"
