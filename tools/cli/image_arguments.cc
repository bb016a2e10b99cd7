#include "tools/cli/image_arguments.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/cas/driver.h"
#include "core/cas/find_digest.h"
#include "core/oci/reference.h"
#include "fs/fuse/dead_mount.h"
#include "layoutfs/log.h"
#include "layoutfs/open.h"
#include "tools/cli/command.h"
#include "tools/cli/name_store.h"

namespace layoutfs::tools {
namespace {

// An existing path takes precedence over a name.
Result<ImageName> parse_path_or_name(const std::string& argument) {
  auto path = of_operand(parse_image_name(argument));
  if (path || path.error().code() != Errc::not_found) return path;
  auto named = find_image_name(argument);
  if (!named) return fail(std::move(named).error());
  std::error_code failed;
  if (*named && !std::filesystem::exists((*named)->layout, failed) && !failed)
    return fail(Error(Errc::not_found, "image '" + argument + "': " + (*named)->layout + ": no such layout")
                    .with_hint("if the layout has moved, run: layoutfs image label " + argument +
                               " layoutfs.layout=PATH"));
  if (*named) return **std::move(named);
  const std::string store = directory_of({});
  if (store.empty() || !std::filesystem::is_directory(store, failed)) return path;
  return fail(Error(Errc::not_found, path.error().message() + ", and no image of that name in " + store)
                  .with_hint(path.error().hint()));
}

// Opens an image in a registry.
Result<OpenLayout> open_remote(const std::string& name, const ImageArguments& arguments) {
  RemoteSettings settings = arguments.remote_settings;
  if (settings.cache_dir.empty()) settings.cache_dir = arguments.cache_dir;
  auto layout = open_remote_layout(name, arguments.reference, arguments.remote, settings);
  if (!layout) return fail(std::move(layout).error());
  const RemoteName& parsed = (*layout)->name();
  return OpenLayout{parsed.repository_name(), *layout, parsed.reference()};
}

}  // namespace

void ImageArguments::add_options(Command command) {
  // An empty value would have no effect; it comes from an unset variable.
  command.add_option("--layout", layout, "Path of the layout, if it contains ':' or '@'")
      .type_name("LAYOUT")
      .group(kImageGroup)
      .not_empty();
  command.add_option("--ref", reference, "Reference, if LAYOUT:REF is ambiguous")
      .type_name("REF")
      .group(kImageGroup)
      .not_empty();
  add_common_options(command);
}

void ImageArguments::add_common_options(Command command) {
  command.add_option("--platform", platform, "Platform to choose from an index (default: this machine's)")
      .type_name("OS[/ARCH[/VARIANT]]")
      .group(kImageGroup)
      .not_empty();
  command.add_option("--cache-dir", cache_dir, "Directory of the cached indexes")
      .type_name("DIR")
      .group(kCacheGroup)
      .not_empty();
  remote.add_options(command);
  add_follow_links(command, follow_links);
}

void ImageArguments::add_operand_and_options(Command command) {
  command.usage(kImageKind);
  command.add_option("LAYOUT", name, "").type_name(kImageKind);
  add_options(command);
}

Status ImageArguments::check_given(const std::string& command) const {
  return name.empty() && layout.empty() ? Status(fail(missing_operand(command, kImageKind))) : Status();
}

Status ImageArguments::take_operand(const std::string& command, std::vector<std::string>& operands,
                                    const std::string& expected) {
  if (!layout.empty()) return {};
  if (operands.empty()) return fail(missing_operand(command, expected));
  name = operands.front();
  operands.erase(operands.begin());
  return {};
}

Result<std::string> ImageArguments::take_operand_before(const std::string& command,
                                                        std::vector<std::string> operands,
                                                        const std::string& kind) {
  if (auto taken = take_operand(command, operands, std::string(kImageKind) + " " + kind); !taken)
    return fail(std::move(taken).error());
  if (operands.empty()) return fail(missing_operand(command, kind));
  if (operands.size() > 1) return fail(unexpected_operand(command, operands[1]));
  return std::move(operands.front());
}

Result<std::optional<std::string>> ImageArguments::take_operand_before_path(
    const std::string& command, std::vector<std::string> operands) {
  if (auto taken = take_operand(command, operands); !taken) return fail(std::move(taken).error());
  if (operands.size() > 1) return fail(unexpected_operand(command, operands[1]));
  return operands.empty() ? std::nullopt : std::optional(std::move(operands.front()));
}

Result<OpenLayout> open_layout(const ImageArguments& arguments) {
  OpenLayout opened{arguments.layout, nullptr, {}};
  if (!arguments.layout.empty() && !arguments.name.empty())
    return fail(Errc::invalid_argument, arguments.name + ": unexpected operand, as --layout is given");
  if (const std::string& given = arguments.layout.empty() ? arguments.name : arguments.layout;
      is_remote_name(given))
    return open_remote(given, arguments);
  if (arguments.layout.empty()) {
    auto name = parse_path_or_name(arguments.name);
    if (!name) return fail(std::move(name).error());
    opened.path = std::move(name->layout);
    opened.reference = std::move(name->reference);
  }
  if (!arguments.reference.empty() && !opened.reference.empty())
    return fail(Errc::invalid_argument,
                arguments.name + ": has a reference already, as --ref " + arguments.reference + " is given");
  if (!arguments.reference.empty()) opened.reference = arguments.reference;
  auto reader = builtin_drivers({.follow_links = arguments.follow_links}).open_reader(opened.path);
  if (!reader) return fail(std::move(reader).error());
  opened.reader = std::move(*reader);
  return opened;
}

std::string name_of_image(const std::string& layout, const std::string& reference) {
  if (reference.empty()) return layout;
  if (reference.starts_with('@') && is_short_digest(std::string_view(reference).substr(1)))
    return layout + reference;
  return layout + (Digest::parse(reference) ? "@" : ":") + reference;
}

Result<Platform> platform_of(const ImageArguments& arguments) {
  return arguments.platform.empty() ? host_platform() : parse_platform(arguments.platform);
}

Result<Descriptor> find_entry(const OpenLayout& layout, const ImageArguments& arguments) {
  const auto platform = platform_of(arguments);
  if (!platform) return std::unexpected(platform.error());
  auto found = of_operand(find_reference(*layout.reader, layout.reference, *platform));
  if (!found) return fail(std::move(found).error(), layout.path);
  return found;
}

Result<Descriptor> find_manifest(const OpenLayout& layout, const ImageArguments& arguments) {
  const auto platform = platform_of(arguments);
  if (!platform) return std::unexpected(platform.error());
  auto found = find_entry(layout, arguments);
  if (!found) return found;
  auto manifest = resolve_platform(*layout.reader, std::move(*found), *platform);
  if (!manifest) return fail(std::move(manifest).error(), layout.path);
  return manifest;
}

IndexCache open_cache(const std::string& cache_dir, IndexCache::Keeping keeping) {
  std::string directory = cache_dir.empty() ? IndexCache::default_directory() : cache_dir;
  // If it is required, the error is reported instead.
  if (keeping != IndexCache::Keeping::required && !directory.empty() &&
      ::access(directory.c_str(), F_OK) != 0 && errno == ENOTCONN)
    if (const std::string why = explain_dead_mounts(directory); !why.empty())
      log(LogLevel::warning, "index cache: " + directory + ": " + why);
  return IndexCache(std::move(directory), keeping);
}

}  // namespace layoutfs::tools
