#include "core/commit/upper_xattrs.h"

#include <sys/types.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string_view>

#include "core/base/path_in_proc.h"
#include "core/base/split.h"
#include "core/base/xattr_names.h"

namespace layoutfs {
namespace {

constexpr std::string_view kMarkPrefixes[] = {"trusted.overlay.", "user.overlay."};
// A second "overlay." escapes the xattrs of an overlay inside of the overlay.
constexpr std::string_view kEscape = "overlay.";

// A file by a path, as listxattr(2) takes no name in a directory. The last component is not followed.
std::string path_of(int directory, const std::string& name) { return path_in_proc(directory) + "/" + name; }

bool is_unsupported(int errno_value) { return errno_value == ENOTSUP || errno_value == ENOSYS; }

Result<std::vector<std::string>> list_xattrs(const std::string& path) {
  std::string list;
  for (;;) {
    const ssize_t needed = ::llistxattr(path.c_str(), nullptr, 0);
    if (needed < 0 && is_unsupported(errno)) return std::vector<std::string>();
    if (needed < 0) return std::unexpected(Error::system(errno, "listxattr"));
    list.resize(static_cast<std::size_t>(needed));
    if (needed == 0) break;
    const ssize_t size = ::llistxattr(path.c_str(), list.data(), list.size());
    if (size < 0 && errno == ERANGE) continue;  // it has grown
    if (size < 0) return std::unexpected(Error::system(errno, "listxattr"));
    list.resize(static_cast<std::size_t>(size));
    break;
  }
  std::vector<std::string> names = split(list, '\0');
  std::erase(names, "");
  return names;
}

// Returns nullopt if the xattr no longer exists.
Result<std::optional<std::string>> get_xattr(const std::string& path, const std::string& xattr) {
  for (;;) {
    const ssize_t needed = ::lgetxattr(path.c_str(), xattr.c_str(), nullptr, 0);
    if (needed < 0 && errno == ENODATA) return std::nullopt;
    if (needed < 0) return std::unexpected(Error::system(errno, "getxattr " + xattr));
    std::string value(static_cast<std::size_t>(needed), '\0');
    if (needed == 0) return value;
    const ssize_t size = ::lgetxattr(path.c_str(), xattr.c_str(), value.data(), value.size());
    if (size < 0 && errno == ERANGE) continue;
    if (size < 0 && errno == ENODATA) return std::nullopt;
    if (size < 0) return std::unexpected(Error::system(errno, "getxattr " + xattr));
    value.resize(static_cast<std::size_t>(size));
    return value;
  }
}

// Returns the name of a mark behind its prefix; nullopt if it is another xattr.
std::optional<std::string_view> mark_of(std::string_view xattr) {
  for (const std::string_view prefix : kMarkPrefixes)
    if (xattr.starts_with(prefix) && !xattr.substr(prefix.size()).starts_with(kEscape))
      return xattr.substr(prefix.size());
  return std::nullopt;
}

// Removes the escape of an xattr of a nested overlay.
std::string own_name(const std::string& xattr) {
  for (const std::string_view prefix : kMarkPrefixes)
    if (xattr.starts_with(prefix)) return std::string(prefix) + xattr.substr(prefix.size() + kEscape.size());
  return xattr;
}

Error refers_below(std::string_view how, std::string_view option) {
  return Error(Errc::unsupported,
               "its content is in the directories below the overlay (" + std::string(how) + ")")
      .with_hint("mount the overlay with -o " + std::string(option) + ", and make the changes again");
}

}  // namespace

Result<UpperMarks> read_upper_marks(int directory, const std::string& name) {
  const std::string path = path_of(directory, name);
  const auto xattrs = list_xattrs(path);
  if (!xattrs) return fail(Error(xattrs.error()));
  UpperMarks marks;
  for (const std::string& xattr : *xattrs) {
    const auto mark = mark_of(xattr);
    if (mark == "redirect") return fail(refers_below(xattr, "redirect_dir=off"));
    if (mark == "metacopy") return fail(refers_below(xattr, "metacopy=off"));
    if (mark == "nlink")
      return fail(
          Error(Errc::unsupported, "it may have further names that only the overlay shows (" + xattr + ")")
              .with_hint("mount the overlay with -o index=off, and make the changes again"));
    if (mark == "whiteout") marks.is_whiteout = true;
    if (mark != "opaque") continue;
    const auto value = get_xattr(path, xattr);
    if (!value) return fail(Error(value.error()));
    // "x" means that the directory has whiteouts that are xattrs.
    if (*value == "y") marks.is_opaque = true;
  }
  return marks;
}

Result<Xattrs> read_upper_xattrs(int directory, const std::string& name) {
  const std::string path = path_of(directory, name);
  const auto names = list_xattrs(path);
  if (!names) return fail(Error(names.error()));
  Xattrs xattrs;
  for (const std::string& xattr : *names) {
    if (xattr == kLabelXattr || mark_of(xattr)) continue;
    auto value = get_xattr(path, xattr);
    if (!value) return fail(std::move(value).error());
    if (*value) xattrs.emplace_back(own_name(xattr), **std::move(value));
  }
  std::ranges::sort(xattrs);
  return xattrs;
}

}  // namespace layoutfs
