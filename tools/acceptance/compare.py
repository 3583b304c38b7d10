"""What differs between a suite's tests without nodewise and with it."""


def unit_differs(plain, governed):
    """The tests of a unit whose results differ, or that only one side has."""
    return {name for name in plain.keys() | governed.keys() if plain.get(name, "missing") != governed.get(name, "missing")}


def judge(runs_plain, runs_governed):
    """
    Of a unit's runs on both sides, each {test: result}: its tests, and of those that differ what they are. A test whose
    result changes among the runs of one side is flaky: it says nothing.
    """
    counts = {"tests": 0, "plain": 0, "governed": 0, "flaky": [], "different": []}
    for name in sorted(set().union(*runs_plain, *runs_governed)):
        plain, governed = ([run.get(name, "missing") for run in runs] for runs in (runs_plain, runs_governed))
        counts["tests"] += 1
        counts["plain"] += plain[0] == "pass"
        counts["governed"] += governed[0] == "pass"
        if len(set(plain)) > 1 or len(set(governed)) > 1:
            counts["flaky"].append(name)
        elif plain[0] != governed[0]:
            counts["different"].append([name, plain[0], governed[0]])
    return counts


def add(total, counts):
    for key, value in counts.items():
        total[key] = total[key] + value if key in total else value
    return total
