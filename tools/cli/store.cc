// Common code of the commands on layouts.
#include "tools/cli/store.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <limits>
#include <utility>

#include "core/cas/driver.h"
#include "core/oci/reference.h"
#include "layoutfs/open.h"

namespace layoutfs::tools {

void LayoutArguments::add_options(Command command, const std::string& description) {
  command.add_option("LAYOUT", layout, description).required();
  add_follow_links(command, follow_links);
}

namespace {

Result<std::string> path_of(const LayoutArguments& arguments) {
  const std::string& argument = arguments.layout;
  auto name = of_operand(parse_image_name(argument));
  if (!name) return fail(std::move(name).error());
  if (!name->reference.empty())
    return fail(Error(Errc::invalid_argument, argument + ": expected a layout, not a reference")
                    .with_hint("use " + name->layout));
  return std::move(name->layout);
}

}  // namespace

Result<ReadLayout> open_to_read(const LayoutArguments& arguments) {
  auto path = path_of(arguments);
  if (!path) return fail(std::move(path).error());
  auto reader = builtin_drivers({.follow_links = arguments.follow_links}).open_reader(*path);
  if (!reader) return fail(std::move(reader).error());
  return ReadLayout{std::move(*path), std::move(*reader)};
}

Result<WrittenLayout> open_to_write(const LayoutArguments& arguments) {
  auto path = path_of(arguments);
  if (!path) return fail(std::move(path).error());
  auto engine = builtin_drivers({.follow_links = arguments.follow_links}).open_engine(*path);
  if (!engine) return fail(std::move(engine).error());
  return WrittenLayout{std::move(*path), std::move(*engine)};
}

int with_layout(const LayoutArguments& arguments, bool is_written, const LayoutCommand& command) {
  if (!is_written) {
    const auto layout = open_to_read(arguments);
    return layout ? command(layout->path, *layout->reader, nullptr) : report(layout.error());
  }
  const auto layout = open_to_write(arguments);
  if (!layout) return report_opening(layout.error());
  return command(layout->path, *layout->engine, layout->engine.get());
}

ExitCode write_exit_code_of(const Error& error) noexcept {
  return error.code() == Errc::io ? kCannotWrite : exit_code_of(error);
}

int report_write(const Error& error) {
  print_error(error);
  return write_exit_code_of(error);
}

Error written_to(Error error, const std::string& path) {
  if (error.sys() != EACCES && error.sys() != EPERM) return std::move(error).with(path);
  for (const char* below : {"", "/blobs", "/blobs/sha256", "/blobs/sha512"}) {
    const std::string directory = path + below;
    if (::faccessat(AT_FDCWD, directory.c_str(), W_OK | X_OK, AT_EACCESS) == 0 || errno != EACCES) continue;
    struct stat status;
    const bool is_known = ::stat(directory.c_str(), &status) == 0;
    Error refused(error.code(), directory + ": cannot write to this directory: permission denied");
    if (!is_known) return refused;
    if ((status.st_mode & 0200) == 0)
      return std::move(refused).with_hint("make it writable with: chmod u+w " + directory);
    return std::move(refused).with_hint("only its owner " + user_name(status.st_uid) +
                                        ((status.st_mode & 022) != 0 ? " and its group" : "") +
                                        " can write to it");
  }
  return std::move(error).with(path);
}

std::string user_name(std::uint32_t user) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> buffer{};
  if (::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
    return entry.pw_name;
  return std::to_string(user);
}

int report_opening(const Error& error) { return error.sys() == EROFS ? report_write(error) : report(error); }

int report_removal(const RemoveArguments& arguments, const std::string& layout, std::string_view noun,
                   const std::string& name, Result<bool> was_there) {
  if (!was_there) return report_write(std::move(was_there).error().with(layout));
  if (*was_there || arguments.is_forced) return kDone;
  return report(Error(Errc::not_found, layout + ": " + name + ": no such " + std::string(noun)));
}

int with_output(const std::function<int(Output&)>& command, int last_success) {
  Output output;
  const int code = command(output);
  const int written = output.finish();
  return code <= last_success && written != kDone ? written : code;
}

int with_output_or_error(const std::function<Status(Output&)>& command) {
  Output output;
  const Status done = command(output);
  const int written = output.finish();
  return done ? written : report(done.error());
}

Result<std::uint64_t> parse_count(std::string_view option, std::string_view text) {
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  // JSON integers and file offsets are signed.
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() ||
      number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return fail(Errc::invalid_argument,
                std::string(option) + " " + std::string(text) + ": expected a plain number");
  return number;
}

Status check_media_type(std::string_view option, const std::string& media_type) {
  const auto is_name = [](std::string_view name) {
    constexpr std::size_t kMost = 127;  // RFC 6838, 4.2
    const auto is_alphanumeric = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    return !name.empty() && name.size() <= kMost && is_alphanumeric(name.front()) &&
           std::ranges::all_of(
               name, [&](char c) { return is_alphanumeric(c) || std::string_view("!#$&-^_.+").contains(c); });
  };
  const std::string_view essence = std::string_view(media_type).substr(0, media_type.find(';'));
  const auto slash = essence.find('/');
  if (slash != std::string_view::npos && is_name(essence.substr(0, slash)) &&
      is_name(essence.substr(slash + 1)))
    return {};
  return fail(Errc::invalid_argument,
              std::string(option) + " '" + media_type +
                  "': expected TYPE/SUBTYPE, as in application/vnd.oci.image.manifest.v1+json");
}

std::string count_of(std::uint64_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

}  // namespace layoutfs::tools
