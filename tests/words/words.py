#!/usr/bin/env python3
"""Check the English of comments, messages, checks of end-to-end tests, README and manuals: conditions with "if", results with
"returns", and a noun instead of a clause with "what", "who" or "where". A check has a sentence that is clear without the one
before it. The limits for comments are the level of LevelDB (0.1 "what", 0.8 "where",
12 if, 12 returns per 1,000 words) and of mount-zip (0.0, 1.1, 16, 7).

Code in backquotes, a single word in double quotes or asterisks, names of functions and variables, URLs and examples do not
count. Proves first, on small samples, that it finds each word. --counts prints the table of all parts.

usage: words.py [--counts] SOURCE_DIRECTORY
"""
import collections
import pathlib
import re
import sys

import source_text

KINDS = {
    "what": re.compile(r"what(ever|'s)?"),
    "who": re.compile(r"who(ever|se|m|mever|'s)?"),
    "where": re.compile(r"where(ver)?"),
    "if": re.compile(r"if"),
    "return": re.compile(r"returns?"),
}
Limits = collections.namedtuple("Limits", "what who where if_ returns")
Part = collections.namedtuple("Part", "limits folders pattern texts")

# Per 1,000 words: at most this number of "what", "who" and "where", at least this number of "if" and
# "return".
LEVEL = Limits(0.3, 0.3, 1.5, 6, 4)
PROSE = Limits(0.3, 0.3, 1.5, 0, 0)
# Comments of tests describe inputs and expectations, with fewer conditions.
TESTS = Limits(0.3, 0.3, 1.5, 4, 4)
SCRIPTS = r".*\.(h|cc|fbs|sh|py|cmake)|CMakeLists\.txt"


def comments(name, text):
    return source_text.comments(name, text)


def messages(_, text):
    return source_text.messages(text)


def check_sentences(_, text):
    return source_text.check_sentences(text)


def markdown(_, text):
    return source_text.markdown(text)


def manual(_, text):
    return source_text.manual(text)


PARTS = {
    "comments": Part(LEVEL, ["include", "core", "fs", "tools", "scripts", "cmake", "docs", "CMakeLists.txt"], SCRIPTS, comments),
    "comments of tests": Part(TESTS, ["tests"], SCRIPTS, comments),
    "sentences of checks": Part(PROSE, ["tests/e2e"], r".*\.sh", check_sentences),
    "messages": Part(PROSE, ["core", "fs", "tools"], r".*\.(h|cc)", messages),
    "README": Part(PROSE, ["README.md"], r".*", markdown),
    "pages": Part(PROSE, ["docs"], r".*\.md", markdown),
    "CONTRIBUTING": Part(PROSE, ["CONTRIBUTING.md"], r".*", markdown),
    "manuals": Part(PROSE, ["docs"], r".*\.[1-8]", manual),
}


class Count:
    def __init__(self):
        self.words = 0
        self.texts = []
        self.places = collections.defaultdict(list)

    def add(self, place, text):
        self.texts.append((place, text))
        for word in source_text.words(text):
            self.words += 1
            for kind, pattern in KINDS.items():
                if pattern.fullmatch(word):
                    self.places[kind].append((place, text))

    def per_thousand(self, kind):
        return 1000 * len(self.places[kind]) / max(self.words, 1)


def count(root, part):
    counted = Count()
    for folder in part.folders:
        top = root / folder
        files = [top] if top.is_file() else sorted(file for file in top.rglob("*") if file.is_file())
        for file in files:
            if re.fullmatch(part.pattern, file.name) and "__pycache__" not in file.parts:
                name = str(file.relative_to(root))
                for line, text in part.texts(name, file.read_text()):
                    counted.add(f"{name}:{line}", text)
    return counted


def wrong(title, counted, limits):
    """Yields the lines of words that exceed their limit, and of those that are too rare."""
    for kind in ("what", "who", "where"):
        limit = getattr(limits, kind)
        if counted.per_thousand(kind) > limit:
            yield (f"{title}: {counted.per_thousand(kind):.1f} \"{kind}\" per 1,000 words, at most {limit}: "
                   "use the noun, or a condition with \"if\" or \"when\"")
            yield from (f"  {place}: {text.strip()}" for place, text in counted.places[kind])
    for kind, limit in (("if", limits.if_), ("return", limits.returns)):
        if counted.per_thousand(kind) < limit:
            yield (f"{title}: {counted.per_thousand(kind):.1f} \"{kind}\" per 1,000 words, at least {limit}: "
                   "conditions begin with \"if\", results with \"Returns\"")


