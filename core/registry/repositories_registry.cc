// The registry of a directory of layouts.
#include <algorithm>
#include <filesystem>
#include <list>
#include <string>
#include <system_error>
#include <utility>

#include "core/base/guarded.h"
#include "core/oci/present_blob.h"
#include "core/oci/repository_names.h"
#include "core/oci/repository_tree.h"
#include "core/registry/layout_registry.h"

namespace layoutfs {
namespace {

// Layouts that stay open; each takes a descriptor and the memory of its entries.
constexpr std::size_t kMaxOpen = 64;

class RepositoriesRegistry final : public Registry {
 public:
  RepositoriesRegistry(std::string directory, RegistryOptions options)
      : tree_(std::move(directory)), options_(std::move(options)) {}

  Result<Descriptor> resolve_blob(std::string_view repository, const Digest& digest) override {
    return in(repository, [&](Registry& own) { return own.resolve_blob(repository, digest); });
  }
  Result<BlobReader> get_blob(std::string_view repository, const Digest& digest) override {
    return in(repository, [&](Registry& own) { return own.get_blob(repository, digest); });
  }
  Result<BlobReader> get_blob_range(std::string_view repository, const Digest& digest, std::int64_t begin,
                                    std::int64_t end) override {
    return in(repository, [&](Registry& own) { return own.get_blob_range(repository, digest, begin, end); });
  }
  Result<Descriptor> resolve_manifest(std::string_view repository, const Digest& digest,
                                      const Context& context) override {
    return in(repository, [&](Registry& own) { return own.resolve_manifest(repository, digest, context); });
  }
  Result<BlobReader> get_manifest(std::string_view repository, const Digest& digest,
                                  const Context& context) override {
    return in(repository, [&](Registry& own) { return own.get_manifest(repository, digest, context); });
  }
  Result<Descriptor> resolve_tag(std::string_view repository, std::string_view tag,
                                 const Context& context) override {
    return in(repository, [&](Registry& own) { return own.resolve_tag(repository, tag, context); });
  }
  Result<BlobReader> get_tag(std::string_view repository, std::string_view tag,
                             const Context& context) override {
    return in(repository, [&](Registry& own) { return own.get_tag(repository, tag, context); });
  }
  Result<Descriptor> push_blob(std::string_view repository, const Descriptor& descriptor, ByteSource& content,
                               const Context& context) override {
    return in(repository,
              [&](Registry& own) { return own.push_blob(repository, descriptor, content, context); });
  }
  Result<std::unique_ptr<BlobWriter>> push_blob_chunked_resume(std::string_view repository,
                                                               std::string_view id, std::int64_t offset,
                                                               std::size_t chunk_size) override {
    return in(repository, [&](Registry& own) {
      return own.push_blob_chunked_resume(repository, id, offset, chunk_size);
    });
  }
  Result<Descriptor> mount_blob(std::string_view from, std::string_view to, const Digest& digest,
                                const Context& context) override {
    auto blob = get_blob(from, digest);
    if (!blob) return fail(std::move(blob).error());
    const auto target = open(to);
    if (!target) return fail(Error(target.error()));
    Descriptor descriptor = blob->descriptor();
    if (from == to) return descriptor;
    const auto layout = (*target)->writable_engine(context);
    if (!layout) return fail(Error(layout.error()));
    const auto present =
        usable_blob_size(**layout, digest, {.size = descriptor.size, .media_type = {}, .context = context});
    if (!present) return fail(Error(present.error()));
    if (*present) return descriptor;
    auto put =
        (*layout)->copy_blob(blob->blob(), {.digest = digest, .size = descriptor.size, .context = context});
    if (!put && put.error().code() == Errc::digest_invalid)
      return fail(Errc::corrupt, digest.str() + ": the blob of '" + std::string(from) + "' is damaged");
    if (!put) return fail(std::move(put).error());
    return descriptor;
  }
  Result<Descriptor> push_manifest(std::string_view repository, ByteView manifest,
                                   std::string_view media_type,
                                   const PushManifestParameters& parameters) override {
    return in(repository,
              [&](Registry& own) { return own.push_manifest(repository, manifest, media_type, parameters); });
  }
  Status delete_blob(std::string_view repository, const Digest& digest) override {
    return in(repository, [&](Registry& own) { return own.delete_blob(repository, digest); });
  }
  Status delete_manifest(std::string_view repository, const Digest& digest, const Context& context) override {
    return in(repository, [&](Registry& own) { return own.delete_manifest(repository, digest, context); });
  }
  Status delete_tag(std::string_view repository, std::string_view tag, const Context& context) override {
    return in(repository, [&](Registry& own) { return own.delete_tag(repository, tag, context); });
  }
  Result<std::vector<std::string>> repositories(const Page& page, const Context& context) override;
  Result<std::vector<std::string>> tags(std::string_view repository, const Page& page,
                                        const Context& context) override {
    return in(repository, [&](Registry& own) { return own.tags(repository, page, context); });
  }
  Result<std::vector<Descriptor>> referrers(std::string_view repository, const Digest& digest,
                                            std::string_view artifact_type, const Context& context) override {
    return in(repository,
              [&](Registry& own) { return own.referrers(repository, digest, artifact_type, context); });
  }

