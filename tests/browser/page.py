"""One tab of a browser: what a person does in it, and what they see and hear."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from contextlib import suppress

PATIENCE_S = 120.0  # no test waits that long: only what never comes does, on however busy a machine
LOOK_AGAIN_S = 0.05
KEYS = {
    "Tab": {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9},
    "Enter": {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"},
    "Space": {"key": " ", "code": "Space", "windowsVirtualKeyCode": 32, "text": " "},
}
DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
_LINE = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
ONLINE, OFFLINE = _LINE, _LINE | {"offline": True}
# As Chrome's own "2G": 250 kbit/s down, 50 kbit/s up, 300 ms there and back.
SECOND_GENERATION = _LINE | {"latency": 300, "downloadThroughput": 31_250, "uploadThroughput": 6_250}


class DevToolsError(Exception):
    """The browser refused a command, or a script in the page failed."""


class LeftError(DevToolsError):
    """The page went to another one meanwhile."""


class NeverCameError(Exception):
    """What was waited for did not come about."""


class Page:
    """A tab: but for `begin`, `ask`, `on` and `hear`, what a person or their line does, and what they see."""

    def __init__(self, browser, session):
        self._browser, self._session = browser, session
        self._listeners = defaultdict(list)
        self.faults = []  # scripts that failed, and what the policy of the page refused
        self.asked = []  # every request, as method and address
        self.received_bytes = 0  # of every answer, headers and all, as they came over the line

    def begin(self, width, height):
        """Make it a small touch screen, and note what goes wrong in it."""
        self.on("Runtime.exceptionThrown", lambda told: self.faults.append(json.dumps(told)))
        self.on("Log.entryAdded", self._note_entry)
        self.on("Network.requestWillBeSent", self._note_request)
        self.on("Network.loadingFinished", self._note_answer)
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")
        self.resize(width, height)

    def ask(self, method, parameters=None):
        """Send a DevTools command about this tab and return its result."""
        return self._browser.ask(method, parameters, self._session)

    def on(self, event, listener):
        """Call `listener` with every such event's parameters."""
        self._listeners[event].append(listener)

    def hear(self, event, parameters):
        """Take an event from the browser."""
        for listener in self._listeners[event]:
            listener(parameters)

    # ---- what a person does ----

    def go(self, url):
        """Open an address and wait until its scripts have run."""
        self._load("Page.navigate", {"url": url})

    def reload(self):
        """Load the page again."""
        self._load("Page.reload", {})

    def resize(self, width, height, zoom=1.0):
        """Turn it into a phone of this many CSS pixels; zooming in leaves fewer of them, as in a browser."""
        size = {"width": round(width / zoom), "height": round(height / zoom)}
        self.ask("Emulation.setDeviceMetricsOverride", size | {"deviceScaleFactor": 2 * zoom, "mobile": True})
        self.ask("Emulation.setTouchEmulationEnabled", {"enabled": True})

    def tap(self, selector, times=1):
        """Tap the middle of an element, several times if wanted with nothing between."""
        self.until(f"{found(selector)} && !{found(selector)}.disabled", f"{selector} can be tapped")
        self.see(f"{found(selector)}.scrollIntoView({{block: 'center'}}), {DRAWN}")
        x, y = self.see(
            f"(() => {{ const box = {found(selector)}.getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for _ in range(times):
            for kind, points in (("touchStart", [{"x": x, "y": y}]), ("touchEnd", [])):
                self.ask("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        with suppress(LeftError):
            self.see(DRAWN)  # the taps have been heard

    def press(self, key, times=1, *, shift=False):
        """Press a key of `KEYS`."""
        for _ in range(times):
            for kind in ("keyDown", "keyUp"):
                self.ask("Input.dispatchKeyEvent", KEYS[key] | {"type": kind, "modifiers": 8 * shift})

    def write(self, text):
        """Type into whatever has the focus."""
        self.ask("Input.insertText", {"text": text})

    def fill(self, selector, text):
        """Put the focus into a field, replace what is in it and leave it."""
        self.see(f"{found(selector)}.focus(), {found(selector)}.select()")
        self.write(text)
        self.see(f"{found(selector)}.blur()")

    def choose(self, selector, value):
        """Choose from a list or a calendar."""
        self.see(
            f"(() => {{ const one = {found(selector)}; one.value = {json.dumps(value)};"
            " one.dispatchEvent(new Event('input', {bubbles: true})); one.focus(); one.blur(); })()"
        )

    def attach(self, selector, path):
        """Choose a file, as the camera or the gallery would hand it over."""
        self.until(f"Boolean({found(selector)})", f"{selector} is there")
        node = self.ask("Runtime.evaluate", {"expression": found(selector)})["result"]["objectId"]
        self.ask("DOM.setFileInputFiles", {"files": [str(path)], "objectId": node})

    def download_to(self, folder):
        """Let files be downloaded to a folder; return a list that grows with each that is there."""
        there = []
        self.on(
            "Page.downloadProgress",
            lambda told: there.extend([told["guid"]] * (told["state"] == "completed")),
        )
        self.ask("Page.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
        return there

    def line(self, kind):
        """Change the line: `ONLINE`, `OFFLINE`, `SECOND_GENERATION`."""
        self.ask("Network.emulateNetworkConditions", kind)

    def cut(self, is_cut):
        """Let the line break at requests of which `is_cut(method, address)` is true."""

        def pass_or_cut(paused):
            request, name = paused["request"], {"requestId": paused["requestId"]}
            if is_cut(request["method"], request["url"]):
                self._browser.tell(
                    "Fetch.failRequest", name | {"errorReason": "ConnectionReset"}, self._session
                )
            else:
                self._browser.tell("Fetch.continueRequest", name, self._session)

        self._listeners["Fetch.requestPaused"] = [pass_or_cut]
        self.ask("Fetch.enable")

    # ---- what they see ----

    def see(self, script):
        """Return what a script in the page says, waiting for it if it is a promise."""
        told = self.ask(
            "Runtime.evaluate", {"expression": script, "returnByValue": True, "awaitPromise": True}
        )
        if "exceptionDetails" in told:
            raise DevToolsError(json.dumps(told["exceptionDetails"]))
        return told["result"].get("value")

    def until(self, script, what="", within_s=PATIENCE_S):
        """Wait until a script in the page says something true, and return it."""
        end = time.monotonic() + within_s
        while not (seen := self._seen(script)):
            if time.monotonic() > end:
                raise NeverCameError(f"{what or script}; the page says: {self.text()}")
            time.sleep(LOOK_AGAIN_S)
        return seen

    def until_heard(self, is_true):
        """Wait until something is true that events change."""
        self._browser.wait(is_true, "an event")

    def until_shown(self, selector):
        """Wait until an element takes room on the page."""
        self.until(f"Boolean({found(selector)}?.getClientRects().length)", f"{selector} is shown")

    def until_says(self, selector, words):
        """Wait until an element shows these words."""
        self.until(
            f"{found(selector)}?.innerText.includes({json.dumps(words)})", f"{selector} says {words!r}"
        )

    def text(self, selector="body"):
        """Return the text of an element as it is shown."""
        return self.see(f"{found(selector)}?.innerText.trim() ?? ''")

    def shows(self, selector):
        """Say whether an element takes room on the page."""
        return self.see(f"Boolean({found(selector)}?.getClientRects().length)")

    def _seen(self, script):
        with suppress(LeftError):
            return self.see(script)
        return None

    def _load(self, command, parameters):
        loaded = []
        self._listeners["Page.loadEventFired"] = [lambda _: loaded.append(True)]
        self.ask(command, parameters)
        self._browser.wait(lambda: loaded, "the page is loaded")

    def _note_entry(self, told):
        entry = told["entry"]
        if entry["level"] == "error" and entry["source"] != "network":  # a refusal of the API is no fault
            self.faults.append(entry["text"])

    def _note_request(self, told):
        self.asked.append((told["request"]["method"], told["request"]["url"]))

    def _note_answer(self, told):
        self.received_bytes += told["encodedDataLength"]


def found(selector):
    """Return the script that finds an element."""
    return f"document.querySelector({json.dumps(selector)})"
