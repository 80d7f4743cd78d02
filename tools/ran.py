"""Say how many tests ran: one line a run, from the reports in ``.nox/ran``, and what that makes.

The packages' own tests run alone and together, so the last lines count each test once, and name
those that each run left out.

python tools/ran.py clear    forget earlier runs
python tools/ran.py          the lines
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

RAN = Path(__file__).resolve().parent.parent / ".nox" / "ran"
COUNTS = ("tests", "failures", "errors", "skipped")
Test = tuple[str, str, str]  # package, file, name: names recur in other packages


def main(arguments: list[str]) -> int:
    """Print the table, or delete the reports."""
    reports = sorted(RAN.glob("*.xml"))
    if arguments == ["clear"]:
        for report in reports:
            report.unlink()
        return 0
    total = dict.fromkeys(COUNTS, 0)
    different, left_out = set[Test](), set[Test]()
    for report in reports:
        suite = ET.parse(report).getroot().find("testsuite")
        if suite is None:
            sys.exit(f"{report}: expected pytest's report")
        found = {name: int(suite.get(name, "0")) for name in COUNTS}
        total = {name: total[name] + found[name] for name in COUNTS}
        for case in suite.iter("testcase"):
            test = (suite.get("name", ""), case.get("classname", ""), case.get("name", ""))
            (different if case.find("skipped") is None else left_out).add(test)
        print(f"{report.stem:40} {words(found)}, {float(suite.get('time', 0)):.0f} s")
    print(f"{'all':40} {words(total)}")
    print(f"{'tests that ran, each counted once':40} {len(different)}")
    nowhere = sorted(left_out - different)
    print(f"{'tests that ran nowhere':40} {len(nowhere)}")
    for test in nowhere:
        print(f"    {' '.join(test)}")
    return 0


def words(found: dict[str, int]) -> str:
    """Return counts as words: what ran, what failed, what was left out."""
    ran = found["tests"] - found["skipped"]
    return f"{ran} ran, {found['failures'] + found['errors']} failed, {found['skipped']} skipped"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
