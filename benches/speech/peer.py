"""Transcribes audio files with faster-whisper and prints one JSON object a line: audio, text, seconds.

Called by the speech bench: peer.py MODEL_FOLDER THREADS FILE...
"""

import json
import sys
import time

from faster_whisper import WhisperModel

folder, threads, *files = sys.argv[1:]
model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=int(threads), local_files_only=True)
list(model.transcribe(files[0], language="en", beam_size=1)[0])
for file in files:
    start = time.perf_counter()
    segments, _ = model.transcribe(file, language="en", beam_size=1)
    text = " ".join(segment.text.strip() for segment in segments)
    print(json.dumps({"audio": file, "text": text, "seconds": time.perf_counter() - start}), flush=True)
