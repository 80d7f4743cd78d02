"""Say how many tests ran: one line a run, from the reports in ``.nox/ran``, and the sum.

python tools/ran.py clear    forget earlier runs
python tools/ran.py          the lines
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

RAN = Path(__file__).resolve().parent.parent / ".nox" / "ran"
COUNTS = ("tests", "failures", "errors", "skipped")


def main(arguments: list[str]) -> int:
    """Print the table, or delete the reports."""
    reports = sorted(RAN.glob("*.xml"))
    if arguments == ["clear"]:
        for report in reports:
            report.unlink()
        return 0
    total = dict.fromkeys(COUNTS, 0)
    for report in reports:
        suite = ET.parse(report).getroot().find("testsuite")
        if suite is None:
            sys.exit(f"{report}: expected pytest's report")
        found = {name: int(suite.get(name, "0")) for name in COUNTS}
        total = {name: total[name] + found[name] for name in COUNTS}
        print(f"{report.stem:40} {words(found)}, {float(suite.get('time', 0)):.0f} s")
    print(f"{'all':40} {words(total)}")
    return 0


def words(found: dict[str, int]) -> str:
    """Return counts as words: what ran, what failed, what was left out."""
    ran = found["tests"] - found["skipped"]
    return f"{ran} ran, {found['failures'] + found['errors']} failed, {found['skipped']} skipped"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
