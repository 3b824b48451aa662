"""The official package of OpenAI against our server: `openai_client.py URL KEY`.

Models, a conversation of two turns, a stream, a conversation by name, and errors as the package understands them.
"""

import sys

import openai

url, key = sys.argv[1:3]
client = openai.OpenAI(base_url=url + "/v1", api_key=key)

models = [model.id for model in client.models.list()]
assert models == ["attendant"], models

messages = [{"role": "user", "content": "When is a duplicate charge refunded?"}]
first = client.chat.completions.create(model="attendant", messages=messages)
said = first.choices[0].message.content
assert said and first.choices[0].finish_reason == "stop", first
assert first.usage.total_tokens == first.usage.prompt_tokens + first.usage.completion_tokens
conversation = first.model_extra["attendant"]["conversation_id"]
print("customer:", messages[0]["content"])
print("agent:   ", said)

messages += [
    {"role": "assistant", "content": said},
    {"role": "user", "content": "Thank you. And how long does a refund to my card take?"},
]
second = client.chat.completions.create(model="attendant", messages=messages)
assert second.model_extra["attendant"]["conversation_id"] == conversation, second
print("customer:", messages[-1]["content"])
print("agent:   ", second.choices[0].message.content)

pieces, usage = [], None
stream = client.chat.completions.create(
    model="attendant",
    messages=[{"role": "user", "content": "When is a duplicate charge refunded?"}],
    stream=True,
    stream_options={"include_usage": True},
)
for chunk in stream:
    if chunk.choices and chunk.choices[0].delta.content:
        pieces.append(chunk.choices[0].delta.content)
    usage = chunk.usage or usage
assert "".join(pieces) == said, (pieces, said)
assert usage and usage.completion_tokens > 0, usage
print(f"streamed in {len(pieces)} pieces")

for turn in ["Hello!", "I would like to speak to a person."]:
    named = client.chat.completions.create(
        model="attendant",
        messages=[{"role": "user", "content": turn}],
        metadata={"conversation_id": "openai-client-1"},
        user="customer-1",
    )
    assert named.model_extra["attendant"]["conversation_id"] == "openai-client-1"
print("agent:   ", named.choices[0].message.content)


def fails(kind, **change):
    request = {"model": "attendant", "messages": messages[:1], **change}
    try:
        client.with_options(max_retries=0).chat.completions.create(**request)
    except kind as error:
        return error
    raise AssertionError(f"{change} was accepted")


assert fails(openai.BadRequestError, n=2).param == "n"
assert fails(openai.BadRequestError, messages=[]).code == "invalid_value"
assert fails(openai.NotFoundError, model="gpt-5").code == "model_not_found"
try:
    client.with_options(api_key="nonsense").models.list()
    raise AssertionError("a wrong key came in")
except openai.AuthenticationError as error:
    assert error.code == "invalid_api_key", error
print("openai: fine")
