"""Begins a call, feeds it, follows its events and prints what the human agent would be shown. Standard library only.

    python example.py URL KEY
"""

import json
import sys
import threading
import urllib.request
import uuid

CALL = [
    ("human_agent", "Hello, and welcome to Larkfield. What can I do for you today?"),
    ("end_user", "Hello. This month you charged me twice. I paid £42 two times."),
    ("human_agent", "I am so sorry to hear that. What is your account number?"),
    ("end_user", "LF902412. When will I have my money back?"),
]


class Attendant:
    def __init__(self, url, key):
        self.url = url.rstrip("/")
        self.key = key

    def open(self, method, path, body=None, input_id=None):
        """One request, and the answer as it comes."""
        headers = {"Authorization": f"Bearer {self.key}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if input_id is not None:
            # Sent again with the same id, an input counts once.
            headers["Idempotency-Key"] = str(input_id)
        data = None if body is None else json.dumps(body).encode()
        return urllib.request.urlopen(urllib.request.Request(f"{self.url}{path}", data, headers, method=method))

    def call(self, method, path, body=None, input_id=None):
        """One request, and the answer's JSON."""
        with self.open(method, path, body, input_id) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def events(self, conversation, after=0):
        """Numbered events until the conversation is over (server-sent events)."""
        with self.open("GET", f"/v1/conversations/{conversation}/events?after={after}") as stream:
            number, data = after, []
            for line in stream:
                line = line.decode().rstrip("\r\n")
                name, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if name == "id":
                    number = int(value)
                elif name == "data":
                    data.append(value)
                elif line == "" and data:
                    yield number, json.loads("\n".join(data))
                    data = []


def show(event):
    kind = event.get("type")
    if kind == "utterance_final":
        print(f"{event['role']}: {event['text']}")
    elif kind in ("suggestion", "coaching"):
        words = event.get("text") or event.get("title") or event.get("message") or event.get("action", {}).get("label")
        fields = [f"{one['name']}: {one['value']}" for one in event.get("values", [])]
        print(f"{event['kind']}: {', '.join(fields) or words}")


def main(url, key):
    attendant = Attendant(url, key)
    begun = attendant.call("POST", "/v1/conversations", {"channel": "voice"})
    conversation = begun["conversation"]["id"]

    def follow():
        for _, event in attendant.events(conversation):
            show(event)

    following = threading.Thread(target=follow)
    following.start()
    at = 0
    for role, text in CALL:
        said = {"role": role, "text": text, "start_ms": at, "end_ms": at + 3000}
        attendant.call("POST", f"/v1/conversations/{conversation}/utterances", said, uuid.uuid4())
        at += 3500
    attendant.call("POST", f"/v1/conversations/{conversation}/end", {}, uuid.uuid4())
    following.join()
    view = attendant.call("GET", f"/v1/conversations/{conversation}")
    print(f"utterances: {len(view['conversation']['transcript'])}, over: {view['ended']}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
