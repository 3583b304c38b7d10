"""The results as text, JSON, HTML and as a part of docs/acceptance.md."""

import html
import json

MOST = 200 # names of a suite in the document


def rows(report):
    for name, suite in sorted(report["suites"].items()):
        for way, counts in suite["ways"].items():
            yield name, way, counts


def line_of(name, way, counts):
    return name, way, counts["tests"], counts["plain"], counts["governed"], len(counts["different"]), len(counts["known"]), len(counts["flaky"])


HEADINGS = ("suite", "policy", "tests", "pass plain", "pass governed", "differences", "with a reason", "flaky")


def as_text(report):
    lines = [HEADINGS] + [tuple(map(str, line_of(*row))) for row in rows(report)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADINGS))]
    text = "\n".join("  ".join(cell.ljust(width) if i < 2 else cell.rjust(width) for i, (cell, width) in enumerate(zip(line, widths))).rstrip()
                     for line in lines) + "\n"
    for name, way, counts in rows(report):
        for test, plain, governed in counts["different"]:
            text += f"different: {name} {way}: {test or 'the unit itself'}: {plain} without, {governed} with\n"
    for name, why in sorted(report["left_out"].items()):
        text += f"left out: {name}: {why}\n"
    return text + summary(report) + "\n"


def summary(report):
    units = [counts for _, _, counts in rows(report)]
    tests = sum(max(counts["tests"] for counts in suite["ways"].values()) for suite in report["suites"].values() if suite["ways"])
    return (f"{len(report['suites'])} suites, {tests} tests, {sum(len(c['different']) for c in units)} differences without a reason, "
            f"{sum(len(c['known']) for c in units)} with one, {len(report['left_out'])} suites left out")


def as_json(report):
    return json.dumps(report, indent=1, sort_keys=True) + "\n"


def markdown_table(report):
    lines = ["| " + " | ".join(HEADINGS) + " |", "|" + "---|" * len(HEADINGS)]
    lines += ["| " + " | ".join(map(str, line_of(*row))) + " |" for row in rows(report)]
    return "\n".join(lines) + "\n"


def named(report):
    """Differences and their reasons, a line each."""
    lines = []
    for name, way, counts in rows(report):
        for test, plain, governed in counts["different"][:MOST]:
            lines.append(f"- {name}, {way}: `{test or '(the unit itself)'}`: {plain} without, {governed} with: no reason is known")
        for test, plain, governed, reason in counts["known"][:MOST]:
            lines.append(f"- {name}, {way}: `{test}`: {plain} without, {governed} with: {reason}")
    return "\n".join(lines) + "\n" if lines else "None.\n"


def as_markdown(report):
    text = f"{report['when']}, {report['machine']}, commit {report['commit']}: {summary(report)}.\n\n{markdown_table(report)}\n"
    text += "### What differs\n\n" + named(report)
    if report["left_out"]:
        text += "\n### Left out\n\n" + "".join(f"- {name}: {why}\n" for name, why in sorted(report["left_out"].items()))
    return text


def as_html(report):
    def cells(row, tag):
        return "<tr>" + "".join(f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in row) + "</tr>\n"
    body = "".join(cells(line_of(*row), "td") for row in rows(report))
    differences = "".join(f"<li>{html.escape(line[2:])}</li>\n" for line in named(report).splitlines() if line.startswith("- "))
    return ("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>acceptance</title><style>"
            "body{font:14px sans-serif}table{border-collapse:collapse}td,th{border:1px solid #999;padding:2px 8px;text-align:left}</style></head><body>\n"
            f"<h1>Other people's tests with and without nodewise</h1>\n<p>{html.escape(report['when'])}, {html.escape(report['machine'])}, "
            f"commit {html.escape(report['commit'])}: {html.escape(summary(report))}</p>\n"
            f"<table>{cells(HEADINGS, 'th')}{body}</table>\n<h2>What differs</h2>\n<ul>{differences}</ul></body></html>\n")


BEGIN, END = "<!-- written by tools/acceptance/run -->\n", "<!-- end -->\n"


def write_into(path, report):
    """Between the two marks of the document."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    before, rest = text.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + BEGIN + as_markdown(report) + END + after)
