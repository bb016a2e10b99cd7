"""The results as a table, as JSON, and in README.md and docs/."""
import json
import sys
import textwrap

import plot

OURS = ("layoutfs", "commit")
BEGIN, END = "<!-- benchmark -->", "<!-- /benchmark -->"
# The rows of README.md and its plot.
README = (
    "layout-mount",
    "first-list-gzip",
    "first-list-zstd",
    "first-list-pair-umoci",
    "next-list-time-kernel",
    "first-byte-gzip-time",
    "first-byte-zstd-time",
    "once-large-zstd-kernel",
    "grep-gzip-squashfuse-kernel",
    "index-gzip",
)


def number(value):
    """Returns the number with three significant digits."""
    return "%.3g" % value if value < 1000 else "%.0f" % value


def measured(sample):
    """Returns the median with its unit, and the spread of the measurements."""
    if sample is None:
        return ""
    unit, scale = sample["unit"], 1
    if unit == "s" and sample["median"] < 1:
        unit, scale = "ms", 1000
    text = "%s %s" % (number(sample["median"] * scale), unit)
    if sample["runs"] > 1:
        text += " (%s–%s)" % (number(sample["min"] * scale), number(sample["max"] * scale))
    return text


def compared(row):
    other = row["other"]
    return "%s: %s" % (other["name"], measured(other)) if other else ""


def value_of(row):
    if row["value"] is None:
        return ""
    return number(row["value"]) + ("" if row["unit"] == "ratio" else " " + row["unit"])


def target_of(row):
    target = row["target"]
    if not target:
        return ""
    sign = {">=": "≥", "<=": "≤"}[target["relation"]]
    return "%s %s%s" % (sign, number(target["value"]), "" if row["unit"] == "ratio" else " " + row["unit"])


def met_of(row):
    return {None: "", True: "met", False: "**not met**"}[row["met"]]


COLUMNS = {
    "measurement": lambda row: row["what"],
    "layoutfs": lambda row: measured(row["ours"]) or row["note"],
    "limit or peer": compared,
    "ratio or value": value_of,
    "target": target_of,
    "": met_of,
}


def line(row):
    """Returns one Row in words."""
    cells = [cell(row.as_json()) for cell in COLUMNS.values()]
    return " | ".join(cell.replace("**", "") for cell in cells if cell)


def table(result):
    """Prints the table for a terminal."""
    rows = [list(COLUMNS)] + [[cell(row).replace("**", "") for cell in COLUMNS.values()] for row in result["rows"]]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    lines += ["", how(result)] + [row["what"] + ": " + row["note"] for row in result["rows"] if row["note"]]
    met = [row["met"] for row in result["rows"] if row["met"] is not None]
    return "\n".join(lines + ["%d of %d targets are met" % (sum(met), len(met))])


def markdown(rows):
    cells = [list(COLUMNS), ["---"] * len(COLUMNS)]
    cells += [[cell(row).replace("|", "\\|") for cell in COLUMNS.values()] for row in rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)


def wrapped(*sentences, indent=""):
    return textwrap.fill(" ".join(sentences), 140, break_on_hyphens=False, break_long_words=False, subsequent_indent=indent)


def notes(rows):
    """Returns the notes of measured rows as a list, each once."""
    texts = {}
    for row in rows:
        if row["note"] and row["ours"]:
            texts.setdefault(row["note"], row["what"])
    return "\n".join(wrapped("- %s: %s." % (what, note), indent="  ") for note, what in texts.items())


def how(result):
    """Returns the machine and the environment, in sentences."""
    machine, image, versions = result["machine"], result["image"], result["machine"]["versions"]
    is_busy = machine["loadAtStart"] > machine["cores"] / 4
    sentences = [
        "Measured on %s, %d cores, %.0f GiB of memory, Linux %s, %s."
        % (machine["cpu"], machine["cores"], machine["memoryBytes"] / 2**30, machine["kernel"], machine["system"]),
        "The machine had other work (its load was %.1f before), so times are too long and ratios uncertain."
        % machine["loadAtStart"]
        if is_busy
        else "The machine had nothing else to do.",
        "The image: %s; %s entries, %.0f MB of content, %.0f MB as one gzip layer."
        % (image["madeOf"], format(image["entries"], ","), image["contentBytes"] / 1e6, image["layerBytes"] / 1e6),
        "Versions: layoutfs %s, %s." % (versions["commit"], ", ".join("%s %s" % pair for pair in versions.items() if pair[0] not in OURS)),
        "The page cache is cleared by %s." % result["coldBy"],
    ]
    return wrapped(*sentences)


def write_json(result, name):
    text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    if name == "-":
        sys.stdout.write(text)
    else:
        with open(name, "w") as file:
            file.write(text)


def write_plot(result, name):
    with open(name, "w") as file:
        file.write(plot.svg(result["rows"], value_of, target_of))


def replace_in(page, paragraphs):
    """Replaces the part of the page between the marks."""
    before, rest = page.read_text().split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(before + BEGIN + "\n" + "\n\n".join(paragraphs) + "\n" + END + after)


def write_pages(result, directory):
    """Puts all rows into docs/benchmarks.md, and some of them into README.md, each with its plot."""
    docs, rows = directory / "docs", {row["id"]: row for row in result["rows"]}
    shown = [rows[id] for id in README if id in rows]
    write_plot(result, docs / "benchmark-all.svg")
    write_plot({"rows": shown}, docs / "benchmark.svg")
    sentences = how(result)
    replace_in(
        docs / "benchmarks.md",
        [
            wrapped(
                "Medians (lowest to highest). Both sides of a comparison ran alternately, in one run of `scripts/bench.sh`. A ratio with a",
                "minimum (≥) is the speed of layoutfs divided by that of the other side; a ratio with a maximum (≤) is its time or size",
                "divided by that of the other side.",
            ),
            sentences,
            "![how far each target is exceeded or missed](benchmark-all.svg)",
            markdown(result["rows"]),
            notes(result["rows"]),
        ],
    )
    machine, image = result["machine"], result["image"]
    replace_in(
        directory / "README.md",
        [
            wrapped(
                "Measured on %d cores (%s), with an image of %s files and %.0f MB, %.0f MB as one gzip layer. The limits were measured in"
                % (machine["cores"], machine["cpu"], format(image["entries"], ","), image["contentBytes"] / 1e6, image["layerBytes"] / 1e6),
                "the same run: the decoder on one thread and SHA-256 on another for the first listing, only the decoder for reads.",
                "[Benchmarks](docs/benchmarks.md) has all rows and the method.",
            ),
            "![how far each target is exceeded or missed](docs/benchmark.svg)",
            markdown(shown),
        ],
    )
