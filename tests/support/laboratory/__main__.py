"""Make the captures and facts of some scenarios, or of all: needs root."""

from __future__ import annotations

import argparse
import logging
import sys

from tests.support.laboratory import PACKAGES
from tests.support.laboratory.network import missing_commands
from tests.support.laboratory.office import Office
from tests.support.laboratory.readme import write_readme, write_secrets
from tests.support.laboratory.scenarios import SCENARIOS
from tests.support.laboratory.tape import Scenario, Tape

logger = logging.getLogger("lab")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.laboratory")
    parser.add_argument("scenario", nargs="*", metavar="SCENARIO",
                        help="all if none is named")  # fmt: skip
    parser.add_argument("--missing", action="store_true",
                        help="print the packages that are to be installed")  # fmt: skip
    arguments = parser.parse_args()
    wanted = arguments.scenario
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    missing = " ".join(PACKAGES[name] for name in missing_commands(list(PACKAGES)))
    if arguments.missing:
        sys.stdout.write(f"{missing}\n")
        return 0
    if missing:
        parser.error(f"please install: apt-get install {missing}")
    failed = make([SCENARIOS[name] for name in wanted or SCENARIOS])
    write_secrets()
    write_readme()
    return 1 if failed else 0


def make(wanted: list[Scenario]) -> list[str]:
    """Play scenarios one after the other; return the names of those that failed."""
    office = Office()
    failed = []
    try:
        office.start()
        for each in wanted:
            logger.info("%s", each.name)
            tape = Tape(each, office)
            try:
                each.play(office, tape)
            except Exception:
                logger.exception("%s failed", each.name)
                tape.discard()
                failed.append(each.name)
            else:
                tape.save()
    finally:
        office.network.close()
    return failed


if __name__ == "__main__":
    sys.exit(main())
