#!/usr/bin/env bash
# Fetches what the browser tests need into the cache folder, and prints the Python that has it.
set -euo pipefail

cache="${XDG_CACHE_HOME:-$HOME/.cache}/attendant/desktop-test"
selenium=4.51.0
axe=4.14.1

mkdir -p "$cache"
if [ "$(cat "$cache/selenium" 2>/dev/null)" != "$selenium" ]; then
    echo "==> fetching selenium $selenium" >&2
    python3 -m venv "$cache/venv"
    "$cache/venv/bin/pip" --quiet --disable-pip-version-check install "selenium==$selenium" >&2
    echo "$selenium" >"$cache/selenium"
fi
if [ "$(cat "$cache/axe" 2>/dev/null)" != "$axe" ]; then
    echo "==> fetching axe-core $axe" >&2
    npm --silent --prefix "$cache" install --no-save --no-audit --no-fund --no-package-lock "axe-core@$axe" >&2
    echo "$axe" >"$cache/axe"
fi
echo "$cache/venv/bin/python"
