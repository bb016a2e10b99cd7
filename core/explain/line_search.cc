#include "core/explain/line_search.h"

#include <algorithm>
#include <utility>

namespace layoutfs {
namespace {

std::uint64_t count_lines(std::string_view text) {
  return static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
}

// Returns the line at `at`, without its '\n'.
std::string_view line_at(std::string_view lines, std::size_t at) {
  return lines.substr(at, std::min(lines.find('\n', at), lines.size()) - at);
}

}  // namespace

LineSearch::LineSearch(const LinePattern& pattern, const SearchOptions& options, OnLine on_line)
    : pattern_(pattern), options_(options), on_line_(std::move(on_line)) {}

bool LineSearch::feed(std::string_view piece) {
  if (std::exchange(is_first_, false) && options_.binary != BinaryFiles::text && piece.contains('\0')) {
    is_binary_ = true;
    is_done_ = options_.binary == BinaryFiles::without_match;
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

bool LineSearch::search(std::string_view lines) {
  if (is_done_) return false;
  if (!is_binary_) return deliver(lines);
  copy_ = lines;
  std::ranges::replace(copy_, '\0', '\n');
  return deliver(copy_);
}

bool LineSearch::deliver(std::string_view lines) {
  std::size_t at = 0;
  while (at < lines.size() && !is_done_) {
    const auto found = pattern_.find_line(lines, at);
    const std::size_t match = found.value_or(lines.size());
    if (options_.is_inverted) {
      while (at < match && !is_done_) {
        const std::string_view line = line_at(lines, at);
        deliver_line(line, number_++);
        at += line.size() + 1;
      }
      if (!found || is_done_) break;
      at = match + line_at(lines, match).size() + 1;
      ++number_;
    } else {
      number_ += count_lines(lines.substr(at, match - at));
      if (!found) break;
      const std::string_view line = line_at(lines, match);
      deliver_line(line, number_);
      at = match + line.size() + 1;
      if (at <= lines.size()) ++number_;  // not after a part of a line
    }
  }
  return !is_done_;
}

bool LineSearch::deliver_line(std::string_view line, std::uint64_t number) {
  if (options_.binary != BinaryFiles::text && line.contains('\0')) {
    is_binary_ = true;
    if (options_.binary == BinaryFiles::without_match) {
      is_done_ = true;
      return false;
    }
  }
  has_matched_ = true;
  is_done_ = (is_binary_ && options_.binary == BinaryFiles::summary && !options_.is_counting) ||
             !on_line_(line, number);
  return !is_done_;
}

}  // namespace layoutfs
