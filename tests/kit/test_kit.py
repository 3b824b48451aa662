"""The clients of `clients/` against the real server: what they print, and what they show in a browser.

    python test_kit.py --attendant BINARY --knowledge FOLDER --node-modules FOLDER
"""

import argparse
import functools
import http.server
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "desktop"))

from between import Between  # noqa: E402
from browser import Browser  # noqa: E402
from server import Server  # noqa: E402


def run(*command, cwd=ROOT):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}"
    return done.stdout


def python_example(server):
    printed = run(sys.executable, "clients/python/example.py", server.url, server.key)
    assert printed.count("end_user: ") == 2, printed
    assert "utterances: 4, over: True" in printed, printed
    assert "article: " in printed or "next_best_action: " in printed, printed


def typescript_example(server, modules):
    """Types are made of the document that the server tells, then the example has to compile against them."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for name in ("attendant.ts", "example.ts", "package.json", "tsconfig.json"):
            shutil.copy(ROOT / "clients" / "typescript" / name, work)
        (work / "node_modules").symlink_to(modules)
        run("npm", "run", "--silent", "generate", "--", f"{server.url}/openapi.json", "-o", "schema.ts", cwd=work)
        run("npm", "run", "--silent", "build", cwd=work)
        printed = run("node", "dist/example.js", server.url, server.key, cwd=work)
        assert printed.count("end_user: ") == 1 and "utterances: 1" in printed, printed
        assert "refused: 404 not_found" in printed, printed
        # The types are worth something: what the server does not know does not compile.
        wrong = (work / "example.ts").read_text().replace('channel: "chat"', 'channel: "pigeon"')
        (work / "example.ts").write_text(wrong)
        tried = subprocess.run(["npm", "run", "--silent", "build"], cwd=work, capture_output=True, text=True, timeout=300)
        assert tried.returncode != 0 and "pigeon" in tried.stdout, tried.stdout


def widget(server, browser, origin):
    between = Between(server.url)
    conversation = server.call("POST", "/v1/conversations", {"channel": "chat"})["conversation"]["id"]
    say = {"role": "end_user", "text": "You charged me twice this month. When will I have my money back?"}
    server.call("POST", f"/v1/conversations/{conversation}/utterances", say)
    query = urllib.parse.urlencode({"server": between.url, "conversation": conversation, "key": server.key})
    browser.open(f"{origin}/index.html?{query}")
    card = browser.find("attendant-suggestions button", 60)
    words = card.text
    card.click()
    browser.wait(lambda: browser.text("#taken") == words, 10, "the host to take the words over")
    # Whatever it was, it is told to the server, once, and after the end of the conversation too.
    server.call("POST", f"/v1/conversations/{conversation}/end", {})
    for card in browser.all("attendant-suggestions button"):
        card.click()
        card.click()
    fed_back = lambda: between.sent("POST", f"/v1/conversations/{conversation}/feedback")
    cards = len(browser.all("attendant-suggestions button"))
    browser.wait(lambda: len(fed_back()) >= cards, 10, "all to be told")
    assert cards > 1 and len(fed_back()) == cards and all(status == 202 for _, status in fed_back()), fed_back()
    between.close()
    problems = browser.problems()
    assert not problems, problems


def frame(server, browser, origin):
    """The whole desk in a frame of the host's page: what is taken over is told to the host, and to nobody else."""
    conversation = server.call("POST", "/v1/conversations", {"channel": "voice"})["conversation"]["id"]
    say = {"role": "end_user", "text": "You charged me twice this month. When will I have my money back?"}
    server.call("POST", f"/v1/conversations/{conversation}/utterances", say)
    browser.open(f"{origin}/index.html?server={server.url}&conversation={conversation}&key={server.key}")
    desk = f"{server.url}/desktop?conversation={conversation}&access_token={server.key}"
    browser.driver.execute_script(
        """window.told = [];
           addEventListener("message", ({ data, origin }) => told.push({ ...data, origin }));
           const frame = document.createElement("iframe");
           Object.assign(frame, { src: arguments[0], width: 1200, height: 700, allow: "clipboard-write" });
           document.body.append(frame);""", desk)
    browser.driver.switch_to.frame(browser.find("iframe"))
    card = browser.find("#cards .card-article.is-open", 60)
    title = card.find_element("css selector", ".card-title").text
    browser.driver.execute_script("arguments[0].focus()", card)
    browser.press("a")
    browser.find("#cards .card-article.is-used")
    browser.driver.switch_to.default_content()
    told = lambda: browser.driver.execute_script("return told")
    browser.wait(lambda: told(), 10, "the host to be told")
    one = told()[0]
    assert (one["source"], one["type"], one["conversation"], one["text"]) == ("attendant", "used", conversation, title), one
    assert one["origin"] == server.url, one
    problems = browser.problems()
    assert not problems, problems


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--attendant", required=True)
    parser.add_argument("--knowledge", required=True)
    parser.add_argument("--node-modules", required=True)
    parser.add_argument("--embedding", default="none")
    args = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not chromium or not driver:
        sys.exit("chromium and chromedriver are needed: bash scripts/setup.sh desktop")
    # The page of a host, of another origin than the server.
    folder = functools.partial(Quiet, directory=str(ROOT / "clients" / "widget"))
    host = http.server.ThreadingHTTPServer(("127.0.0.1", 0), folder)
    threading.Thread(target=host.serve_forever, daemon=True).start()
    origin = f"http://127.0.0.1:{host.server_port}"
    with tempfile.TemporaryDirectory() as shots, tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
        config.write(f'[cors]\norigins = ["{origin}"]\n')
        config.flush()
        with Server(args.attendant, args.knowledge, args.embedding, config.name) as server:
            python_example(server)
            print("ok   the example in Python", flush=True)
            typescript_example(server, Path(args.node_modules).resolve())
            print("ok   the client in TypeScript", flush=True)
            browser = Browser(chromium, driver, None, shots)
            try:
                widget(server, browser, origin)
                print("ok   the widget in a page of another origin", flush=True)
                frame(server, browser, origin)
                print("ok   the desk in a frame of another origin", flush=True)
            finally:
                browser.quit()
    print("4 tests of the kit passed")


if __name__ == "__main__":
    main()
