"""The official Python SDK of MCP against our server: `mcp_client.py URL KEY`, or `mcp_client.py -- PROGRAM ARGS...`.

Every tool is listed and called once; it ends with status 1 where an answer is not what it must be.
"""

import asyncio
import os
import sys

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

TRANSCRIPT = {
    "lines": [
        {"speaker": "agent", "text": "Hello, what can I do for you?"},
        {"speaker": "customer", "text": "I was charged twice this month. When is the 42 pounds refunded?"},
    ]
}
CALLS = {
    "summarize": ({"transcript": TRANSCRIPT}, "facts"),
    "suggest": ({"transcript": TRANSCRIPT}, "suggestions"),
    "next_best_action": ({"transcript": TRANSCRIPT, "limit": 2}, "actions"),
    "search_knowledge": ({"query": "When is a duplicate charge refunded?"}, "hits"),
}


async def check(client: Client) -> None:
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(tools) == set(CALLS), sorted(tools)
    for name, (arguments, field) in CALLS.items():
        assert tools[name].annotations.read_only_hint, f"{name} must say that it only reads"
        result = await client.call_tool(name, arguments)
        assert not result.is_error, (name, result.content)
        assert field in result.structured_content, (name, result.structured_content)
        print(f"{name}: {len(result.structured_content[field])} {field}")
    result = await client.call_tool("summarize", {})
    assert result.is_error and "give either" in result.content[0].text, result
    print("a call without a conversation is refused in words")


async def main() -> None:
    if sys.argv[1] == "--":
        program, *arguments = sys.argv[2:]
        server = StdioServerParameters(command=program, args=arguments, env=dict(os.environ))
        async with Client(server) as client:
            await check(client)
        return
    url, key = sys.argv[1:3]
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        async with Client(streamable_http_client(url, http_client=http)) as client:
            await check(client)
    async with httpx2.AsyncClient(timeout=60) as http:
        try:
            async with Client(streamable_http_client(url, http_client=http)) as client:
                await client.list_tools()
        except BaseException:  # The SDK wraps it in a group.
            print("without a key nobody comes in")
        else:
            raise AssertionError("somebody without a key came in")


asyncio.run(main())
