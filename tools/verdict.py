"""Read a JUnit report of pytest; say in one line how many tests passed and failed.

Exits 1 if none ran, if one failed, or if one was skipped for another reason than those allowed.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree

# PyTorch is not in the lock: what compares with it is an extra check.
ALLOWED_SKIP = "an optional oracle, is not installed"


def main(report: str) -> int:
    """Print the verdict on the tests of `report`; return the exit status."""
    try:
        cases = ElementTree.parse(report).getroot().findall(".//testcase")
    except (OSError, ElementTree.ParseError):
        cases = []  # pytest did not get as far as its report
    skips = [skip for case in cases for skip in case.findall("skipped")]
    failed = sum(
        case.find("failure") is not None or case.find("error") is not None for case in cases
    )
    passed = len(cases) - failed - len(skips)
    refused = [skip for skip in skips if ALLOWED_SKIP not in skip.get("message", "")]
    for skip in refused:
        print(f"Skipped where nothing may be skipped: {skip.text}")
    if not cases:
        print("No test ran.")
    print(f"\n{passed} passed, {failed} failed")
    return int(bool(failed or refused or not passed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
