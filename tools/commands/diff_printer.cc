#include "tools/commands/diff_printer.h"

#include <array>
#include <cstdio>
#include <string>
#include <utility>

#include "core/base/json.h"
#include "core/base/utf8.h"
#include "tools/cli/inode_json.h"
#include "tools/cli/table.h"

namespace layoutfs::tools {
namespace {

constexpr std::int64_t kDiffVersion = 1;

// In the order of Change.
constexpr std::array<const char*, kChangeCount> kChangeNames{
    "type", "mode", "owner", "time", "xattrs", "content", "target", "device", "opaque", "whiteout"};
// In the order of Difference::Kind.
constexpr std::array<const char*, 3> kKindNames{"added", "removed", "changed"};

std::string mode_text(std::uint32_t mode) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%04o", mode);
  return text.data();
}

std::string owner_text(const InodeView& inode) {
  return std::to_string(inode.uid) + ":" + std::to_string(inode.gid);
}

std::string device_text(const InodeView& inode) {
  return std::to_string(inode.device_major) + "," + std::to_string(inode.device_minor);
}

// Returns the values before and after a change, as in "0644 -> 0600"; empty if its name is enough.
std::string values_of(Change change, const InodeView& before, const InodeView& after) {
  const auto values = [](std::string_view from, std::string_view to) {
    return std::string(from).append(" -> ").append(to);
  };
  switch (change) {
    case Change::type:
      return values(name_of(before.type), name_of(after.type));
    case Change::mode:
      return values(mode_text(before.mode), mode_text(after.mode));
    case Change::owner:
      return values(owner_text(before), owner_text(after));
    case Change::content:
      if (before.size == after.size) return "";
      return values(human_size(before.size), human_size(after.size));
    case Change::target:
      return values(printable(before.target), printable(after.target));
    case Change::device:
      return values(device_text(before), device_text(after));
    case Change::time:
    case Change::xattrs:
    case Change::opaque:
    case Change::whiteout:
      break;
  }
  return "";
}

// Returns for example "mode 0644 -> 0600, time".
std::string changes_text(const DiffSides& sides, const Difference& difference) {
  std::string text;
  for (std::size_t i = 0; i < kChangeCount; ++i) {
    const auto change = static_cast<Change>(i);
    if (!difference.changes.contains(change)) continue;
    if (!text.empty()) text += ", ";
    text += kChangeNames[i];
    if (!difference.before || !difference.after) continue;
    const std::string values = values_of(change, sides.before.image->tree().inode(*difference.before),
                                         sides.after.image->tree().inode(*difference.after));
    if (!values.empty()) text.append(" ").append(values);
  }
  return text;
}

bool is_directory(const DiffSides& sides, const Difference& difference) {
  if (difference.after)
    return sides.after.image->tree().inode(*difference.after).type == EntryType::directory;
  return difference.before &&
         sides.before.image->tree().inode(*difference.before).type == EntryType::directory;
}

class TextPrinter final : public DiffPrinter {
 public:
  TextPrinter(DiffSides sides, Output& output) : sides_(sides), output_(output) {}
  Status print(const Difference& difference) override {
    print_line(sides_, difference, false, output_);
    return {};
  }

 private:
  const DiffSides sides_;
  Output& output_;
};

class NamePrinter final : public DiffPrinter {
 public:
  NamePrinter(bool ends_with_nul, Output& output) : ends_with_nul_(ends_with_nul), output_(output) {}
  Status print(const Difference& difference) override {
    output_ << kind_letter(difference) << "\t/";
    if (ends_with_nul_)
      output_ << difference.path << std::string_view("\0", 1);
    else
      output_.name(difference.path) << "\n";
    return {};
  }

 private:
  const bool ends_with_nul_;
  Output& output_;
};

class JsonPrinter final : public DiffPrinter {
 public:
  JsonPrinter(DiffSides sides, Output& output) : sides_(sides), output_(output) {
    json_.begin_object().key("version").integer(kDiffVersion);
    write_side("before", sides_.before);
    write_side("after", sides_.after);
    std::vector<std::string> problems = sides_.before.image->tree().problems();
    for (std::string& problem : sides_.after.image->tree().problems()) problems.push_back(std::move(problem));
    write_problems(json_, problems);
    json_.key("differences").begin_array();
  }

  Status print(const Difference& difference) override {
    json_.begin_object().key("kind").string(kKindNames[static_cast<std::size_t>(difference.kind)]);
    write_bytes(json_, "path", difference.path);
    json_.key("changes").begin_array();
    for (std::size_t i = 0; i < kChangeCount; ++i)
      if (difference.changes.contains(static_cast<Change>(i))) json_.string(kChangeNames[i]);
    json_.end_array();
    write_file("before", sides_.before, difference.before);
    write_file("after", sides_.after, difference.after);
    json_.end_object();
    print_if_large(json_, output_);
    return {};
  }

  void finish() override { output_ << json_.end_array().end_object().take() << "\n"; }

 private:
  void write_side(const char* key, const DiffSide& side) {
    json_.key(key).begin_object().key("name").string(side.name);
    json_.key(side.is_layer ? "layer" : "manifest").string(side.target.digest.str()).end_object();
  }
  void write_file(const char* key, const DiffSide& side, std::optional<Inode> inode) {
    json_.key(key);
    if (!inode) {
      json_.null();
      return;
    }
    json_.begin_object();
    write_inode(json_, side.image->tree(), *inode);
    json_.end_object();
  }

  const DiffSides sides_;
  Output& output_;
  JsonWriter json_;
};

}  // namespace

std::string_view kind_letter(const Difference& difference) {
  switch (difference.kind) {
    case Difference::Kind::added:
      return "A";
    case Difference::Kind::removed:
      return "D";
    case Difference::Kind::changed:
      break;
  }
  return "M";
}

void print_line(DiffSides sides, const Difference& difference, bool is_printable, Output& output) {
  static const TextStyle style = stdout_style();
  output << emphasized(kind_letter(difference), style) << "  /";
  if (is_printable)
    output << printable(difference.path);
  else
    output.name(difference.path);
  if (is_directory(sides, difference) && !difference.path.empty()) output << "/";
  if (const std::string changes = changes_text(sides, difference); !changes.empty())
    output << "  (" << changes << ")";
  output << "\n";
}

std::unique_ptr<DiffPrinter> make_text_printer(DiffSides sides, Output& output) {
  return std::make_unique<TextPrinter>(sides, output);
}
std::unique_ptr<DiffPrinter> make_name_printer(bool ends_with_nul, Output& output) {
  return std::make_unique<NamePrinter>(ends_with_nul, output);
}
std::unique_ptr<DiffPrinter> make_json_printer(DiffSides sides, Output& output) {
  return std::make_unique<JsonPrinter>(sides, output);
}

}  // namespace layoutfs::tools
