"""Every code of policy/codes.def is provoked somewhere: a test names it in quotes. test_codes.py ROOT"""

import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
codes = re.findall(r"^CODE\((\w+),", (root / "policy" / "codes.def").read_text(), re.MULTILINE)
named = set()
for path in [*root.glob("tests/**/*.c"), *root.glob("tests/**/*.py")]:
    named |= set(re.findall(r"""["'\[]([EWN]\d{3})["'\]:]""", path.read_text()))
missing, unknown = sorted(set(codes) - named), sorted(named - set(codes))
print(f"{len(codes)} codes; without a test: {missing}; in tests, but no code: {unknown}")
sys.exit(bool(missing or unknown) or not codes)
