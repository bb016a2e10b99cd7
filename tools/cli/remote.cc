#include "tools/cli/remote.h"

#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "core/cache/index_cache.h"
#include "core/codec/narrow_source.h"
#include "core/remote/range_chunks.h"
#include "tools/cli/command.h"

namespace layoutfs::tools {
namespace {

// Otherwise decoders would have chunks fetched of which they need only a part, or nothing.
static_assert(NarrowSource::kPiece % kRangeChunk == 0);

Result<std::optional<bool>> parse_tls_verify(const std::string& text) {
  if (text.empty()) return std::optional<bool>();
  if (text == "true") return std::optional(true);
  if (text == "false") return std::optional(false);
  return fail(Errc::invalid_argument, "--tls-verify " + text + ": expected true or false");
}

}  // namespace

void RemoteArguments::add_options(Command command) {
  command.add_option("--authfile", auth_file, "File with credentials for docker:// (default: that of podman)")
      .type_name("FILE")
      .group(kRemoteGroup)
      .not_empty();
  command
      .add_option("--tls-verify", tls_verify,
                  "Verify certificates of docker:// (default: by registries.conf)")
      .type_name("true|false")
      .group(kRemoteGroup)
      .not_empty();
}

Result<std::unique_ptr<RemoteRegistry>> open_remote_registry(const std::string& host,
                                                             const RemoteArguments& arguments,
                                                             const RemoteSettings& settings) {
  auto verify = parse_tls_verify(arguments.tls_verify);
  if (!verify) return fail(std::move(verify).error());
  if (!arguments.auth_file.empty() && ::access(arguments.auth_file.c_str(), R_OK) != 0)
    return fail(Error::system(errno, "--authfile " + arguments.auth_file));
  RemoteOptions options = RemoteOptions::from_environment(arguments.auth_file);
  options.is_tls_verified = *verify;
  options.retries = settings.retries;
  std::string directory = settings.cache_dir.empty() ? IndexCache::default_directory() : settings.cache_dir;
  return std::make_unique<RemoteRegistry>(
      std::make_shared<RemoteAccess>(std::move(options)), host,
      std::make_shared<RangeCache>(
          std::move(directory), settings.cache_budget, RequestOptions{},
          settings.is_for_copy ? RangeCache::Keeping::none : RangeCache::Keeping::arriving));
}

Result<std::shared_ptr<RemoteLayout>> open_remote_layout(const std::string& text,
                                                         const std::string& reference,
                                                         const RemoteArguments& arguments,
                                                         const RemoteSettings& settings) {
  auto name = of_operand(RemoteName::parse(text));
  if (!name) return fail(std::move(name).error());
  if (!reference.empty()) {
    if (!name->tag.empty() || !name->digest.empty())
      return fail(Errc::invalid_argument,
                  text + ": has a reference already, as --ref " + reference + " is given");
    const char separator = reference.find(':') == std::string::npos ? ':' : '@';
    name = of_operand(RemoteName::parse(text + separator + reference));
    if (!name) return fail(std::move(name).error());
  }
  auto registry = open_remote_registry(name->host, arguments, settings);
  if (!registry) return fail(std::move(registry).error());
  auto layout = RemoteLayout::open(*std::move(registry), *std::move(name));
  if (!layout || !settings.is_for_copy) return layout;
  if (auto added = (*layout)->add_referrers(); !added) return fail(std::move(added).error());
  return layout;
}

Result<std::shared_ptr<RemoteEngine>> open_remote_engine(const RemoteName& name,
                                                         const RemoteArguments& arguments) {
  auto registry =
      open_remote_registry(name.host, arguments, {.cache_dir = {}, .retries = {}, .is_for_copy = true});
  if (!registry) return fail(std::move(registry).error());
  return std::make_shared<RemoteEngine>(*std::move(registry), name.repository);
}

}  // namespace layoutfs::tools
