#!/usr/bin/env python3
"""Print a line for each test of ctest's JUnit file: "passed|failed|skipped NAME[: REASON]".

usage: read-results.py RESULTS.xml
"""
import re
import sys
import xml.etree.ElementTree

# The first line of a failed check: of an end-to-end test, of GoogleTest, of Python's unittest, of a sanitizer.
FAILURE = re.compile(r"NOT OK: |.*: Failure$|(FAIL|ERROR): \w+ \(|.*\b(ERROR|WARNING): \w+Sanitizer|.*: runtime error: ")
# Lines of passed checks, and of Python's tracebacks.
SAYS_NOTHING = re.compile(r"ok: |-{70}$|Traceback \(|  File |    ")
MOST_LINES, MOST_CHARACTERS = 6, 400


def reason_of_skip(test):
    """Returns the test's reason for being skipped."""
    output = test.findtext("system-out") or ""
    said = [line for line in output.splitlines() if line.startswith("skipped: ")]
    if said:
        return said[-1].removeprefix("skipped: ")
    marker = test.find("skipped")
    return marker.get("message", "") if marker is not None else ""


def reason_of_failure(test):
    """Returns the first failed checks: with these alone, a reader of the summary can begin to search."""
    lines = (test.findtext("system-out") or "").splitlines()
    first = next((i for i, line in enumerate(lines) if FAILURE.match(line)), None)
    if first is None:
        failure = test.find("failure")
        return (failure.get("message") if failure is not None else "") or "no output says why"
    told = [line.strip() for line in lines[first:] if not SAYS_NOTHING.match(line)]
    return " | ".join(told[:MOST_LINES])[:MOST_CHARACTERS]


def main():
    if len(sys.argv) == 2 and sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        return
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for test in xml.etree.ElementTree.parse(sys.argv[1]).iter("testcase"):
        name, status = test.get("name"), test.get("status")
        if status == "run":
            print("passed", name)
        elif status == "fail":
            print(f"failed {name}: {reason_of_failure(test)}")
        else:
            # A program that could not start has failed; it did not choose to skip.
            if test.find("skipped") is not None and "SKIP" in (test.find("skipped").get("message") or ""):
                print(f"skipped {name}: {reason_of_skip(test)}")
            else:
                print(f"failed {name}: did not run")


if __name__ == "__main__":
    main()
