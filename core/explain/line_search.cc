#include "core/explain/line_search.h"

#include <algorithm>
#include <utility>

namespace layoutfs {
namespace {

std::uint64_t count_lines(std::string_view text) {
  return static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
}

// Returns the position after the line that starts at `at`, and after its '\n'.
std::size_t end_of_line(std::string_view lines, std::size_t at) {
  const std::size_t newline = lines.find('\n', at);
  return newline == std::string_view::npos ? lines.size() : newline + 1;
}

std::string_view without_newline(std::string_view line) {
  return line.substr(0, line.size() - (line.ends_with('\n') ? 1 : 0));
}

}  // namespace

LineSearch::LineSearch(const LinePattern& pattern, const SearchOptions& options, OnLine on_line)
    : pattern_(pattern), options_(options), on_line_(std::move(on_line)), is_done_(options.most == 0) {}

bool LineSearch::feed(std::string_view piece) {
  if (std::exchange(is_first_, false) && options_.binary != BinaryFiles::text && piece.contains('\0')) {
    is_binary_ = true;
    is_done_ = is_done_ || options_.binary == BinaryFiles::without_match;
  }
  if (!begun_.empty()) {
    const std::size_t end = piece.find('\n');
    const std::size_t size = end == std::string_view::npos ? piece.size() : end + 1;
    begun_ += piece.substr(0, size);
    piece.remove_prefix(size);
    if (end != std::string_view::npos || begun_.size() >= kMaxLine) {
      search(begun_);
      begun_.clear();
    }
  }
  const std::size_t last = piece.rfind('\n');
  if (last != std::string_view::npos) {
    search(piece.substr(0, last + 1));
    piece.remove_prefix(last + 1);
  }
  begun_ += piece;
  return !is_done_;
}

void LineSearch::finish() {
  if (!begun_.empty()) search(begun_);
}

void LineSearch::search(std::string_view lines) {
  if (!is_binary_) return divide(lines);
  copy_ = lines;
  std::ranges::replace(copy_, '\0', '\n');
  divide(copy_);
}

void LineSearch::divide(std::string_view lines) {
  for (std::size_t at = 0; at < lines.size() && !is_done_;) {
    const std::size_t match = pattern_.find_line(lines, at).value_or(lines.size());
    const std::size_t end = end_of_line(lines, match);
    const std::string_view others = lines.substr(at, match - at), matching = lines.substr(match, end - match);
    options_.is_inverted ? select(others) : pass_over(others);
    options_.is_inverted ? pass_over(matching) : select(matching);
    at = end;
  }
}

void LineSearch::select(std::string_view lines) {
  for (std::size_t at = 0; at < lines.size() && !is_done_;) {
    if (selected_ == options_.most) return pass_over(lines.substr(at));
    for (const Passed& each : passed_)
      if (!is_done_) deliver({each.text, each.number, false});
    passed_.clear();
    passed_bytes_ = 0;
    ++selected_;
    after_left_ = options_.after;
    at = deliver_at(lines, at, true);
    is_done_ = is_done_ || (selected_ == options_.most && after_left_ == 0);
  }
}

void LineSearch::pass_over(std::string_view lines) {
  std::size_t at = 0;
  for (; after_left_ > 0 && at < lines.size() && !is_done_; --after_left_) at = deliver_at(lines, at, false);
  is_done_ = is_done_ || (selected_ == options_.most && after_left_ == 0);
  if (!is_done_) remember(lines.substr(at));
}

// Keeps the last lines, of which the very last may become a line before a selected one.
void LineSearch::remember(std::string_view lines) {
  const std::uint64_t next = number_ + count_lines(lines);
  std::size_t first = lines.size();
  std::uint64_t number = next;
  for (std::uint64_t left = options_.before; left > 0 && first > 0; --left) {
    const bool is_ended = lines[first - 1] == '\n';
    const std::size_t before = first < 2 ? std::string_view::npos : lines.rfind('\n', first - 2);
    first = before == std::string_view::npos ? 0 : before + 1;
    number -= is_ended ? 1 : 0;
  }
  for (std::size_t at = first; at < lines.size();) {
    const std::size_t end = end_of_line(lines, at);
    passed_.push_back({std::string(without_newline(lines.substr(at, end - at))), number++});
    passed_bytes_ += sizeof(Passed) + passed_.back().text.size();
    while (passed_.size() > options_.before || (passed_bytes_ > kMaxLine && passed_.size() > 1)) {
      passed_bytes_ -= sizeof(Passed) + passed_.front().text.size();
      passed_.pop_front();
    }
    at = end;
  }
  number_ = next;
}

// Returns the position after the line.
std::size_t LineSearch::deliver_at(std::string_view lines, std::size_t at, bool is_selected) {
  const std::size_t end = end_of_line(lines, at);
  if (!is_done_) deliver({without_newline(lines.substr(at, end - at)), number_, is_selected});
  number_ += lines[end - 1] == '\n' ? 1 : 0;  // not after a part of a line
  return end;
}

void LineSearch::deliver(const Line& line) {
  if (line.is_selected && options_.binary != BinaryFiles::text && line.text.contains('\0')) {
    is_binary_ = true;
    if (options_.binary == BinaryFiles::without_match) {
      is_done_ = true;
      return;
    }
  }
  has_matched_ = true;
  is_done_ =
      (is_binary_ && options_.binary == BinaryFiles::summary && !options_.is_counting) || !on_line_(line);
}

}  // namespace layoutfs
