// The registry of one layout.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/guarded.h"
#include "core/registry/reachable.h"
#include "core/registry/repository_map.h"
#include "layoutfs/open.h"
#include "layoutfs/registry.h"

namespace layoutfs {

// The directories in which a new layout may be created.
enum class LayoutPlace : std::uint8_t {
  own,     // in an empty or missing directory
  shared,  // beside other files
};

class LayoutRegistry final : public Registry {
 public:
  LayoutRegistry(std::string path, RegistryOptions options, LayoutPlace place)
      : path_(std::move(path)), options_(std::move(options)), place_(place) {}

  const std::string& path() const noexcept { return path_; }
  // Returns the current layout; null if there is none. Errors are those of open_dir.
  Result<std::shared_ptr<Engine>> engine();
  // Creates the layout if there is none.
  Result<std::shared_ptr<Engine>> writable_engine(const Context& context = {});

  Result<Descriptor> resolve_blob(std::string_view repository, const Digest& digest) override;
  Result<BlobReader> get_blob(std::string_view repository, const Digest& digest) override;
  Result<BlobReader> get_blob_range(std::string_view repository, const Digest& digest, std::int64_t begin,
                                    std::int64_t end) override;
  Result<Descriptor> resolve_manifest(std::string_view repository, const Digest& digest,
                                      const Context& context) override;
  Result<BlobReader> get_manifest(std::string_view repository, const Digest& digest,
                                  const Context& context) override;
  Result<Descriptor> resolve_tag(std::string_view repository, std::string_view tag,
                                 const Context& context) override;
  Result<BlobReader> get_tag(std::string_view repository, std::string_view tag,
                             const Context& context) override;
  Result<Descriptor> push_blob(std::string_view repository, const Descriptor& descriptor, ByteSource& content,
                               const Context& context) override;
  Result<std::unique_ptr<BlobWriter>> push_blob_chunked_resume(std::string_view repository,
                                                               std::string_view id, std::int64_t offset,
                                                               std::size_t chunk_size) override;
  Result<Descriptor> mount_blob(std::string_view from, std::string_view to, const Digest& digest,
                                const Context& context) override;
  Result<Descriptor> push_manifest(std::string_view repository, ByteView manifest,
                                   std::string_view media_type,
                                   const PushManifestParameters& parameters) override;
  Status delete_blob(std::string_view repository, const Digest& digest) override;
  Status delete_manifest(std::string_view repository, const Digest& digest, const Context& context) override;
  Status delete_tag(std::string_view repository, std::string_view tag, const Context& context) override;
  Result<std::vector<std::string>> repositories(const Page& page, const Context& context) override;
  Result<std::vector<std::string>> tags(std::string_view repository, const Page& page,
                                        const Context& context) override;
  Result<std::vector<Descriptor>> referrers(std::string_view repository, const Digest& digest,
                                            std::string_view artifact_type, const Context& context) override;

 private:
  // An open layout, and the identity of its directory.
  struct Opened {
    std::shared_ptr<Engine> engine;
    std::shared_ptr<const LayoutGraph> graph;  // of the engine
    std::uint64_t device = 0, inode = 0;
  };
  // Results for one state of the references, by repository.
  struct Known {
    std::shared_ptr<const References> references;
    std::shared_ptr<const RepositoryMap> map;  // of these
    std::map<std::string, std::shared_ptr<const Reachable>, std::less<>> reachable;
    std::map<std::string, std::shared_ptr<const LayoutReferrers>, std::less<>> referrers;
  };
  // A snapshot of a layout and its entries.
  struct View {
    std::shared_ptr<const LayoutReader> reader;  // null if there is no layout
    std::shared_ptr<const LayoutGraph> graph;    // of the reader
    std::shared_ptr<const References> references;
    std::shared_ptr<const RepositoryMap> map;  // of these
  };

  DirOptions dir_options() const;
  Result<Opened> open(const DirOptions& options);
  // Returns the current layout and its graph; null if there is none.
  Result<Opened> opened();
  Result<View> view(const Context& context);
  // Both compute their result once per state of the references.
  Result<std::shared_ptr<const Reachable>> reachable(const View& view, std::string_view repository,
                                                     const Context& context);
  Result<std::shared_ptr<const LayoutReferrers>> all_referrers(const View& view, std::string_view repository,
                                                               const Context& context);
  Result<BlobReader> read_manifest_blob(std::string_view repository, Descriptor descriptor);
  // RegistryCode::manifest_unknown, with `what`, if there is nothing to remove.
  Status remove_entries(std::string_view repository, const std::string& what,
                        const std::function<Result<ReferenceChanges>(const RepositoryMap& now)>& decide,
                        const Context& context);

  const std::string path_;
  const RegistryOptions options_;
  const LayoutPlace place_;
  Guarded<Opened> opened_;
  Guarded<Known> known_;
};

}  // namespace layoutfs
