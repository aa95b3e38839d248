"""What is distributed: built, installed elsewhere and run without the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from analyzer import __version__

ROOT = Path(__file__).parents[1]
PACKAGES = ("analyzer", "captures", "dissectors", "mailtap")
DEMO = "analyzer/data/office.pcap"


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("build")
    source = folder / "source"
    # made files would get into the sdist: build from what a fresh clone holds
    made = shutil.ignore_patterns(
        ".git", ".venv", ".cache", ".*_cache", ".hypothesis", "*.egg-info", "build",
        "dist", "__pycache__",
    )  # fmt: skip
    shutil.copytree(ROOT, source, ignore=made)
    run(sys.executable, "-m", "build", "--no-isolation", source, cwd=folder)
    return source / "dist"


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    return next(dist.glob("*.whl"))


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment with the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--quiet", "--python", python)
    run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    # A .pth file only adds a folder to the path. That of an editable mailtap in
    # that folder has no effect, so what is imported is the wheel.
    site_packages = run(
        python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))",
        cwd=folder,
    )  # fmt: skip
    dependencies = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    Path(site_packages.strip(), "dependencies.pth").write_text("\n".join(dependencies))
    return python.parent


def test_wheel_holds_the_packages_and_their_data(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        files = {name for name in archive.namelist() if ".dist-info/" not in name}

    modules = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
    }
    assets = (ROOT / "analyzer" / "html" / "assets").iterdir()
    data = {DEMO, *(str(path.relative_to(ROOT)) for path in assets)}
    data |= {f"{package}/py.typed" for package in PACKAGES}
    assert files == modules | data


def test_sdist_holds_what_tests_and_documentation_need(dist: Path) -> None:
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        files = {name.partition("/")[2] for name in archive.getnames()}

    assert files >= {
        DEMO,
        ".ci/run",
        "CHANGELOG.md",
        "LICENSE",
        "Makefile",
        "README.md",
        "docs/security.md",
        "pyproject.toml",
        "setup.cfg",
        "tests/data/office.json",
        "tests/test_packaging.py",
        "zensical.toml",
    }


def test_installed_packages_import_without_the_checkout(
    programs: Path, tmp_path: Path
) -> None:
    code = "import analyzer, captures, dissectors, mailtap; print(analyzer.__file__)"

    origin = run(programs / "python", "-c", code, cwd=tmp_path)

    assert Path(origin).is_relative_to(programs.parent)


def test_installed_command_says_its_version(programs: Path, tmp_path: Path) -> None:
    output = run(programs / "mailtap", "--version", cwd=tmp_path)

    assert output == f"mailtap, version {__version__}\n"


def test_installed_command_analyzes_the_demo_capture(
    programs: Path, tmp_path: Path
) -> None:
    output = run(programs / "mailtap", "analyze", ROOT / DEMO, cwd=tmp_path)

    assert "29 mail sessions" in output


def test_installed_demo_capture_is_that_of_the_checkout(programs: Path) -> None:
    installed = next(programs.parent.rglob(DEMO))

    assert installed.read_bytes() == (ROOT / DEMO).read_bytes()
