#include "tools/command.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <tuple>

#include "core/base/log.h"
#include "core/base/utf8.h"
#include "core/cas/driver.h"
#include "core/oci/reference.h"
#include "tools/name_store.h"

namespace layoutfs::tools {

namespace {

// What only writing can fail with.
bool is_write_failure(int sys) noexcept {
  return sys == EROFS || sys == ENOSPC || sys == EDQUOT || sys == EFBIG;
}

}  // namespace

ExitCode exit_code_of(const Error& error) noexcept {
  switch (error.code()) {
    case Errc::invalid_argument:
    case Errc::name_invalid:
    case Errc::range_invalid:
    case Errc::failed_precondition:
      return kUsage;
    case Errc::not_found:
    case Errc::blob_unknown:
    case Errc::blob_upload_unknown:
    case Errc::manifest_unknown:
    case Errc::name_unknown:
      return kNotFound;
    case Errc::invalid_image:
    case Errc::manifest_blob_unknown:
    case Errc::manifest_invalid:
      return kNotALayout;
    case Errc::ambiguous:
      return kAmbiguous;
    case Errc::unsupported:
    case Errc::partial_fallback:
      return kUnsupported;
    case Errc::corrupt:
    case Errc::digest_invalid:
    case Errc::size_invalid:
    case Errc::bad_partial_request:
    case Errc::unexpected_eof:
      return kCorrupt;
    case Errc::mount_failed:
      return kMountFailed;
    case Errc::clobber:
    case Errc::already_exists:
    case Errc::blob_upload_invalid:
    case Errc::denied:
    case Errc::referenced:
    case Errc::unauthorized:
      return kCannotWrite;
    case Errc::closed:
    case Errc::cancelled:
    case Errc::too_many_requests:
      return kFailed;
    case Errc::io:
      return is_write_failure(error.sys()) ? kCannotWrite : kFailed;
  }
  return kFailed;
}

void print_error(std::string_view message) { log(LogLevel::error, message); }

void print_notice(std::string_view message) {
  if (log_format() == LogFormat::json) return log_always(LogLevel::info, message);
  const std::string line = std::string(message) + '\n';
  std::ignore = ::write(STDERR_FILENO, line.data(), line.size());
}

int report(const Error& error) {
  print_error(error.message());
  return exit_code_of(error);
}

void write_problems(JsonWriter& json, const std::vector<std::string>& problems) {
  json.key("problems").begin_array();
  for (const std::string& problem : problems) json.string(problem);
  json.end_array();
}

void ImageArguments::add_options(Command command) {
  // An empty value would be as good as none; it comes from a variable that was not set.
  command.add_option("--layout", layout, "The layout's path, for a path that looks like a reference")
      .type_name("LAYOUT")
      .not_empty();
  command.add_option("--ref", reference, "The reference, for a name that confuses")
      .type_name("REF")
      .not_empty();
  command
      .add_option("--platform", platform,
                  "os[/arch[/variant]] to choose from an index; this machine's by default")
      .type_name("OS[/ARCH[/VARIANT]]")
      .not_empty();
  command.add_option("--cache-dir", cache_dir, "Where indexes of layers are kept")
      .type_name("DIR")
      .not_empty();
}

namespace {

// A path goes before a name, whatever is there.
Result<ImageName> parse_path_or_name(const std::string& argument) {
  auto path = parse_image_name(argument);
  if (path || path.error().code() != Errc::not_found) return path;
  auto named = find_image_name(argument);
  if (!named) return fail(std::move(named).error());
  std::error_code failed;
  if (*named && !std::filesystem::exists((*named)->layout, failed) && !failed)
    return fail(Errc::not_found,
                "image '" + argument + "': " + (*named)->layout +
                    ": no such layout (where it has moved to is said by: layoutfs image label NAME "
                    "layoutfs.layout=PATH)");
  if (*named) return **std::move(named);
  const std::string store = directory_of({});
  if (store.empty() || !std::filesystem::is_directory(store, failed)) return path;
  return fail(Errc::not_found, path.error().message() + ", and no image of that name in " + store);
}

}  // namespace

Result<OpenLayout> open_layout(const ImageArguments& arguments) {
  OpenLayout opened{arguments.layout, nullptr, {}};
  if (!arguments.layout.empty() && !arguments.name.empty())
    return fail(Errc::invalid_argument, arguments.name + ": a layout is named by --layout already");
  if (arguments.layout.empty()) {
    auto name = parse_path_or_name(arguments.name);
    if (!name) return fail(std::move(name).error());
    opened.path = std::move(name->layout);
    opened.reference = std::move(name->reference);
  }
  if (!arguments.reference.empty() && !opened.reference.empty())
    return fail(Errc::invalid_argument,
                arguments.name + ": names a reference, and so does --ref " + arguments.reference);
  if (!arguments.reference.empty()) opened.reference = arguments.reference;
  auto engine = builtin_drivers().open(opened.path);
  if (!engine) return fail(std::move(engine).error());
  opened.engine = std::move(*engine);
  return opened;
}

Result<Platform> platform_of(const ImageArguments& arguments) {
  return arguments.platform.empty() ? host_platform() : parse_platform(arguments.platform);
}

Result<Descriptor> find_manifest(const OpenLayout& layout, const ImageArguments& arguments) {
  const auto platform = platform_of(arguments);
  if (!platform) return std::unexpected(platform.error());
  auto found = find_reference(*layout.engine, layout.reference, *platform);
  if (!found) return fail(std::move(found).error(), layout.path);
  auto manifest = resolve_platform(*layout.engine, std::move(*found), *platform);
  if (!manifest) return fail(std::move(manifest).error(), layout.path);
  return manifest;
}

IndexCache open_cache(const std::string& cache_dir, IndexCache::Keeping keeping) {
  return IndexCache(cache_dir.empty() ? IndexCache::default_directory() : cache_dir, keeping);
}

Status check_complete(const Image& image) {
  const auto problems = image.tree().problems();
  if (problems.empty()) return {};
  return fail(Errc::corrupt,
              problems.front() +
                  (problems.size() > 1 ? " (and " + std::to_string(problems.size() - 1) + " more)" : ""));
}

Output& Output::operator<<(std::string_view text) {
  constexpr std::size_t kBufferSize = std::size_t{64} << 10;
  buffer_ += text;
  if (buffer_.size() >= kBufferSize) flush();
  return *this;
}

Output& Output::name(std::string_view name) {
  static const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
  return is_terminal ? *this << printable(name) : *this << name;
}

void Output::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty() && failed_with_ == 0) {
    const ssize_t written = ::write(STDOUT_FILENO, rest.data(), rest.size());
    if (written >= 0)
      rest.remove_prefix(static_cast<std::size_t>(written));
    else if (errno != EINTR)
      failed_with_ = errno;
  }
  buffer_.clear();
}

int Output::finish() {
  flush();
  if (failed_with_ == 0) return kDone;
  print_error("standard output: " + std::generic_category().message(failed_with_));
  return kCannotWrite;
}

std::string human_size(std::uint64_t bytes) {
  if (bytes < 1000) return std::to_string(bytes) + " B";
  constexpr std::array kUnits{"kB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  std::array<char, 32> text{};
  const int length = std::snprintf(text.data(), text.size(), "%.*f %s",
                                   value < 9.95   ? 2
                                   : value < 99.5 ? 1
                                                  : 0,
                                   value, kUnits[unit]);
  return {text.data(), static_cast<std::size_t>(length)};
}

std::string utc_time(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm fields{};
  std::array<char, 64> text{};
  if (::gmtime_r(&time, &fields) == nullptr || std::strftime(text.data(), text.size(), "%F %T", &fields) == 0)
    return "@" + std::to_string(seconds);
  return text.data();
}

std::string pad(std::string text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

}  // namespace layoutfs::tools