 private:
  using Opened = std::pair<std::string, std::shared_ptr<LayoutRegistry>>;

  Result<std::shared_ptr<LayoutRegistry>> open(std::string_view repository);
  template <class Operation>
  auto in(std::string_view repository, const Operation& operation) -> decltype(operation(*this)) {
    const auto own = open(repository);
    if (!own) return fail(Error(own.error()));
    return operation(**own);
  }

  const RepositoryTree tree_;
  const RegistryOptions options_;
  Guarded<std::list<Opened>> opened_;  // most recently used first
};

Result<std::shared_ptr<LayoutRegistry>> RepositoriesRegistry::open(std::string_view repository) {
  if (!is_repository_name(repository)) return fail(invalid_repository(repository));
  if (!is_repository_directory(repository))
    return fail(RegistryCode::name_invalid,
                "repository '" + std::string(repository) + "' conflicts with a layout's file name");
  if (const auto path = tree_.path_of(repository); !path) {
    if (path.error().code() != Errc::not_found) return fail(Error(path.error()));
    const auto checked = tree_.check_way(repository);
    if (!checked && checked.error().code() == Errc::not_found)
      return fail(RegistryCode::name_unknown, checked.error().message());
    if (!checked) return fail(Error(checked.error()));
  }
  auto opened = opened_.lock();
  const auto found = std::ranges::find(*opened, repository, &Opened::first);
  if (found != opened->end()) {
    opened->splice(opened->begin(), *opened, found);
  } else {
    RegistryOptions options = options_;
    options.default_repository = repository;
    auto own = std::make_shared<LayoutRegistry>(tree_.directory() + "/" + std::string(repository),
                                                std::move(options), LayoutPlace::shared);
    opened->emplace_front(repository, std::move(own));
    if (opened->size() > kMaxOpen) opened->pop_back();
  }
  return opened->front().second;
}

// Skips a layout without entries of its own repository, because nobody could request them. Includes an
// unreadable one: a request reports its error, and it does not hide the others.
Result<std::vector<std::string>> RepositoriesRegistry::repositories(const Page& page,
                                                                    const Context& context) {
  std::vector<std::string> found;
  std::string after = page.start_after;
  while (page.limit == 0 || found.size() < page.limit) {
    const std::size_t wanted = page.limit == 0 ? 0 : page.limit - found.size();
    const auto names = tree_.list(after, wanted, context);
    if (!names) return names;
    for (const std::string& name : *names) {
      if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
      const auto tags = this->tags(name, {.start_after = {}, .limit = 1}, context);
      if (tags || registry_code(tags.error()) != RegistryCode::name_unknown) found.push_back(name);
    }
    if (wanted == 0 || names->size() < wanted) break;
    after = names->back();
  }
  return found;
}

}  // namespace

Result<std::unique_ptr<Registry>> open_repositories(const std::string& directory,
                                                    const RegistryOptions& options) {
  if (directory.empty()) return fail(Errc::invalid_argument, "the directory's path is empty");
  if (!options.default_repository.empty())
    return fail(Errc::invalid_argument, "default_repository is not supported for a directory of layouts");
  std::error_code failure;
  const auto path = std::filesystem::absolute(directory, failure);
  if (failure) return fail(Error::system(failure.value(), directory));
  return std::make_unique<RepositoriesRegistry>(path.string(), options);
}

}  // namespace layoutfs
