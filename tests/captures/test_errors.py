from __future__ import annotations

import pickle

from captures import CaptureError


def test_error_names_capture_place_and_reason() -> None:
    error = CaptureError("a.pcap", "it ends here", offset=1234, usable=True)

    assert str(error) == "a.pcap at byte 1,234: it ends here"


def test_error_without_a_place() -> None:
    error = CaptureError("a.pcap", "no such file", usable=False)

    assert str(error) == "a.pcap: no such file"


def test_error_comes_back_from_another_process() -> None:
    error = CaptureError("a.pcap", "it ends here", offset=7, usable=True)

    copy = pickle.loads(pickle.dumps(error))

    assert vars(copy) == vars(error)
    assert str(copy) == str(error)
