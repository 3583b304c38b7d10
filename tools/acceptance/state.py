"""What was run already: a line of JSON for each run, so that a run that was interrupted goes on where it was."""

import hashlib
import json
import os
import threading


def identity(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()[:16]


class State:
    def __init__(self, path, build):
        """build: identity of the library; what ran under another one does not count, but for what ran without any."""
        self.path, self.build, self.lock, self.runs = path, build, threading.Lock(), {}
        if not os.path.exists(path):
            return
        with open(path, encoding="utf-8") as file:
            for line in file:
                self.take(line)

    def take(self, line):
        try:
            run = json.loads(line)
            if run["build"] in (None, self.build):
                self.runs[run["suite"], run["text"], run["unit"], run["way"], run["attempt"]] = run["tests"]
        except (ValueError, KeyError):
            pass # the last line of a run that was ended

    def get(self, suite, text, unit, way, attempt):
        return self.runs.get((suite, text, unit, way, attempt))

    def put(self, suite, text, unit, way, attempt, tests, seconds):
        run = {"suite": suite, "text": text, "unit": unit, "way": way, "attempt": attempt, "tests": tests, "seconds": round(seconds, 1),
               "build": None if way == "plain" else self.build}
        with self.lock:
            self.runs[suite, text, unit, way, attempt] = tests
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(run) + "\n")
