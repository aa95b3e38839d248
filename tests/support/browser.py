"""A real browser for the page: Chromium without a window and without a network.

It is driven through a pipe, with the Chrome DevTools Protocol, so it needs neither a
port nor another program. What it complains about is kept.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pathlib import Path

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
_PATIENCE_S = 30
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--remote-debugging-pipe",
)
# events in which a page complains, or does what it never should
_COMPLAINTS = {
    "Log.entryAdded",
    "Runtime.exceptionThrown",
    "Runtime.consoleAPICalled",
    "Page.javascriptDialogOpening",
    "Page.windowOpen",
}


class Browser:
    """One Chromium with one tab.

    Args:
        profile: an empty folder for what it keeps.

    Attributes:
        complaints: what was wrong since the last page was opened.
        requests: addresses that were asked for since then.
    """

    def __init__(self, profile: Path) -> None:
        assert CHROMIUM, "these tests need the Debian package chromium"
        self.complaints: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self._buffer = b""
        self._last_id = 0
        self._loaded = False
        self._session = ""
        from_test, self._to_browser = os.pipe()
        self._from_browser, to_test = os.pipe()
        self._process = _start(profile, from_test, to_test)
        os.close(from_test)
        os.close(to_test)

    def __enter__(self) -> Self:
        try:
            self._attach()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._to_browser)
        os.close(self._from_browser)
        self._process.terminate()
        self._process.wait(_PATIENCE_S)

    def open(self, path: Path, fragment: str = "") -> None:
        """Open a file, at some fragment of its address, and wait until it is there."""
        self.complaints.clear()
        self.requests.clear()
        self._loaded = False
        # another fragment of the same page would not load it again
        self.call("Page.navigate", url="about:blank")
        self._loaded = False
        self.requests.clear()
        self.call("Page.navigate", url=path.as_uri() + fragment)
        while not self._loaded:
            self._take(self._receive())
        # what was asked for is drawn in the frame after
        self.run("new Promise(done => setTimeout(done, 100))")

    def show(self, width: int, height: int, *, scheme: str = "light") -> None:
        """Become as large as a desktop or a phone, by day or by night."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", features=[feature])
        self.run("new Promise(done => setTimeout(done, 300))")

    def run(self, script: str) -> Any:
        """Run an expression in the page, and return its value."""
        result = self.call(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def picture(self, *, whole: bool = False) -> bytes:
        """What the page looks like, as PNG."""
        result = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        return base64.b64decode(result["data"])

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol, and return its result."""
        return self._call(method, params, {"sessionId": self._session})

    def _attach(self) -> None:
        """Open the tab that all calls go to."""
        target = self._call("Target.createTarget", {"url": "about:blank"})
        attach = {"targetId": target["targetId"], "flatten": True}
        self._session = self._call("Target.attachToTarget", attach)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def _call(
        self, method: str, params: dict[str, Any], to: dict[str, str] | None = None
    ) -> dict[str, Any]:
        self._last_id += 1
        call = {"id": self._last_id, "method": method, "params": params, **(to or {})}
        os.write(self._to_browser, json.dumps(call).encode() + b"\0")
        while (answer := self._receive()).get("id") != self._last_id:
            self._take(answer)
        assert "error" not in answer, f"{method}: {answer['error']}"
        result: dict[str, Any] = answer["result"]
        return result

    def _receive(self) -> dict[str, Any]:
        deadline = time.monotonic() + _PATIENCE_S
        while b"\0" not in self._buffer:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self._from_browser], [], [], max(left, 0))
            data = os.read(self._from_browser, 1 << 20) if ready else b""
            assert data, "Chromium does not answer"
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def _take(self, event: dict[str, Any]) -> None:
        method, params = event.get("method"), event.get("params", {})
        if method in _COMPLAINTS:
            self.complaints.append(event)
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        self._loaded |= method == "Page.loadEventFired"


def _start(profile: Path, from_test: int, to_test: int) -> subprocess.Popen[bytes]:
    """Start Chromium, which talks through its file descriptors 3 and 4."""
    # a network namespace of its own has no network
    command = ["unshare", "--net"] if os.geteuid() == 0 else []
    command += [
        "bash",
        "-c",
        f'exec "$@" 3<&{from_test} 4>&{to_test}',
        "bash",
        str(CHROMIUM),
        *_FLAGS,
        f"--user-data-dir={profile}",
    ]
    return subprocess.Popen(
        command,
        pass_fds=(from_test, to_test),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
