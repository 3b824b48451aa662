#!/usr/bin/env bash
# Tests the agent desktop in a headless Chromium against `attendant serve`.
#   tests/desktop/run.sh BINARY [FOLDER] [options of test_desktop.py]
# FOLDER takes the screenshots. Selenium and axe-core are kept in the cache folder.
set -euo pipefail
cd "$(dirname "$0")/../.."

attendant=$1
shots=${2:-${TMPDIR:-/tmp}/attendant-desktop}
shift "$(($# < 2 ? $# : 2))"
python=$(bash tests/desktop/fetch.sh)
axe="$(dirname "$python")/../../node_modules/axe-core/axe.min.js"

"$python" tests/desktop/test_desktop.py --attendant "$attendant" --knowledge knowledge \
    --shots "$shots" --axe "$axe" "$@"
echo "==> screenshots are in $shots"
