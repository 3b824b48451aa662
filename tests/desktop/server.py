"""Starts `attendant serve` on a free port, with a key of its own, and ends it again."""

import json
import os
import queue
import secrets
import subprocess
import threading
import time
import urllib.error
import urllib.request
import uuid


class Server:
    """A running server. `embedding` names a model of the cache, or "none" for a start without any weights."""

    def __init__(self, attendant, knowledge, embedding="none", config=None):
        self.key = f"test-{secrets.token_hex(16)}"
        command = [attendant, "serve", "--dev", "--listen", "127.0.0.1:0", "--knowledge", knowledge]
        command += ["--llm", "none", "--stt", "none", "--embedding", embedding]
        if config:
            command += ["--config", config]
        environment = {**os.environ, "ATTENDANT_DEV_KEY": self.key}
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        self.url = self._wait()

    def _wait(self, seconds=180):
        lines = queue.Queue()

        def read():
            # Goes on reading, so that the server never waits for a full pipe.
            for line in self.process.stdout:
                lines.put(line)
            lines.put("")

        threading.Thread(target=read, daemon=True).start()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                line = lines.get(timeout=1)
            except queue.Empty:
                continue
            if line == "":
                raise SystemExit(f"the server ended with {self.process.wait()}")
            if "listening on " in line:
                return line.split("listening on ", 1)[1].strip()
        raise SystemExit("the server does not say that it listens")

    def call(self, method, path, body=None):
        """One request; the answer's JSON."""
        request = urllib.request.Request(
            f"{self.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.key}",
                "Content-Type": "application/json",
                "Idempotency-Key": str(uuid.uuid4()),
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from error
        return json.loads(text) if text else None

    def stop(self):
        """As an operator does; what does not end by itself is told, and ended."""
        self.process.terminate()
        try:
            return self.process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
