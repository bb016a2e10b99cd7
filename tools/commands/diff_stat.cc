// `layoutfs diff --stat`.
#include <cstdint>
#include <map>
#include <string>
#include <unordered_set>

#include "core/base/utf8.h"
#include "tools/cli/table.h"
#include "tools/commands/diff_printer.h"

namespace layoutfs::tools {
namespace {

struct Counts {
  std::uint64_t added = 0, removed = 0, changed = 0;
  std::uint64_t bytes_before = 0, bytes_after = 0;  // of files that differ
};

std::string signed_size(std::uint64_t before, std::uint64_t after) {
  if (before == after) return human_size(0);
  return after > before ? "+" + human_size(after - before) : "-" + human_size(before - after);
}

class StatPrinter final : public DiffPrinter {
 public:
  StatPrinter(DiffSides sides, std::string_view path, Output& output)
      : sides_(sides), path_(path), output_(output) {}

  Status print(const Difference& difference) override {
    const auto before = size_of(sides_.before, difference.before, seen_before_);
    const auto after = size_of(sides_.after, difference.after, seen_after_);
    for (Counts* counts : {&rows_[row_of(difference.path)], &total_}) {
      using enum Difference::Kind;
      ++(difference.kind == added     ? counts->added
         : difference.kind == removed ? counts->removed
                                      : counts->changed);
      counts->bytes_before += before;
      counts->bytes_after += after;
    }
    return {};
  }

  void finish() override {
    if (rows_.empty()) return;
    using enum Table::Align;
    Table table({{"ADDED", right}, {"REMOVED", right}, {"CHANGED", right}, {"SIZE", right}, {"PATH"}});
    for (const auto& [path, counts] : rows_) add_row(table, counts, "/" + printable(path));
    add_row(table, total_, "total");
    output_ << table.text(stdout_style(), true);
  }

 private:
  // Returns the first name below the compared directory.
  std::string row_of(std::string_view path) const {
    const std::size_t begin = path_.empty() ? 0 : path_.size() + 1;
    if (path.size() <= begin) return std::string(path);
    return std::string(path.substr(0, path.find('/', begin)));
  }

  // The data of a file with several names counts once.
  static std::uint64_t size_of(const DiffSide& side, std::optional<Inode> inode,
                               std::unordered_set<Inode>& seen) {
    if (!inode) return 0;
    const InodeView view = side.image->tree().inode(*inode);
    if (view.type != EntryType::file || (view.nlink > 1 && !seen.insert(*inode).second)) return 0;
    return view.size;
  }

  static void add_row(Table& table, const Counts& counts, const std::string& path) {
    table.add_row({std::to_string(counts.added), std::to_string(counts.removed),
                   std::to_string(counts.changed), signed_size(counts.bytes_before, counts.bytes_after),
                   path});
  }

  const DiffSides sides_;
  const std::string path_;
  Output& output_;
  std::map<std::string, Counts> rows_;
  Counts total_;
  std::unordered_set<Inode> seen_before_, seen_after_;
};

}  // namespace

std::unique_ptr<DiffPrinter> make_stat_printer(DiffSides sides, std::string_view path, Output& output) {
  return std::make_unique<StatPrinter>(sides, path, output);
}

}  // namespace layoutfs::tools
