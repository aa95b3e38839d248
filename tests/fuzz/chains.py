"""Holds mailtap against OpenSSL: `python -m tests.fuzz.chains [COUNT] [FIRST]`.

Each number is a chain of certificates with other faults. Prints how often both agree,
by which rules they differ, and the chains that no rule explains.
"""

from __future__ import annotations

import sys
from collections import Counter

from tests.support.chains.compare import compare

_COUNT = 2000


def main() -> int:
    """Compare as many as asked for."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else _COUNT
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    found: Counter[str] = Counter()
    for number in range(first, first + count):
        each = compare(number)
        verdict = f"{each.status}, as OpenSSL says" if each.agrees else each.rule
        if verdict is None:
            print(number, each.status, each.answer.errors, each.faults)  # noqa: T201
        found[verdict or "not explained"] += 1
    for verdict, times in found.most_common():
        print(f"{times:6} {verdict}")  # noqa: T201
    return 1 if found["not explained"] else 0


if __name__ == "__main__":
    sys.exit(main())
