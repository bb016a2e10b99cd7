// The forms of the output of `layoutfs diff`.
#pragma once

#include <memory>
#include <string_view>

#include "core/explain/tree_differences.h"
#include "layoutfs/error.h"
#include "tools/cli/command.h"
#include "tools/commands/diff_side.h"

namespace layoutfs::tools {

// Prints the differences of two sides, which outlive it, as they are found.
class DiffPrinter {
 public:
  virtual ~DiffPrinter() = default;
  // Errors of reading files.
  virtual Status print(const Difference& difference) = 0;
  // Prints the rest. Call it once, after the last difference.
  virtual void finish() {}
};

struct DiffSides {
  const DiffSide& before;
  const DiffSide& after;
};

// A line for each difference, as in "M  /etc/passwd  (mode 0644 -> 0600)".
std::unique_ptr<DiffPrinter> make_text_printer(DiffSides sides, Output& output);
// A line "M", a tab and the path; with `ends_with_nul`, NUL instead of the line break.
std::unique_ptr<DiffPrinter> make_name_printer(bool ends_with_nul, Output& output);
// One document.
std::unique_ptr<DiffPrinter> make_json_printer(DiffSides sides, Output& output);
// The line of make_text_printer(), followed by a patch in the format of git for files and symlinks.
std::unique_ptr<DiffPrinter> make_patch_printer(DiffSides sides, Output& output);
// A table with a row for each name in the directory `path`, or for the file `path`.
std::unique_ptr<DiffPrinter> make_stat_printer(DiffSides sides, std::string_view path, Output& output);

// Returns the line of make_text_printer(), in which the path is printable() if `is_printable`.
std::string_view kind_letter(const Difference& difference);
void print_line(DiffSides sides, const Difference& difference, bool is_printable, Output& output);

}  // namespace layoutfs::tools
