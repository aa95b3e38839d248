from __future__ import annotations

import pytest

from captures.live.interfaces import find_link_type, may_open_sockets

pytestmark = pytest.mark.usefixtures("network")


def test_link_type_is_that_of_the_interface() -> None:
    assert find_link_type("lo") == find_link_type("va") == 1
    assert find_link_type("nonsense") is None


def test_root_may_open_sockets() -> None:
    assert may_open_sockets()
