// Splits an argument into a layout and a reference.
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "core/base/nearest_word.h"
#include "core/cas/driver.h"
#include "core/cas/find_digest.h"
#include "core/cas/foreign_format.h"
#include "core/oci/familiar_name.h"
#include "core/oci/reference.h"

namespace layoutfs {
namespace {

// Returns whether a file of any type is at `path`.
Result<bool> exists(const std::string& path) {
  struct stat found;
  if (::lstat(path.c_str(), &found) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG) return false;
  return fail(Error::system(errno, path));
}

// Returns the name in `argument` with a layout path of `length` bytes.
Result<ImageName> split_at(std::string_view argument, std::size_t length) {
  ImageName name{std::string(argument.substr(0, length)), std::string(argument.substr(length + 1))};
  if (name.reference.empty())
    return fail(Errc::invalid_argument, "no reference after '" + std::string(argument) + "'");
  if (argument[length] == '@' && !is_short_digest(name.reference))
    return fail(Errc::digest_invalid, "'" + name.reference + "' after '@' is not a digest");
  return name;
}

// Returns the positions at which `argument` can be split, the longest path first.
std::vector<std::size_t> split_positions(std::string_view argument) {
  std::vector<std::size_t> positions;
  for (std::size_t i = argument.size(); i-- > 1;)
    if (argument[i] == ':' || argument[i] == '@') positions.push_back(i);
  return positions;
}

// If nothing exists, returns the most likely path: up to the reference.
std::string likely_path(std::string_view argument) {
  const auto at = argument.rfind('@');
  if (at != std::string_view::npos && at > 0 && is_short_digest(argument.substr(at + 1)))
    argument = argument.substr(0, at);
  return std::string(argument.substr(0, argument.find(':', 1)));
}

bool is_layout(std::string_view path) { return builtin_drivers().is_layout(std::string(path)); }

// Returns the error of a path that exists but is not a layout; nullopt if it does not exist.
std::optional<Error> explain_path(const std::string& path) {
  const auto found = exists(path);
  if (!found) return found.error();
  if (!*found) return std::nullopt;
  std::error_code error;
  const auto type = std::filesystem::status(path, error).type();
  // A symbolic link may point to an inaccessible directory.
  if (type == std::filesystem::file_type::none) return Error::system(error.value(), path);
  // It may be a compressed or truncated archive, or another user's directory: its driver knows best.
  if (const auto drivers = builtin_drivers(); drivers.supported(path))
    if (auto opened = drivers.open_reader(path); !opened) return std::move(opened).error();
  return Error(Errc::invalid_image, path + ": not an image layout (no oci-layout file)");
}

// Returns the layout in the directory of `path` whose name is most like that of `path`; "" if none is. Cost:
// lists the directory, up to a limit.
std::string layout_near(const std::string& path) {
  constexpr std::size_t kMaxListed = 1000;
  const std::filesystem::path wanted(path);
  NearestWord nearest(wanted.filename().string());
  std::error_code failed;
  const auto parent = wanted.parent_path();
  std::size_t listed = 0;
  for (std::filesystem::directory_iterator entries(parent.empty() ? "." : parent, failed), end;
       !failed && entries != end && ++listed <= kMaxListed; entries.increment(failed)) {
    const std::string sibling = entries->path().filename().string();
    if (nearest.is_nearer(sibling) && is_layout((parent / sibling).string())) nearest.take(sibling);
  }
  return nearest.found().empty() ? "" : (parent / nearest.found()).string();
}

// Returns whether `argument` may be the name of an image in a registry: "alpine:3.19", not a path or a single
// word.
bool is_familiar_name(std::string_view argument) {
  constexpr std::string_view kCharacters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@";
  const bool is_path = argument.starts_with('/') || argument.starts_with('.');
  return !is_path && argument.find(':') != std::string_view::npos &&
         argument.find_first_not_of(kCharacters) == std::string_view::npos;
}

// Returns the reason why no prefix of `argument` is a layout.
Error explain_no_layout(std::string_view argument) {
  if (auto error = explain_path(std::string(argument))) return *std::move(error);
  if (auto error = explain_transport(argument)) return *std::move(error);
  for (const std::size_t length : split_positions(argument))
    if (auto error = explain_path(std::string(argument.substr(0, length)))) return *std::move(error);
  const std::string path = likely_path(argument);
  Error missing(Errc::not_found, path + ": no such layout");
  const std::string near = layout_near(path);
  if (!near.empty()) return std::move(missing).with_hint("did you mean " + near + "?");
  if (!is_familiar_name(argument)) return missing;
  const auto full = full_image_name(argument, "latest");
  return full ? std::move(missing).with_hint("write docker://" + *full + " for an image in a registry")
              : missing;
}

// Splits off the longest prefix that is a layout; nullopt if there is none.
std::optional<Result<ImageName>> split_layout(std::string_view argument) {
  if (is_layout(argument)) return ImageName{std::string(argument), ""};
  for (const std::size_t length : split_positions(argument))
    if (is_layout(argument.substr(0, length))) return split_at(argument, length);
  return std::nullopt;
}

}  // namespace

Result<ImageName> parse_image_name(std::string_view argument) {
  if (is_layout(argument)) return ImageName{std::string(argument), ""};
  const auto drivers = builtin_drivers();
  const std::string_view prefix = drivers.prefix_of(argument);
  const bool is_prefixed = !prefix.empty();
  const auto plain = argument.substr(prefix.size());
  if (plain.empty()) return fail(Errc::invalid_argument, "the layout's path is empty");
  if (auto name = split_layout(plain)) return *std::move(name);
  // A layout may have the same name as a prefix.
  if (auto name = is_prefixed ? split_layout(argument) : std::nullopt) return *std::move(name);
  return fail(explain_no_layout(plain));
}

}  // namespace layoutfs
