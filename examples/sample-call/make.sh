#!/usr/bin/env bash
# Speaks script.tsv with two synthetic voices and writes call.wav (stereo 8 kHz mu-law, agent left, customer
# right) and transcript.json (the same words with the times at which they are spoken).
#
#   ./make.sh            writes both files here
#   ./make.sh --check    writes to a temporary folder and fails unless the result is byte-identical
#
# The same espeak-ng and sox give the same bytes: nothing here is random (no dither, fixed resampler).
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")"

for tool in espeak-ng sox; do
    if ! command -v "$tool" >/dev/null; then
        echo "make.sh: '$tool' is missing; install it with: sudo apt-get install espeak-ng sox" >&2
        exit 1
    fi
done

readonly rate=8000
readonly max_bytes=1200000
# Chosen because small speech recognition models (Whisper tiny.en and base) understand them at 8 kHz.
readonly agent_voice=(-v en-us+Hugo -s 150)
readonly customer_voice=(-v en-us+f2 -s 150)
readonly agent_tone=(highpass 120)
readonly customer_tone=(treble -6 highpass 200)

check=false
case "${1:-}" in
    "") ;;
    --check) check=true ;;
    *)
        echo "usage: make.sh [--check]" >&2
        exit 2
        ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out=.
if $check; then
    out=$work/out
    mkdir "$out"
fi

samples() { echo $(($1 * rate / 1000)); }
milliseconds() { echo $(($1 * 1000 / rate)); }

# Appends the silence up to sample `start`, and then `file`, to the pieces of a track.
declare -A end=([agent]=0 [customer]=0)
declare -A pieces=([agent]="" [customer]="")
extend() {
    local speaker=$1 start=$2 file=$3 length=$4
    local gap=$((start - end[$speaker]))
    if ((gap < 0)); then
        echo "make.sh: $speaker cannot start turn '$file' while still speaking" >&2
        exit 1
    fi
    if ((gap > 0)); then
        sox -D -r $rate -c 1 -n -b 16 "$file.gap.wav" trim 0 "${gap}s"
        pieces[$speaker]+=" $file.gap.wav"
    fi
    pieces[$speaker]+=" $file"
    end[$speaker]=$((start + length))
}

n=0
now=0
turns=""
while IFS=$'\t' read -r speaker pause text spoken; do
    [[ -z $speaker || $speaker == \#* ]] && continue
    n=$((n + 1))
    case $speaker in
        agent) voice=("${agent_voice[@]}") tone=("${agent_tone[@]}") role=human_agent ;;
        customer) voice=("${customer_voice[@]}") tone=("${customer_tone[@]}") role=end_user ;;
        *)
            echo "make.sh: unknown speaker '$speaker' in script.tsv, line of turn $n" >&2
            exit 1
            ;;
    esac
    file=$work/$n.wav
    espeak-ng "${voice[@]}" -w "$work/raw.wav" "${spoken:-$text}"
    # The same peak for both voices, and no silence at either end, so that the times are true.
    sox -D -R "$work/raw.wav" -b 16 "$file" \
        rate -v $rate "${tone[@]}" norm -6 \
        silence 1 0.01 0.3% reverse silence 1 0.01 0.3% reverse
    length=$(soxi -s "$file")
    start=$((now + $(samples "$pause")))
    extend "$speaker" "$start" "$file" "$length"
    stop=$((start + length))
    now=$((stop > now ? stop : now))
    quoted=${text//\\/\\\\}
    quoted=${quoted//\"/\\\"}
    turns+=$(printf '%s    {"role": "%s", "start_ms": %d, "end_ms": %d, "text": "%s"}' "${turns:+,
}" $role "$(milliseconds $start)" "$(milliseconds $stop)" "$quoted")
done <script.tsv

total=$((now + $(samples 400)))
for speaker in agent customer; do
    # shellcheck disable=SC2086  # a list of paths without spaces
    sox -D ${pieces[$speaker]} "$work/$speaker.wav" pad 0 "$((total - end[$speaker]))s"
done
sox -D -M "$work/agent.wav" "$work/customer.wav" -e mu-law -b 8 "$out/call.wav"
cat >"$out/transcript.json" <<JSON
{
  "tenant": "larkfield",
  "channel": "voice",
  "language": "en",
  "turns": [
$turns
  ]
}
JSON

bytes=$(wc -c <"$out/call.wav")
if ((bytes > max_bytes)); then
    echo "make.sh: call.wav is $bytes bytes, more than $max_bytes; shorten script.tsv" >&2
    exit 1
fi
if $check; then
    for name in call.wav transcript.json; do
        cmp "$out/$name" "$name" || {
            echo "make.sh: $name is not what script.tsv gives with this espeak-ng and sox" >&2
            exit 1
        }
    done
    echo "call.wav and transcript.json are up to date"
else
    echo "call.wav: $(milliseconds $total) ms, $bytes bytes, $n turns"
fi
