"""A Chromium driven over its DevTools protocol, through a pair of pipes: no port, no dependency.

    with chromium(find_chromium(), folder) as browser:
        page = browser.open("http://…")        # a tab with cookies and storage of its own, 360 x 640 CSS pixels
        page.click("#submit")

Messages are JSON, each ended by NUL; the browser reads them from file descriptor 3 and answers on 4.

Source: Chrome DevTools Protocol, https://chromedevtools.github.io/devtools-protocol/, and `--remote-debugging-pipe`.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import signal
import time
from contextlib import contextmanager
from itertools import count

from tests.browser.page import PATIENCE_S, DevToolsError, LeftError, NeverCameError, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
WIDTH_PX, HEIGHT_PX = 360, 640  # of a cheap phone
LEFT = ("navigated", "context was destroyed", "Cannot find context")  # how it words that a page was left
FLAGS = (
    *("--headless=new", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu", "--mute-audio"),
    *("--disable-extensions", "--disable-background-networking", "--disable-component-update"),
    *("--disable-dev-shm-usage", "--no-sandbox"),  # as root and in containers; it opens our own pages only
)


def find_chromium():
    """Return the path of a Chromium or Chrome on this machine, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def chromium(path, folder):
    """Run a headless browser whose profile is `folder` until the end of the block."""
    to_browser, from_browser = os.pipe(), os.pipe()
    browser_ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (to_browser[0], from_browser[1])]
    os.close(to_browser[0])
    os.close(from_browser[1])
    log = folder / "chromium.log"
    actions = [
        (os.POSIX_SPAWN_DUP2, browser_ends[0], 3),
        (os.POSIX_SPAWN_DUP2, browser_ends[1], 4),
        (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    arguments = [path, *FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank"]
    pid = os.posix_spawn(path, arguments, os.environ, file_actions=actions, setpgroup=0)
    for end in browser_ends:
        os.close(end)
    try:
        yield Browser(to_browser[1], from_browser[0])
    finally:
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(to_browser[1])
        os.close(from_browser[0])


class Browser:
    """The browser's end of the pipes; hands every event to the page it came from."""

    def __init__(self, write_to, read_from):
        self._write_to, self._read_from = write_to, read_from
        self._numbers, self._rest = count(1), b""
        self._answers, self._pages = {}, {}

    def open(self, url="about:blank", width=WIDTH_PX, height=HEIGHT_PX):
        """Open a tab as another person on another phone would: it shares nothing with the other tabs."""
        context = self.ask("Target.createBrowserContext", {"disposeOnDetach": True})["browserContextId"]
        made = self.ask("Target.createTarget", {"url": "about:blank", "browserContextId": context})
        attached = self.ask("Target.attachToTarget", {"targetId": made["targetId"], "flatten": True})
        page = self._pages[attached["sessionId"]] = Page(self, attached["sessionId"])
        page.begin(width, height)
        if url != "about:blank":
            page.go(url)
        return page

    def ask(self, method, parameters=None, session=None):
        """Send a command and return its result."""
        number = self.tell(method, parameters, session)
        self.wait(lambda: number in self._answers, method)
        answer = self._answers.pop(number)
        if "error" in answer:
            said = answer["error"]["message"]
            raise (LeftError if any(word in said for word in LEFT) else DevToolsError)(f"{method}: {said}")
        return answer["result"]

    def tell(self, method, parameters=None, session=None):
        """Send a command and wait for nothing; return its number."""
        number = next(self._numbers)
        command = {"id": number, "method": method, "params": parameters or {}}
        content = json.dumps(command | ({"sessionId": session} if session else {})).encode() + b"\0"
        while content:
            content = content[os.write(self._write_to, content) :]
        return number

    def wait(self, is_true, what, within_s=PATIENCE_S):
        """Take messages until something is true."""
        end = time.monotonic() + within_s
        while not is_true():
            self._take(end - time.monotonic(), what)

    def _take(self, within_s, what):
        if not select.select([self._read_from], [], [], max(0.0, within_s))[0]:
            raise NeverCameError(what)
        content = os.read(self._read_from, 1 << 20)
        if not content:
            raise NeverCameError(f"{what}: the browser has ended")
        *whole, self._rest = (self._rest + content).split(b"\0")
        for each in whole:
            message = json.loads(each)
            if "id" in message:
                self._answers[message["id"]] = message
            elif page := self._pages.get(message.get("sessionId")):
                page.hear(message["method"], message["params"])
