#!/usr/bin/env bash
# Installs what `make bench-knowledge` measures itself against, into the cache folder: fastembed (on ONNX runtime) from
# PyPI, in a virtual environment of its own. Its model is not downloaded: the bench writes one of the weights that ours
# has. Quick when it is there.
# Prints the folder on standard output; everything else goes to standard error.
set -euo pipefail

folder="${XDG_CACHE_HOME:-$HOME/.cache}/attendant/peers/knowledge-1"
if [ ! -f "$folder/done" ]; then
    {
        echo "==> installing fastembed (once)"
        rm -rf "$folder"
        mkdir -p "$folder"
        python3 -m venv "$folder/venv"
        "$folder/venv/bin/pip" install --quiet fastembed==0.9.1 onnx==1.23.2
        touch "$folder/done"
    } >&2
fi
echo "$folder"
