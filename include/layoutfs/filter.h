// Filters as containerd has them (pkg/filters): which of many things are meant, by their fields.
//
//   name==app,labels.tier!=test,target.mediatype~=/index/
//
// A filter is selectors, all of which must hold. A selector is a field, names with '.' between them, and an
// operation with a value: "==", "!=", or "~=" for a regular expression (RE2's, as Go's) that fits a part of
// the value. Without an operation the field must be there. A field that is not there counts as an empty value
// for "!=" and "~=", and is never "==".
//
// Names are letters, digits and '_', anything else in double quotes; a value that begins otherwise than with
// one of . , = ! ~ / | " goes on to the next blank or comma, any other stands in double quotes. That of "~="
// may stand in // or || too. Within quotes the escapes of a Go string are known.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "layoutfs/error.h"

namespace layoutfs {

// The value of a field of the thing that is looked at, nothing where it has no such field. The path has a
// name or more: {"labels", "tier"}.
using FilterLookup = std::function<std::optional<std::string>(std::span<const std::string> path)>;

// Immutable; copies are cheap; any number of threads may match at once.
class Filter {
 public:
  // The longest text, in bytes, and the most regular expressions of one filter, each of which may take
  // about a MiB.
  static constexpr std::size_t kMaxLength = std::size_t{16} << 10;
  static constexpr std::size_t kMaxPatterns = 64;

  // Empty text fits everything. Errc::invalid_argument, with the place where it is wrong; also for a regular
  // expression that is none or takes too much memory.
  static Result<Filter> parse(std::string_view text);
  // Fits what one of `texts` fits; everything where there are none.
  static Result<Filter> parse_all(std::span<const std::string> texts);

  bool match(const FilterLookup& lookup) const;

 private:
  struct State;
  explicit Filter(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

}  // namespace layoutfs
