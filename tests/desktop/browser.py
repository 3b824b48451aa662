"""A headless Chromium with what the tests ask of it again and again."""

import time
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

KEYS = {"Tab": Keys.TAB, "Enter": Keys.ENTER, "Escape": Keys.ESCAPE, "Space": Keys.SPACE}


class Browser:
    def __init__(self, chromium, driver, axe, shots, width=1440, height=900, dark=False):
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--lang=en-GB"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        self.axe = Path(axe).read_text(encoding="utf-8") if axe else None
        self.shots = Path(shots)
        self.shots.mkdir(parents=True, exist_ok=True)
        self.size(width, height)
        self.colours("dark" if dark else "light")

    def size(self, width, height):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def colours(self, scheme):
        features = [{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def open(self, url):
        self.driver.get(url)

    def find(self, selector, seconds=30):
        """The first element that is shown; waits for it."""
        return self.wait(lambda: next((e for e in self.all(selector) if e.is_displayed()), None), seconds, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def gone(self, selector, seconds=30):
        self.wait(lambda: not any(e.is_displayed() for e in self.all(selector)), seconds, f"{selector} to go")

    def wait(self, check, seconds=30, what=""):
        until = time.monotonic() + seconds
        while True:
            try:
                found = check()
            except Exception as error:  # An element that was drawn anew in between.
                found, last = None, error
            else:
                last = None
            if found:
                return found
            if time.monotonic() > until:
                self.shot("failure")
                raise AssertionError(f"waited {seconds} s for {what or check}; {last or ''}")
            time.sleep(0.1)

    def press(self, *keys):
        for key in keys:
            ActionChains(self.driver).send_keys(KEYS.get(key, key)).perform()

    def focused(self, script="return document.activeElement"):
        return self.driver.execute_script(script)

    def tab_to(self, selector, most=80):
        """Presses Tab until something that fits has the focus; says how often."""
        for count in range(1, most + 1):
            self.press("Tab")
            element, fits, outlined = self.driver.execute_script(
                """const e = document.activeElement;
                   const style = getComputedStyle(e);
                   const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
                   return [e, e.matches(arguments[0]), outlined || e === document.body];""",
                selector,
            )
            assert outlined, f"the focus does not show on {element.get_attribute('outerHTML')[:200]}"
            if fits:
                return count
        raise AssertionError(f"Tab does not lead to {selector}")

    def text(self, selector):
        return self.find(selector).text

    def shot(self, name):
        self.driver.save_screenshot(str(self.shots / f"{name}.png"))

    def problems(self):
        """What the console says that is worse than a note."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def violations(self):
        """What axe-core finds against WCAG 2.2 A and AA, contrast included."""
        if self.axe is None:
            return []
        self.driver.execute_script(self.axe)
        found = self.driver.execute_async_script(
            """const done = arguments[arguments.length - 1];
               const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
               axe.run(document, { runOnly: { type: "tag", values: tags } }).then(
                 (r) => done(r.violations.map((v) => ({ id: v.id, nodes: v.nodes.map((n) => n.html + " | " + n.failureSummary) }))),
                 (e) => done([{ id: "axe failed", nodes: [String(e)] }]));"""
        )
        return [f"{v['id']}: {node}" for v in found for node in v["nodes"][:3]]

    def quit(self):
        self.driver.quit()
