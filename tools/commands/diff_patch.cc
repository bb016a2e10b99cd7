// `layoutfs diff -p`. The format is that of git-diff(1), section "Generating patch text with -p", which
// patch(1) and git apply read. Attributes that it does not have are in the line before each patch, which both
// skip.
#include <array>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "core/base/utf8.h"
#include "core/explain/unified_diff.h"
#include "tools/commands/diff_printer.h"

namespace layoutfs::tools {
namespace {

// A file or a symlink; nothing else is in a patch.
struct PatchFile {
  const Image* image;
  Inode inode;
  InodeView view;

  bool is_symlink() const { return view.type == EntryType::symlink; }
  const char* mode() const { return is_symlink() ? "120000" : (view.mode & 0100) != 0 ? "100755" : "100644"; }
};

// Returns the name as git writes it: in quotes like a string of C if it has special characters.
std::string git_quoted(std::string_view name) {
  std::string text;
  bool is_special = false;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text.append(1, '\\').append(1, c);
    } else if (byte >= 0x20 && byte < 0x7f) {
      text += c;
      continue;
    } else {
      std::array<char, 8> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\%03o", static_cast<unsigned>(byte));
      text += escaped.data();
    }
    is_special = true;
  }
  return is_special ? "\"" + text + "\"" : text;
}

class PatchPrinter final : public DiffPrinter {
 public:
  PatchPrinter(DiffSides sides, Output& output) : sides_(sides), output_(output) {}

  Status print(const Difference& difference) override {
    print_line(sides_, difference, true, output_);
    const auto before = file_of(sides_.before, difference.before);
    const auto after = file_of(sides_.after, difference.after);
    if (!before && !after) return {};
    path_ = difference.path;
    // A symlink is not a new version of a file.
    if (before && after && before->is_symlink() != after->is_symlink()) {
      if (auto printed = print_patch(before, {}); !printed) return printed;
      return print_patch({}, after);
    }
    const bool has_mode = before && after && std::string_view(before->mode()) != after->mode();
    const bool has_content = !before || !after || difference.changes.contains(Change::content) ||
                             difference.changes.contains(Change::target);
    return has_mode || has_content ? print_patch(before, after) : Status();
  }

 private:
  static std::optional<PatchFile> file_of(const DiffSide& side, std::optional<Inode> inode) {
    if (!inode) return std::nullopt;
    PatchFile file{side.image.get(), *inode, side.image->tree().inode(*inode)};
    if (file.view.type != EntryType::file && !file.is_symlink()) return std::nullopt;
    return file;
  }

  std::string name(const char* prefix) const { return git_quoted(prefix + path_); }
  // A name with blanks ends with a tab in the lines that patch(1) reads.
  std::string name_in_header(const char* prefix) const {
    return name(prefix) + (path_.contains(' ') ? "\t" : "");
  }

  Status print_patch(const std::optional<PatchFile>& before, const std::optional<PatchFile>& after) {
    const auto left = text_of(before), right = text_of(after);
    if (!left) return fail(Error(left.error()));
    if (!right) return fail(Error(right.error()));
    const bool is_text = *left && *right;
    // It stays outside of a patch, so that the rest can be applied.
    if (!is_text)
      output_ << "Binary files " << (before ? name("a/") : "/dev/null") << " and "
              << (after ? name("b/") : "/dev/null") << " differ\n";
    if (is_text || (before && after)) print_header(before, after, is_text);
    const std::string hunks = is_text ? unified_hunks(**left, **right) : "";
    if (hunks.empty()) return {};
    output_ << "--- " << (before ? name_in_header("a/") : "/dev/null") << "\n+++ "
            << (after ? name_in_header("b/") : "/dev/null") << "\n"
            << hunks;
    return {};
  }

  // A header without a change of the mode would have no effect if no lines follow.
  void print_header(const std::optional<PatchFile>& before, const std::optional<PatchFile>& after,
                    bool is_text) {
    const bool has_mode = before && after && std::string_view(before->mode()) != after->mode();
    if (!is_text && !has_mode) return;
    output_ << "diff --git " << name("a/") << " " << name("b/") << "\n";
    if (!before)
      output_ << "new file mode " << after->mode() << "\n";
    else if (!after)
      output_ << "deleted file mode " << before->mode() << "\n";
    else if (has_mode)
      output_ << "old mode " << before->mode() << "\nnew mode " << after->mode() << "\n";
  }

  // Returns nullopt if it cannot be compared by lines.
  Result<std::optional<std::string>> text_of(const std::optional<PatchFile>& file) const {
    if (!file) return std::optional<std::string>("");
    if (file->is_symlink()) return std::optional<std::string>(file->view.target);
    if (file->view.size > kMaxTextSize) return std::optional<std::string>();
    std::string text(static_cast<std::size_t>(file->view.size), '\0');
    const auto read = file->image->read(file->inode, std::as_writable_bytes(std::span(text)), 0);
    if (!read) return fail(Error(read.error()), path_);
    if (*read < text.size()) return fail(Errc::corrupt, path_ + ": the content ends too early");
    return is_comparable_text(text) ? std::optional(std::move(text)) : std::nullopt;
  }

  const DiffSides sides_;
  Output& output_;
  std::string path_;
};

}  // namespace

std::unique_ptr<DiffPrinter> make_patch_printer(DiffSides sides, Output& output) {
  return std::make_unique<PatchPrinter>(sides, output);
}

}  // namespace layoutfs::tools
