"""The distance of each row from its target, as SVG that is readable on light and dark pages."""
import math
from xml.sax.saxutils import escape

WIDTH, LABELS, NUMBERS = 1160, 560, 250  # of all; of the names at the left, of the values at the right
LINE, TOP, BOTTOM = 24, 52, 34
LOW, HIGH = 0.125, 8  # the axis; longer bars end there

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.faint { fill: #57606a; font-size: 12px; }
.head { font-weight: 600; }
.grid { stroke: #d0d7de; stroke-width: 1; }
.target { stroke: #24292f; stroke-width: 1.5; }
.met { fill: #2a78d6; }
.missed { fill: #d1642a; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .faint { fill: #9198a1; }
  .grid { stroke: #3d444d; }
  .target { stroke: #e6edf3; }
  .met { fill: #4c8fe6; }
  .missed { fill: #e0803f; }
}
"""


def position(score):
    """Returns the position of a score on the axis."""
    part = math.log(min(max(score, LOW), HIGH) / LOW) / math.log(HIGH / LOW)
    return LABELS + part * (WIDTH - LABELS - NUMBERS)


def score_of(row):
    value, target = row["value"], row["target"]["value"]
    return value / target if row["target"]["relation"] == ">=" else target / max(value, 1e-9)


def label(row, most=84):
    against = row["other"] and row["other"]["name"].split(":")[0]
    text = row["what"].replace("`", "") + (", against " + against.replace("limit", "the limit") if against else "")
    return text if len(text) <= most else text[: most - 1].rstrip(" ,") + "…"


def svg(rows, value_of, target_of):
    rows = [row for row in rows if row["target"] and row["value"] is not None]
    height = TOP + LINE * len(rows) + BOTTOM
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">'
        % (WIDTH, height, WIDTH, height),
        "<title>layoutfs and its targets</title>",
        "<style>%s</style>" % STYLE,
        '<text class="head" x="0" y="18">Each measurement against its target: to the right of the line it is better</text>',
    ]

    def text(x, y, content, classes="", anchor="start"):
        parts.append('<text class="%s" x="%.1f" y="%.1f" text-anchor="%s">%s</text>' % (classes, x, y, anchor, escape(content)))

    bottom = TOP + LINE * len(rows)
    for exponent in range(int(math.log2(LOW)), int(math.log2(HIGH)) + 1):
        x, score = position(2.0**exponent), 2.0**exponent
        parts.append('<line class="%s" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>' % ("target" if exponent == 0 else "grid", x, x, TOP - 6, bottom))
        text(x, TOP - 12, "target" if exponent == 0 else ("%g×" % score if score > 1 else "1/%g" % (1 / score)), "faint", "middle")
    for number, row in enumerate(rows):
        y, score = TOP + LINE * number, score_of(row)
        begin, end = sorted((position(1), position(score)))
        text(LABELS - 10, y + 16, label(row), anchor="end")
        parts.append(
            '<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%d" rx="2"/>'
            % ("met" if row["met"] else "missed", begin, y + 4, max(end - begin, 2), LINE - 8)
        )
        values = "%s, target %s" % (value_of(row), target_of(row))
        text(WIDTH - NUMBERS + 10, y + 16, values, "" if row["met"] else "head")
    text(0, bottom + 22, "Blue: met. Orange, and in bold: not met. The scale is logarithmic and ends at 1/8 and 8 times.", "faint")
    return "\n".join(parts) + "\n</svg>\n"
