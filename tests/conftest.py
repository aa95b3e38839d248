from __future__ import annotations

import gc
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.support import namespaces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# a bug of a command is a traceback, also in processes that tests start
os.environ["MAILTAP_TRACEBACK"] = "1"
# and whoever runs the tests may have defaults of their own
os.environ["MAILTAP_CONFIG"] = ""

# who starts the tests in the background, or with nohup, has them ignored
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)

# no test depends on how busy the machine is
hypothesis.settings.register_profile("mailtap", deadline=None)
hypothesis.settings.load_profile("mailtap")

GOLDEN = Path(__file__).parent / "data" / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="Rewrite the tables in tests/data/golden; look at the difference.",
    )


def pytest_collection_finish() -> None:
    """Leave the tests themselves out of every search for reference cycles."""
    gc.freeze()


@pytest.fixture
def expect_golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with a file in tests/data/golden."""

    def expect(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return expect


@pytest.fixture
def network() -> Iterator[None]:
    """Have a network for the test alone, with `lo`, and `va` connected to `vb`."""
    if os.geteuid() != 0:
        if not namespaces.may_become_root():
            pytest.skip("neither root nor allowed to make user namespaces")
        yield
        return
    with namespaces.own_network():
        namespaces.add_pair("va", "vb")
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that needs a network in another process, if it takes root."""
    if "network" not in pyfuncitem.fixturenames or os.geteuid() == 0:
        return None
    if failure := namespaces.run_as_root(pyfuncitem.nodeid):
        pytest.fail(failure, pytrace=False)
    return True
