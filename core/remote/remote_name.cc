#include "core/remote/remote_name.h"

#include <utility>

#include "core/oci/familiar_name.h"
#include "core/oci/repository_names.h"
#include "core/remote/docker_hub.h"

namespace layoutfs {
namespace {

constexpr std::string_view kImpliedTag = "latest";
// A repository of one component on Docker Hub is below this one.
constexpr std::string_view kOfficialImages = "library/";

bool is_host(std::string_view name) noexcept { return name == "localhost" || is_registry_host(name); }

}  // namespace

Result<RemoteName> RemoteName::parse(std::string_view text) {
  const std::string shown(text);
  if (!is_remote_name(text))
    return fail(Errc::invalid_argument, shown + ": expected docker://HOST/REPOSITORY[:TAG|@DIGEST]");
  const std::string_view name = text.substr(kRemotePrefix.size());
  const auto slash = name.find('/');
  // Which registry a short name means depends on the configuration of each machine.
  if (slash == std::string_view::npos || !is_host(name.substr(0, slash))) {
    Error error(Errc::invalid_argument, shown + ": the name has no registry");
    const auto full = full_image_name(name, kImpliedTag);
    return full ? fail(std::move(error).with_hint("write " + std::string(kRemotePrefix) + *full))
                : fail(std::move(error));
  }
  auto parsed = RegistryReference::parse_relative(name.substr(slash + 1));
  if (!parsed) return fail(std::move(parsed).error(), shown);
  if (!parsed->tag.empty() && !parsed->digest.empty())
    return fail(Error(Errc::invalid_argument, shown + ": it has a tag and a digest")
                    .with_hint("leave out the tag: the digest alone names the image"));
  std::string host(name.substr(0, slash));
  if (host == kDockerHub && parsed->repository.find('/') == std::string::npos)
    parsed->repository.insert(0, kOfficialImages);
  return RemoteName{std::move(host), std::move(parsed->repository), std::move(parsed->tag),
                    std::move(parsed->digest)};
}

std::string RemoteName::repository_name() const {
  return std::string(kRemotePrefix) + host + "/" + repository;
}

std::string RemoteName::reference() const {
  if (!digest.empty()) return digest.str();
  return tag.empty() ? std::string(kImpliedTag) : tag;
}

}  // namespace layoutfs
