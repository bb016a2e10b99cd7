"""A row of the table: the measurement, the comparison, and the target."""


class Row:
    """`value` is compared with the target: a ratio, or a measurement in `unit`. Rows without a target are for information."""

    def __init__(self, id, what, ours, other_name=None, other=None, value=None, unit="ratio",
                 relation=None, target=None, note="", holds=True):  # fmt: skip
        self.id, self.what, self.ours = id, what, ours
        self.other_name, self.other = other_name, other
        self.value, self.unit, self.relation, self.target, self.note = value, unit, relation, target, note
        self.holds = holds  # other conditions for meeting the target

    @property
    def score(self):
        """Returns the ratio of target and value: 1 meets the target, 0.5 is half of it; None without a target."""
        if self.target is None or self.value is None:
            return None
        return self.value / self.target if self.relation == ">=" else self.target / max(self.value, 1e-9)

    @property
    def met(self):
        return None if self.score is None else self.score >= 1 and self.holds

    def as_json(self):
        return {
            "id": self.id,
            "what": self.what,
            "ours": self.ours and self.ours.as_json(),
            "other": self.other and {"name": self.other_name, **self.other.as_json()},
            "value": self.value,
            "unit": self.unit,
            "target": self.target and {"relation": self.relation, "value": self.target},
            "met": self.met,
            "note": self.note,
        }


def faster(id, what, ours, other_name, other, target=None, note=""):
    """Returns a row that compares speeds: the target is a multiple of the other's speed."""
    value = other.median / ours.median
    return Row(id, what, ours, other_name, other, value, "ratio", ">=", target, note)


def within(id, what, ours, other_name, other, target=None, note=""):
    """Returns a row that compares times: the target is a multiple of the other's time."""
    value = ours.median / other.median
    return Row(id, what, ours, other_name, other, value, "ratio", "<=", target, note)


def limited(id, what, ours, value, unit, target, note="", holds=True, other_name=None, other=None):
    """Returns a row with an absolute limit, which `other` can describe."""
    return Row(id, what, ours, other_name, other, value, unit, "<=", target, note, holds)


def missing(id, what, why):
    return Row(id, what, None, note="not measured: " + why)
