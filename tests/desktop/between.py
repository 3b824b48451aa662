"""A server between the browser and the real one: it passes everything on, writes it down, and can answer instead."""

import http.client
import http.server
import json
import queue
import re
import threading
import urllib.parse


class Between:
    """`answer` gives the next requests that fit an answer of ours, `stream` puts events of ours in place of a conversation's."""

    def __init__(self, url):
        self.target = urllib.parse.urlsplit(url).netloc
        self.rules = []
        self.streams = {}
        self.requests = []
        self.refuses = False
        between = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def pass_on(self):
                between._handle(self)

            do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = pass_on

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, method, path, status, body=None, times=1, headers=None):
        """What fits (a pattern of the whole path) is answered by this, so many times; for ever where it is None."""
        self.rules.append([method, re.compile(path), status, body, times, headers or {}])

    def stream(self, conversation):
        """Events of ours for a conversation: `put((number, event))` tells one, a `resync` where it has no type."""
        return self.streams.setdefault(conversation, queue.Queue())

    def sent(self, method, path):
        """The bodies and answers of the requests that fit, in order."""
        return [(body, status) for m, p, body, status in list(self.requests) if m == method and re.fullmatch(path, p)]

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def _handle(self, request):
        path = request.path.split("?")[0]
        length = int(request.headers.get("Content-Length") or 0)
        body = request.rfile.read(length) if length else None
        noted = json.loads(body) if body else None
        ours = self._ours(request.command, path)
        if ours:
            self.requests.append((request.command, path, noted, ours[2]))
            self._reply(request, ours[2], json.dumps(ours[3] or {}).encode(), ours[5])
            return
        events = re.fullmatch(r"/v1/conversations/([^/]+)/events", path)
        if events and events[1] in self.streams:
            self._tell(request, self.streams[events[1]])
            return
        there = http.client.HTTPConnection(self.target)
        headers = {k: v for k, v in request.headers.items() if k.lower() not in ("connection", "host")}
        there.request(request.command, request.path, body, headers)
        answer = there.getresponse()
        self.requests.append((request.command, path, noted, answer.status))
        request.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "date", "server"):
                request.send_header(name, value)
        if answer.length is None and answer.status not in (204, 304):
            request.send_header("Connection", "close")
            request.close_connection = True
        request.end_headers()
        try:
            while data := answer.read1(65536):
                request.wfile.write(data)
                request.wfile.flush()
        except OSError:
            pass
        there.close()

    def _ours(self, method, path):
        if self.refuses and path.startswith("/v1/"):
            return [None, None, 401, {"title": "Unauthorized", "detail": "the key has expired"}, 0, {}]
        for rule in self.rules:
            if rule[0] == method and rule[1].fullmatch(path) and rule[4] != 0:
                rule[4] = None if rule[4] is None else rule[4] - 1
                return rule
        return None

    def _reply(self, request, status, body, headers):
        request.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    def _tell(self, request, events):
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.send_header("Connection", "close")
        request.close_connection = True
        request.end_headers()
        request.wfile.write(b": ours\n\n")
        while True:
            number, event = events.get()
            if event is None:
                return
            name = event.get("type", "resync")
            request.wfile.write(f"id: {number}\nevent: {name}\ndata: {json.dumps(event)}\n\n".encode())
            request.wfile.flush()
