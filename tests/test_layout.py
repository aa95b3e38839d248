"""What the tree promises: its public names, and a test file per source file."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("analyzer", "captures", "dissectors", "mailtap")
# `python -m analyzer` is tested with the command
UNTESTED = {"__init__.py", "__main__.py"}
# what only works together with others is tested there
TESTED_WITH = {
    "analyzer/errors.py": "analyzer/tables/test_load.py",
    "analyzer/findings/rule.py": "analyzer/findings/test_engine.py",
    "analyzer/html/policy.py": "analyzer/html/test_page.py",
    "analyzer/html/session_columns.py": "analyzer/html/test_data.py",
    "analyzer/runs/memory.py": "analyzer/test_out_of_memory.py",
    "analyzer/sessions/certificate_status.py": "analyzer/sessions/test_trust.py",
    "analyzer/sessions/connection_columns.py": "analyzer/sessions/test_rows.py",
    "analyzer/sessions/details.py": "analyzer/sessions/test_session.py",
    "analyzer/sessions/detail_rows.py": "analyzer/sessions/test_rows.py",
    "analyzer/sessions/dialogue_columns.py": "analyzer/sessions/test_rows.py",
    "analyzer/sessions/security_columns.py": "analyzer/sessions/test_rows.py",
    "analyzer/sessions/session_row.py": "analyzer/sessions/test_columns.py",
    "analyzer/tables/results.py": "analyzer/runs/test_pipeline.py",
    "analyzer/tables/collection.py": "analyzer/tables/test_builder.py",
    "analyzer/tables/parts.py": "analyzer/tables/test_store.py",
    "analyzer/tables/table.py": "analyzer/tables/test_schema.py",
    "captures/link_types.py": "captures/packets/test_decoder.py",
    "captures/tcp/deadlines.py": "captures/tcp/test_table.py",
    "captures/tcp/other_ports.py": "captures/tcp/test_table.py",
    "captures/tcp/endpoints.py": "captures/tcp/test_grouping.py",
    "captures/tcp/grouping.py": "captures/tcp/test_table.py",
    "captures/tcp/handshake.py": "captures/tcp/test_connection.py",
    "captures/tcp/in_order.py": "captures/tcp/test_table.py",
    "captures/tcp/outlet.py": "captures/tcp/test_flow.py",
    "captures/tcp/recent_handshakes.py": "captures/tcp/test_table.py",
    "captures/tcp/segment.py": "captures/tcp/test_connection.py",
    "captures/tcp/timeouts.py": "captures/tcp/test_connection.py",
    "captures/tcp/waiting.py": "captures/tcp/test_connection.py",
    "dissectors/conversation/command_dialogue.py": "dissectors/pop3/test_dialogue.py",
    "dissectors/conversation/decoding.py": "dissectors/imap/test_compression.py",
    "dissectors/conversation/replies.py": (
        "dissectors/conversation/test_replies_out_of_step.py"
    ),
    "dissectors/conversation/reporter.py": "dissectors/test_anomaly_places.py",
    "dissectors/conversation/receiver.py": "dissectors/conversation/test_dissector.py",
    "dissectors/conversation/tls_layer.py": "dissectors/conversation/test_layers.py",
    "dissectors/conversation/text_line.py": "dissectors/test_text_protocol.py",
    "dissectors/credentials/mechanisms.py": "dissectors/credentials/test_sasl.py",
    "dissectors/detection/ftp.py": "dissectors/detection/test_detector.py",
    "dissectors/imap/spec.py": "dissectors/test_spec.py",
    "dissectors/imap/fetches.py": "dissectors/imap/test_partial_fetches.py",
    "dissectors/pop3/spec.py": "dissectors/test_spec.py",
    "dissectors/plugins.py": "dissectors/test_registry.py",
    "dissectors/smtp/outcomes.py": "dissectors/smtp/test_extensions.py",
    "dissectors/smtp/showing.py": "dissectors/smtp/test_extensions.py",
    "dissectors/smtp/spec.py": "dissectors/test_spec.py",
    "dissectors/tls/decryption/legacy_protection.py": (
        "dissectors/tls/decryption/test_connection_keys.py"
    ),
    "dissectors/tls/decryption/record_protection.py": (
        "dissectors/tls/decryption/test_connection_keys.py"
    ),
    "dissectors/tls/decryption/tls13_protection.py": (
        "dissectors/tls/decryption/test_connection_keys.py"
    ),
}
SOURCES = [
    path.relative_to(ROOT)
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
    if path.name not in UNTESTED
]

PUBLIC = {
    "analyzer": {
        "Analysis",
        "ExportError",
        "LoadError",
        "__version__",
        "analyze",
        "load",
    },
    "captures": {
        "Attempt",
        "MAX_BATCH_BYTES",
        "MAX_BATCH_PACKETS",
        "CaptureError",
        "CaptureReader",
        "Connection",
        "ConnectionConsumer",
        "ConnectionTable",
        "Decoder",
        "End",
        "Ending",
        "Endpoint",
        "Engine",
        "Flow",
        "Interface",
        "LiveCapture",
        "MergedCaptures",
        "PacketBatch",
        "PrivilegeError",
        "ReadEngine",
        "SegmentFilter",
        "Segments",
        "Partition",
        "Wanted",
        "drop_privileges",
        "find_captures",
        "list_interfaces",
        "open_capture",
        "open_captures",
        "open_live",
        "readable_name",
        "split_frame_id",
    },
    "dissectors": {
        "ImapDialogue",
        "KeyLog",
        "MailDissector",
        "Pop3Dialogue",
        "SmtpDialogue",
        "new_dissector",
    },
    "mailtap": {
        "Analysis",
        "CaptureError",
        "ExportError",
        "LoadError",
        "__version__",
        "analyze",
        "load",
    },
}


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_source_has_its_test(source: Path) -> None:
    folder = ROOT / "tests" / source.parent
    places = [folder / f"test_{source.name}"]
    if len(source.parts) > 2:
        places.append(folder.parent / f"test_{source.parent.name}.py")
    if elsewhere := TESTED_WITH.get(str(source)):
        places.append(ROOT / "tests" / elsewhere)

    assert any(place.exists() for place in places)


def test_no_test_imports_another_one() -> None:
    """What tests have in common is in tests/support."""
    importing = re.compile(r"^from tests\.(\w+\.)*test_\w+ import", re.MULTILINE)
    tests = sorted((ROOT / "tests").rglob("*.py"))
    wrong = [path.name for path in tests if importing.search(path.read_text())]

    assert not wrong


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_those_that_users_rely_on(package: str) -> None:
    module = importlib.import_module(package)

    assert set(module.__all__) == PUBLIC[package]
    assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("package", ["analyzer", "mailtap"])
def test_unknown_name_is_an_attribute_error(package: str) -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = importlib.import_module(package).nonsense
