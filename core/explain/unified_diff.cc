// Myers' algorithm with linear space ("An O(ND) Difference Algorithm and Its Variations", 1986).
//
// Equal lines get equal numbers, by sorting: hashes could be made to collide. A *box* is a range of lines of
// each text that still has to be compared. Its common lines at both ends are dropped first. Then two
// searches, one from each end, extend the furthest paths with d changes, for d = 0, 1, 2...: vector element k
// is the furthest line of the first text on diagonal k (the difference of both line numbers). When the
// searches meet, that point is on a shortest path, and splits the box in two.
//
// A search that takes more than a number of changes (kMostChanges) splits the box at its furthest point
// instead, and after all steps are spent, the remaining boxes are taken as changed. So the time is bounded,
// and the result is always a correct, but not always a shortest, list of changes.
#include "core/explain/unified_diff.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace layoutfs {
namespace {

using Line = std::int32_t;  // a number of a line, or a difference of two

constexpr Line kMostChanges = 256;

// Lines with their line breaks.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.push_back(text.substr(0, end == std::string_view::npos ? end : end + 1));
    text.remove_prefix(lines.back().size());
  }
  return lines;
}

class LineComparison {
 public:
  LineComparison(std::string_view before, std::string_view after, std::uint64_t steps)
      : before_(lines_of(before)),
        after_(lines_of(after)),
        removed_(before_.size()),
        added_(after_.size()),
        steps_(steps) {
    number_lines();
    compare();
  }

  std::string hunks(Line context) const {
    std::string text;
    const auto changes = find_changes();
    for (auto first = changes.begin(); first != changes.end();) {
      // Changes with at most twice the context between them share a hunk.
      auto last = first;
      while (last + 1 != changes.end() && (last + 1)->before - last->before_end <= 2 * context) ++last;
      append_hunk(text, std::span(first, last + 1), context);
      first = last + 1;
    }
    return text;
  }

 private:
  // Lines from `before` to `before_end` are replaced by those from `after` to `after_end`.
  struct Box {
    Line before, before_end, after, after_end;
  };
  struct Point {
    Line before, after;
  };

  void number_lines() {
    const std::size_t total = before_.size() + after_.size();
    const auto line = [this](std::size_t i) {
      return i < before_.size() ? before_[i] : after_[i - before_.size()];
    };
    std::vector<std::uint32_t> order(total);
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::sort(order, {}, line);
    numbers_.resize(total);
    for (std::size_t i = 0; i < total; ++i)
      numbers_[order[i]] = i == 0                                 ? 0
                           : line(order[i]) == line(order[i - 1]) ? numbers_[order[i - 1]]
                                                                  : static_cast<std::uint32_t>(i);
  }

  bool is_equal(Line before, Line after) const {
    return numbers_[static_cast<std::size_t>(before)] ==
           numbers_[before_.size() + static_cast<std::size_t>(after)];
  }

  void compare() {
    std::vector<Box> boxes{{0, static_cast<Line>(before_.size()), 0, static_cast<Line>(after_.size())}};
    while (!boxes.empty()) {
      Box box = boxes.back();
      boxes.pop_back();
      while (box.before < box.before_end && box.after < box.after_end && is_equal(box.before, box.after))
        ++box.before, ++box.after;
      while (box.before < box.before_end && box.after < box.after_end &&
             is_equal(box.before_end - 1, box.after_end - 1))
        --box.before_end, --box.after_end;
      const bool is_split = box.before < box.before_end && box.after < box.after_end && steps_ > 0;
      if (!is_split) {
        std::fill(removed_.begin() + box.before, removed_.begin() + box.before_end, true);
        std::fill(added_.begin() + box.after, added_.begin() + box.after_end, true);
        continue;
      }
      const Point at = find_split(box);
      boxes.push_back({at.before, box.before_end, at.after, box.after_end});
      boxes.push_back({box.before, at.before, box.after, at.after});
    }
  }

  // One of the two searches. Positions are relative to the corner of the box where it begins.
  struct Search {
    std::vector<Line> furthest;  // by diagonal, shifted by `shift`; -1: not reached
    Line shift = 0;

    Line& at(Line diagonal) { return *(furthest.begin() + (diagonal + shift)); }
    void begin(Line lowest, Line highest) {
      shift = -lowest;
      const Line count = highest - lowest + 1;
      furthest.assign(static_cast<std::size_t>(count), -1);
    }
  };

  // Extends the furthest path on a diagonal to `changes` changes. `size` and `other_size` are those of the
  // box; `is_equal_at` compares lines by their distances from the corner.
  template <class IsEqualAt>
  Line extend(Search& search, Line diagonal, Line changes, Line size, Line other_size,
              const IsEqualAt& is_equal_at) {
    Line x = changes == 0 ? 0 : -1;
    if (const Line left = search.at(diagonal - 1); left >= 0 && left < size) x = left + 1;
    if (const Line above = search.at(diagonal + 1); above >= 0 && above - diagonal <= other_size)
      x = std::max(x, above);
    const Line begin = x;
    if (x >= 0)
      while (x < size && x - diagonal < other_size && is_equal_at(x, x - diagonal)) ++x;
    const auto steps = static_cast<std::uint64_t>(x - begin) + 1;
    steps_ -= std::min(steps_, steps);
    return search.at(diagonal) = x;
  }

