#!/usr/bin/env python3
"""Manual pages of section 3, one for each function of the headers, from the comments that stand above them.

  header_pages.py --list HEADER…                        the functions, a name a line
  header_pages.py FOLDER DATE VERSION HEADER…           writes FOLDER/NAME.3

A function's comment is "name - summary", an empty line, and paragraphs. A paragraph whose lines begin with "word:" describes
parameters; one that begins with "Returns:", "Errors:" or "Safety:" becomes the section of that name. Structures and
enumerations that the declaration names are shown, with the comments on their members.
"""

import os
import re
import sys
import textwrap

COMMENT = re.compile(r"/\*\n \* (nw_\w+) - (.*?)\n((?: \*(?: [^\n]*)?\n)*) \*/\n(.*?;)", re.S)
TYPE = re.compile(r"(?:/\*((?:(?!\*/).)*)\*/\n)?^((?:struct|enum) nw_\w+) \{(.*?)^\};", re.S | re.M)
ERRNO = re.compile(r"(?:^|(?<=[.;] ))((?:-E[A-Z0-9]+(?:, )?)+(?:and others of [^:]+)?|Others[^:]*): ")
SAFETY = "Any thread. Not in signal handlers."


def plain(comment):
    """The text of a comment, without its stars."""
    return "\n".join(re.sub(r"^ \*? ?", "", line) for line in comment.split("\n")).strip("\n")


class Header:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.text = file.read()
        self.name = os.path.basename(path)
        self.types = {name: (plain(" " + (above or "")), body) for above, name, body in TYPE.findall(self.text)}
        self.functions = [Function(self, match) for match in COMMENT.finditer(self.text)]


class Function:
    def __init__(self, header, match):
        self.name, self.summary = match.group(1), match.group(2)
        self.declaration = " ".join(match.group(4).split())
        self.section = header.text.count("\n/* --- ", 0, match.start())
        self.paragraphs = [p for p in re.split(r"\n\s*\n", plain(match.group(3))) if p.strip()]

    def part(self, word):
        """The text of the paragraph that begins with that word, or None."""
        for paragraph in self.paragraphs:
            if paragraph.startswith(word + ":"):
                return " ".join(paragraph.split()).removeprefix(word + ":").strip()
        return None

    def description(self):
        return [p for p in self.paragraphs if not re.match(r"(Returns|Errors|Safety):", p)]


# --- roff ---


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line[:1] in ".'" else line for line in text.split("\n"))


def filled(text):
    """Text in lines of less than 80 characters, escapes included."""
    return "\n".join(escape(line) for line in textwrap.wrap(" ".join(text.split()), 62, break_long_words=False, break_on_hyphens=False))


def item(tag, text):
    return f".TP\n.B {escape(tag)}\n{filled(text)}"


def code(lines):
    """Lines of C, broken where they are long."""
    broken = []
    for line in lines:
        indent = " " * (len(line) - len(line.lstrip()) + 8)
        broken += textwrap.wrap(line, 72, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False) or [""]
    return ".nf\n" + "\n".join(escape(line) or "\\&" for line in broken) + "\n.fi"


def parameters(paragraph):
    """[(name, text)] of a paragraph about parameters, else None."""
    lines = paragraph.split("\n")
    if not re.match(r"[a-z_]+(?:, [a-z_]+)*: ", lines[0]):
        return None
    found = []
    for line in lines:
        match = re.match(r"([a-z_]+(?:, [a-z_]+)*): (.*)", line)
        if match:
            found.append([match.group(1), match.group(2)])
        else:
            found[-1][1] += " " + line
    return found


def members(body):
    """(the lines without comments, [(name, comment)]) of a structure or enumeration."""
    body = re.sub(r"\n\s*/\*(.*?)\*/(?=\n)", "", body, flags=re.S)  # comments above members stay in the header
    end = ";" if ";" in body else ","
    about, lines = [], []
    for statement, comment in re.findall(rf"([^{end}/]*{end})(?:[ \t]*/\*(.*?)\*/)?", body):
        statement = " ".join(statement.split())
        lines.append("    " + statement)
        pointer = re.search(r"\(\*(\w+)\)", statement)
        names = [pointer.group(1)] if pointer else re.findall(r"(\w+)(?:\[\w+\])?(?=[,;])", statement)
        if comment:
            about.append((", ".join(names), comment))
    return lines, about


def shown_types(headers, declaration):
    """(name, text above, body) of the types that a declaration names and a header defines."""
    for name in dict.fromkeys(re.findall(r"(?:struct|enum) nw_\w+", declaration)):
        for header in headers:
            if name in header.types:
                yield name, *header.types[name]


def page(function, header, headers, date, version):
    out = [f'.TH {function.name.upper()} 3 {date} "nodewise {version}" "Library Functions Manual"',
           f".SH NAME\n{function.name} \\-\n{filled(function.summary)}",
           ".SH LIBRARY\nlibnodewise\\-api, with the flags of\n.BR \"pkg\\-config \\-\\-cflags \\-\\-libs nodewise\" .", ".SH SYNOPSIS"]
    synopsis, explained = ["#include <nodewise.h>", ""], []
    for name, above, body in shown_types(headers, function.declaration):
        lines, about = members(body)
        synopsis += [name + " {", *lines, "};", ""]
        explained.append((name, above, about))
    out.append(code([*synopsis, function.declaration]))
    out.append(".SH DESCRIPTION")
    texts = []
    for paragraph in function.description():
        named = parameters(paragraph)
        texts.append("\n".join(item(*one) for one in named) if named else ".PP\n" + filled(paragraph))
    if not texts:
        texts.append(filled(function.summary[0].upper() + function.summary[1:] + "."))
    for name, above, about in explained:
        if above or about:
            texts.append("\n".join(".PP\n" + filled(text) for text in (above, f"Members of {name}:" if about else "") if text))
        texts += [item(*one) for one in about]
    out.append("\n".join(texts).removeprefix(".PP\n"))
    if function.part("Returns"):
        out.append(".SH RETURN VALUE\n" + filled(sentence(function.part("Returns"))))
    if function.part("Errors"):
        out.append(".SH ERRORS\n" + errors(function.part("Errors")))
    out.append(".SH SAFETY\n" + filled(sentence(function.part("Safety") or SAFETY)))
    mates = [other.name for other in header.functions if other.section == function.section and other is not function]
    out.append(".SH SEE ALSO\n" + ",\n".join(f".BR {escape(mate)} (3)" for mate in mates + ["nodewise"]).replace("nodewise (3)", "nodewise (1)")
               .replace("(3),", "(3) ,"))
    return "\n".join(out) + "\n"


def sentence(text):
    return text[0].upper() + text[1:]


def errors(text):
    """A list of the errors, each with what it means."""
    pieces = ERRNO.split(text)
    return "\n".join(item(pieces[i].rstrip(", "), pieces[i + 1].strip()) for i in range(1, len(pieces), 2))


def main():
    if sys.argv[1] == "--list":
        print("\n".join(function.name for path in sys.argv[2:] for function in Header(path).functions))
        return
    folder, date, version = sys.argv[1:4]
    headers = [Header(path) for path in sys.argv[4:]]
    for header in headers:
        for function in header.functions:
            with open(os.path.join(folder, function.name + ".3"), "w", encoding="utf-8") as file:
                file.write(page(function, header, headers, date, version))


if __name__ == "__main__":
    main()
