#!/usr/bin/env python3
"""Print a line for each test of ctest's JUnit file: "passed|failed|skipped NAME[: REASON]".

usage: read-results.py RESULTS.xml
"""
import sys
import xml.etree.ElementTree


def reason(test):
    """Returns the test's reason for being skipped."""
    output = test.findtext("system-out") or ""
    said = [line for line in output.splitlines() if line.startswith("skipped: ")]
    if said:
        return said[-1].removeprefix("skipped: ")
    marker = test.find("skipped")
    return marker.get("message", "") if marker is not None else ""


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for test in xml.etree.ElementTree.parse(sys.argv[1]).iter("testcase"):
        name, status = test.get("name"), test.get("status")
        if status == "run":
            print("passed", name)
        elif status == "fail":
            print("failed", name)
        else:
            # A program that could not start has failed; it did not choose to skip.
            if test.find("skipped") is not None and "SKIP" in (test.find("skipped").get("message") or ""):
                print(f"skipped {name}: {reason(test)}")
            else:
                print(f"failed {name}: did not run")


if __name__ == "__main__":
    main()