  // Returns a point inside of the box, neither its first nor its last corner. Preconditions: both ranges have
  // lines, and neither the first nor the last lines are equal.
  Point find_split(const Box& box) {
    const Line size = box.before_end - box.before, other_size = box.after_end - box.after;
    const Line delta = size - other_size;
    const bool is_odd = delta % 2 != 0;
    const Line most = std::max(kMostChanges, static_cast<Line>(std::sqrt(size + other_size)));
    const Line lowest = std::max(-other_size, -most), highest = std::min(size, most);
    forward_.begin(lowest - 1, highest + 1);
    backward_.begin(lowest - 1, highest + 1);
    const auto is_equal_forward = [&](Line x, Line y) { return is_equal(box.before + x, box.after + y); };
    const auto is_equal_backward = [&](Line x, Line y) {
      return is_equal(box.before_end - 1 - x, box.after_end - 1 - y);
    };
    for (Line changes = 0; changes <= most && steps_ > 0; ++changes) {
      // Diagonals outside of the box are skipped.
      const Line first = -changes + 2 * std::max(0, changes - other_size);
      const Line last = changes - 2 * std::max(0, changes - size);
      for (Line k = first; k <= last; k += 2) {
        const Line x = extend(forward_, k, changes, size, other_size, is_equal_forward);
        const Line met = delta - k;
        if (is_odd && std::abs(met) < changes && x + backward_.at(met) >= size)
          return {box.before + x, box.after + x - k};
      }
      for (Line k = first; k <= last; k += 2) {
        const Line x = extend(backward_, k, changes, size, other_size, is_equal_backward);
        const Line met = delta - k;
        if (!is_odd && std::abs(met) <= changes && x + forward_.at(met) >= size)
          return {box.before_end - x, box.after_end - (x - k)};
      }
    }
    return furthest_point(box, lowest, highest);
  }

  Point furthest_point(const Box& box, Line lowest, Line highest) {
    Line best = lowest;
    Line best_sum = -1;
    for (Line k = lowest; k <= highest; ++k) {
      const Line x = forward_.at(k);
      if (x < 0 || 2 * x - k <= best_sum) continue;
      best = k;
      best_sum = 2 * x - k;
    }
    const Line x = forward_.at(best);
    return {box.before + x, box.after + x - best};
  }

  std::vector<Box> find_changes() const {
    std::vector<Box> changes;
    const auto size = static_cast<Line>(before_.size()), other_size = static_cast<Line>(after_.size());
    for (Line i = 0, j = 0; i < size || j < other_size;) {
      Box change{i, i, j, j};
      while (change.before_end < size && removed_[static_cast<std::size_t>(change.before_end)])
        ++change.before_end;
      while (change.after_end < other_size && added_[static_cast<std::size_t>(change.after_end)])
        ++change.after_end;
      i = change.before_end;
      j = change.after_end;
      if (i > change.before || j > change.after)
        changes.push_back(change);
      else
        ++i, ++j;
    }
    return changes;
  }

  static void append_range(std::string& text, Line begin, Line end) {
    // An empty range is named by the line before it.
    text += std::to_string(end > begin ? begin + 1 : begin);
    if (end - begin != 1) text.append(",").append(std::to_string(end - begin));
  }

  static void append_line(std::string& text, char mark, std::string_view line) {
    text.append(1, mark).append(line);
    if (!line.ends_with('\n')) text += "\n\\ No newline at end of file\n";
  }

  void append_hunk(std::string& text, std::span<const Box> changes, Line context) const {
    const Box& first = changes.front();
    const Box& last = changes.back();
    const Line before = first.before - std::min(context, first.before);
    const Line after = first.after - (first.before - before);
    const Line rest = std::min(context, static_cast<Line>(before_.size()) - last.before_end);
    text += "@@ -";
    append_range(text, before, last.before_end + rest);
    text += " +";
    append_range(text, after, last.after_end + rest);
    text += " @@\n";
    Line next = before;
    const auto append_unchanged = [&](Line end) {
      for (; next < end; ++next) append_line(text, ' ', before_[static_cast<std::size_t>(next)]);
    };
    for (const Box& change : changes) {
      append_unchanged(change.before);
      for (; next < change.before_end; ++next)
        append_line(text, '-', before_[static_cast<std::size_t>(next)]);
      for (Line line = change.after; line < change.after_end; ++line)
        append_line(text, '+', after_[static_cast<std::size_t>(line)]);
    }
    append_unchanged(last.before_end + rest);
  }

  const std::vector<std::string_view> before_, after_;
  std::vector<std::uint32_t> numbers_;  // of the lines of both
  std::vector<bool> removed_, added_;
  std::uint64_t steps_;  // left
  Search forward_, backward_;
};

}  // namespace

bool is_comparable_text(std::string_view content) {
  return content.size() <= kMaxTextSize && !content.contains('\0') &&
         static_cast<std::size_t>(std::ranges::count(content, '\n')) < kMaxTextLines;
}

std::string unified_hunks(std::string_view before, std::string_view after, const UnifiedOptions& options) {
  return LineComparison(before, after, options.steps).hunks(static_cast<Line>(options.context));
}

}  // namespace layoutfs
