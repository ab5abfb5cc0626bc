#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# usage: page.py
#
# Has Chromium look at lb4's status page.  Reads commands, one a line, in words
# with a byte 0x1f between them, and answers each with a line: "ok TEXT", or "no
# TEXT" if the page is not as it should be.
#
#   open URL              opens a page of its own, instead of the one before
#   fast                  what is opened from now on has a clock that jumps: the
#                         page does not wait, and all of its time passes
#   text SELECTOR         the text of the first such element
#   wait SELECTOR REGEX SECONDS
#                         until its text matches; tells how many ms that took
#   run SCRIPT            runs JavaScript and tells what it returns
#   until SCRIPT SECONDS  until that is true
#   turns N SECONDS       until the page has asked N times more (after fast)
#   keys KEY...           TAB, SPACE or text, to what has the focus
#   look light|dark WIDTH HEIGHT
#                         the colours that the reader prefers, and the window
#   axe                   no serious fault of accessibility, if there is
#                         axe-core to judge it
#   heap                  bytes of JavaScript, after its garbage was collected
#   nodes                 elements and text in the document and out of it
#   console               no errors there since it was last asked
#   picture FILE [HEIGHT] a PNG of the page, or of its top
#   quit

import base64
import json
import os
import pathlib
import re
import signal
import sys
import time

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

AXE = "/usr/local/lib/node_modules/axe-core/axe.min.js"

# The page's own waits end at once, and then its clock and lb4's, as the page
# sees it, have gone on by as much.
FAST = """
(() => {
    const wait = window.setTimeout.bind(window);
    const now = performance.now.bind(performance);
    const json = Response.prototype.json;
    let skipped = 0;

    window.turns = 0;
    window.setTimeout = (f, ms) => {
        skipped += ms;
        if (++window.turns === window.onturns?.at)
            window.onturns.done(window.turns);
        return wait(f, 0);
    };
    performance.now = () => now() + skipped;
    Response.prototype.json = async function () {
        const answer = await json.call(this);

        if ("uptime_ms" in answer)
            answer.uptime_ms += Math.round(skipped);
        return answer;
    };
})();
"""


class Browser:
    def __init__(self):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in ("headless=new", "no-sandbox", "disable-gpu",
                     "disable-dev-shm-usage", "hide-scrollbars",
                     "disable-background-networking"):
            options.add_argument("--" + flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(
            service=webdriver.chrome.service.Service("/usr/bin/chromedriver"),
            options=options)
        self.driver.set_script_timeout(300)
        self.is_fast = False

    def cdp(self, method, **parameters):
        return self.driver.execute_cdp_cmd(method, parameters)

    def element(self, selector):
        found = self.driver.find_elements(By.CSS_SELECTOR, selector)
        return found[0] if found else None

    def text_of(self, selector):
        return self.driver.execute_script(
            "return document.querySelector(arguments[0])?.textContent",
            selector)

    def until(self, check, seconds):
        """What check() returned last, and the ms that it took."""
        began = time.monotonic()
        while True:
            value = check()
            took = time.monotonic() - began
            if value or took > float(seconds):
                return value, int(1000 * took)
            time.sleep(0.02)

    # ---- the commands ------------------------------------------------------

    def do_open(self, url):
        self.driver.get(url)
        return True, url

    def do_fast(self):
        self.cdp("Page.addScriptToEvaluateOnNewDocument", source=FAST)
        return True, ""

    def do_text(self, selector):
        text = self.text_of(selector)
        return text is not None, text

    def do_wait(self, selector, regex, seconds):
        found, ms = self.until(
            lambda: re.search(regex, self.text_of(selector) or ""), seconds)
        return found, ms if found else self.text_of(selector)

    def do_run(self, script):
        return True, self.driver.execute_script(script)

    def do_until(self, script, seconds):
        return self.until(lambda: self.driver.execute_script(script), seconds)

    def do_turns(self, count, seconds):
        # The page tells, because each look takes a little of its memory.
        self.driver.set_script_timeout(float(seconds))
        return True, self.driver.execute_async_script("""
            const [count, done] = arguments;
            window.onturns = {at: turns + count, done};""", int(count))

    def do_keys(self, *keys):
        for key in keys:
            ActionChains(self.driver).send_keys(
                getattr(Keys, key, key)).perform()
        return True, self.driver.execute_script(
            "return document.activeElement.id")

    def do_look(self, scheme, width, height):
        self.cdp("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme}])
        self.cdp("Emulation.setDeviceMetricsOverride", width=int(width),
                 height=int(height), deviceScaleFactor=1 if int(width) > 600
                 else 2, mobile=int(width) < 600)
        return True, ""

    def do_axe(self):
        if not os.path.exists(AXE):
            return True, "not judged: there is no axe-core"
        with open(AXE, encoding="utf-8") as file:
            self.driver.execute_script(file.read())
        found = self.driver.execute_async_script("""
            const done = arguments[arguments.length - 1];
            axe.run(document, {resultTypes: ["violations"]}).then(
                (result) => done(result.violations), (error) =>
                done([{id: String(error), impact: "serious", nodes: []}]));""")
        grave = [fault for fault in found
                 if fault["impact"] in ("serious", "critical")]
        return not grave, json.dumps(
            [[fault["id"], [node["html"] for node in fault["nodes"]][:3]]
             for fault in grave or found])

    def do_heap(self):
        for _ in range(3):
            self.cdp("HeapProfiler.collectGarbage")
        return True, int(self.cdp("Runtime.getHeapUsage")["usedSize"])

    def do_nodes(self):
        self.cdp("HeapProfiler.collectGarbage")
        return True, self.cdp("Memory.getDOMCounters")["nodes"]

    def do_console(self):
        said = [entry["message"] for entry in self.driver.get_log("browser")]
        return not said, "; ".join(said)

    def do_picture(self, file, height=0):
        size = self.cdp("Page.getLayoutMetrics")["cssContentSize"]
        width = int(size["width"])
        height = int(height) or self.driver.execute_script(
            "return document.body.offsetHeight")
        scale = 1 if width > 600 else 2
        # charts out of sight are not drawn
        self.cdp("Emulation.setDeviceMetricsOverride", width=width,
                 height=height, deviceScaleFactor=scale, mobile=scale > 1)
        time.sleep(2.5)
        shot = self.cdp("Page.captureScreenshot", clip={
            "x": 0, "y": 0, "width": width, "height": height, "scale": 1})
        with open(file, "wb") as out:
            out.write(base64.b64decode(shot["data"]))
        return True, file


def on_term(*_):
    """Kills the driver and the browser, which would outlive us."""
    children = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    tree = [os.getpid()]
    for pid in tree:
        tree += children.get(pid, [])
    for pid in tree[1:]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    os._exit(143)


def main():
    signal.signal(signal.SIGTERM, on_term)
    browser = Browser()
    try:
        for line in sys.stdin:
            name, *words = line.rstrip("\n").split("\x1f")
            if name == "quit":
                break
            good, text = getattr(browser, "do_" + name)(*words)
            text = str(text).lower() if isinstance(text, bool) else str(text)
            print("ok" if good else "no", text.replace("\n", " "),
                  flush=True)
    finally:
        browser.driver.quit()


main()
