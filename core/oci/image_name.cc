// Splits an argument into a layout and a reference.
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "core/cas/driver.h"
#include "core/cas/foreign_format.h"
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
  if (argument[length] == '@' && !Digest::parse(name.reference))
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
  if (at != std::string_view::npos && at > 0 && Digest::parse(argument.substr(at + 1)))
    return std::string(argument.substr(0, at));
  const auto colon = argument.find(':', 1);
  return std::string(argument.substr(0, colon));
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

// Returns the reason why no prefix of `argument` is a layout.
Error explain_no_layout(std::string_view argument) {
  if (auto error = explain_path(std::string(argument))) return *std::move(error);
  if (auto error = explain_transport(argument)) return *std::move(error);
  for (const std::size_t length : split_positions(argument))
    if (auto error = explain_path(std::string(argument.substr(0, length)))) return *std::move(error);
  return Error(Errc::not_found, likely_path(argument) + ": no such layout");
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
