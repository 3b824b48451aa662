"""Embeds texts with fastembed and prints one JSON object: passages a second, milliseconds a query, some vectors.

Called by the bench: peer.py MODEL_FOLDER TEXTS THREADS, where TEXTS is a JSON file with passages and queries. Of several
batch sizes and rounds the best counts.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from export import export
from fastembed import TextEmbedding

ROUNDS = 3

source, texts, threads = sys.argv[1:]
texts = json.loads(Path(texts).read_text())
with tempfile.TemporaryDirectory() as folder:
    export(source, folder)
    model = TextEmbedding(
        "sentence-transformers/all-MiniLM-L6-v2", specific_model_path=folder, threads=int(threads), lazy_load=False
    )
passages, queries = texts["passages"], texts["queries"]
vectors = list(model.embed(passages[:2])) + list(model.embed(queries[:2]))
rates = {}
for size in (4, 16, 256):
    for _ in range(ROUNDS):
        start = time.perf_counter()
        count = len(list(model.embed(passages, batch_size=size)))
        rates[size] = max(rates.get(size, 0.0), count / (time.perf_counter() - start))
print(f"fastembed, passages a second by batch size: {rates}", file=sys.stderr)
times = []
for query in queries:
    start = time.perf_counter()
    list(model.embed([query]))
    times.append(time.perf_counter() - start)
print(
    json.dumps(
        {
            "per_s": max(rates.values()),
            "query_ms": sorted(times)[len(times) // 2] * 1e3,
            "vectors": [[float(x) for x in vector] for vector in vectors],
        }
    )
)
