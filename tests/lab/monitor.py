"""Asks QEMU about a guest that does not end: where its CPUs are."""

import json
import re
import socket


def ask(path, commands):
    """The answers of QEMU's monitor; QMP's lines of JSON (docs/interop/qmp-intro.txt)."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(path)
        stream = connection.makefile("rw", encoding="utf-8")
        stream.readline()
        answers = []
        for name, arguments in [("qmp_capabilities", {})] + commands:
            stream.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
            stream.flush()
            answer = json.loads(stream.readline())
            while "event" in answer:
                answer = json.loads(stream.readline())
            answers.append(answer.get("return"))
        return answers[1:]


def where_cpus_are(path):
    """Twice, with the second look some time later: a CPU that stands still shows the same place."""
    command = ("human-monitor-command", {"command-line": "info registers -a"})
    try:
        looks = [ask(path, [command])[0] for _ in range(2)]
    except (OSError, ValueError) as error:
        return f"lab: QEMU's monitor does not answer: {error}\n"
    lines = []
    for look in looks:
        places = re.findall(r"RIP=([0-9a-f]+) RFL=[0-9a-f]+ \[\S*\] CPL=(\d).*?HLT=(\d)", look)
        lines.append("lab: CPUs at " + ", ".join(f"{rip} ({'user' if level == '3' else 'kernel'}"
                                                 f"{', halted' if halted == '1' else ''})" for rip, level, halted in places))
    return "\n".join(lines) + "\n"