# First words of a sentence that cannot be understood without the sentence before it.
CONTINUED = re.compile(r"(and|or|but|nor|neither|which|that|those|these|it|its|they|so|also|as|unless|too|one)\b", re.I)


def continued(title, counted):
    """Yields a line for each sentence that continues another one."""
    for place, text in counted.texts:
        if CONTINUED.match(text):
            yield f"{title}: {place}: the sentence continues another one: {text.strip()}"


# A text by the kind of its name, and the words that must be found in it, with their lines.
SAMPLES = [
    ("a.cc", "int a;  // what\n", ["what 1"]),
    ("a.cc", '/* Whose,\n   if */ f("what // where");\n', ["who 1", "if 1"]),
    ("a.cc", "// Returns `what` of where_from, what() and https://a.b/who? \"who\"\n", ["return 1"]),
    ("a.cc", "char c = '\"'; // where\n", ["where 1"]),
    ("a.h", 'R"(\n// what\n)"; // who\n', ["who 3"]),
    ("a.py", '"""What\n\nwho"""\nx = "where"  # if\n', ["what 1", "who 3", "if 4"]),
    ("a.py", 'def f():\n    """return"""\n    return "what"\n', ["return 2"]),
    ("a.sh", "#!/bin/sh what\necho '# who' # where\n", ["where 2"]),
    ("CMakeLists.txt", "# If\nset(a \"# what\")\n", ["if 1"]),
    ("messages", 'fail(Errc::io, "no file " + name +\n  " where");\n', ["where 1"]),
    ("messages", 'f("where"); g("{where is}"); // what\n', []),
    ("messages", 'f("a file", x); g("who is it");\n', ["who 1"]),
    ("checks", 'check "what $a is" b\nok "no ${b:-who} $(who "where") where" || not_ok "$1"\n', ["what 1", "where 2"]),
    ("README", "What\n```\nwho\n```\n[if](where.md)\n", ["what 1", "if 5"]),
    ("manual", ".TH who\n.PP\nwhat \\fBif\\fP\n.EX\nwhere\n.EE\n", ["what 3", "if 3"]),
]
TEXTS = {"messages": messages, "checks": check_sentences, "README": markdown, "manual": manual}


def unproven():
    """Yields a line for each sample in which other words are found, and for each limit that does not hold."""
    for name, text, expected in SAMPLES:
        counted = Count()
        for line, prose in TEXTS.get(name, comments)(name, text):
            counted.add(line, prose)
        found = sorted(f"{kind} {place}" for kind, places in counted.places.items() for place, _ in places)
        if found != sorted(expected):
            yield f"{sys.argv[0]}: in {name} {text!r}: {found}, not {expected}"
    few = Count()
    few.add("a:1", "where who what " + "x " * 997)
    if [line.strip()[:4] for line in wrong("t", few, Limits(0, 1, 1, 1, 0))] != ["t: 1", "a:1:", "t: 0"]:
        yield f"{sys.argv[0]}: limits do not hold: {list(wrong('t', few, Limits(0, 1, 1, 1, 0)))}"
    few.add("a:2", "and it is mounted")
    if [line.split(": ")[1] for line in continued("t", few)] != ["a:2"]:
        yield f"{sys.argv[0]}: sentences that continue others are not found: {list(continued('t', few))}"


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--counts"]
    if len(arguments) != 1:
        sys.exit(__doc__)
    found = list(unproven())
    counts = {title: count(pathlib.Path(arguments[0]), part) for title, part in PARTS.items()}
    if "--counts" in sys.argv:
        print(f"{'per 1,000 words':20}{'words':>8}" + "".join(f"{kind:>8}" for kind in KINDS))
        for title, counted in counts.items():
            print(f"{title:20}{counted.words:8}" + "".join(f"{counted.per_thousand(kind):8.1f}" for kind in KINDS))
    for title, counted in counts.items():
        if counted.words == 0:
            found.append(f"{title}: no words found")
        found += wrong(title, counted, PARTS[title].limits)
    found += continued("sentences of checks", counts["sentences of checks"])
    print("\n".join(found) if found else "the words are within their limits")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
