"""What a unit of a suite printed, as results of single tests: {name: "pass", "fail" or "skip"}."""

import re
from xml.etree import ElementTree

TAP = re.compile(r"^(?P<not>not )?ok\b *(?P<number>\d+)?(?: *-)? *(?P<name>[^#\n]*?) *(?:#(?: *(?P<directive>(?i:skip|todo))\b)?.*)?$", re.MULTILINE)


def unique(pairs):
    """Names that come again get a number."""
    found, seen = {}, {}
    for name, result in pairs:
        seen[name] = seen.get(name, 0) + 1
        found[name if seen[name] == 1 else f"{name} ({seen[name]})"] = result
    return found


def of_tap(text):
    def result(match):
        if match["directive"]:
            return "skip"
        return "fail" if match["not"] else "pass"
    return unique((match["name"] or match["number"] or "", result(match)) for match in TAP.finditer(text))


def of_junit(text):
    """A test without a child has passed."""
    begin = text.find("<testsuite")
    if begin < 0:
        return {}
    try:
        root = ElementTree.fromstring(text[begin:])
    except ElementTree.ParseError:
        return {}
    def result(case):
        kinds = {child.tag for child in case}
        return "skip" if "skipped" in kinds else "fail" if kinds & {"failure", "error"} else "pass"
    return unique((f"{case.get('classname', '')}.{case.get('name', '')}", result(case)) for case in root.iter("testcase"))


def of_lines(text, form):
    skipped = form.get("skipped", [])
    return unique((match["name"].strip(), "pass" if match["result"] in form["passed"] else "skip" if match["result"] in skipped else "fail")
                  for match in re.finditer(form["line"], text, re.MULTILINE))


def read(form, text, code):
    """code: the exit status; None: it was ended because its time was over. What tells of no single test is one itself."""
    found = {}
    if form == "tap":
        found = of_tap(text)
    elif form == "junit":
        found = of_junit(text)
    elif isinstance(form, dict):
        found = of_lines(text, form)
    if code is None or not found:
        found[""] = "time" if code is None else "pass" if code == 0 else "skip" if code == 77 else "fail"
    return found
