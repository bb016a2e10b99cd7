#include "fs/tree/storage_filesystem.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <chrono>
#include <utility>
#include <vector>

#include "core/cas/layout_dir.h"
#include "core/engines/storage_names.h"
#include "fs/tree/containerd_nodes.h"
#include "fs/tree/node_filesystem.h"
#include "fs/tree/repository_layouts.h"
#include "fs/tree/storage_nodes.h"

namespace layoutfs {
namespace {

// Finding all layouts of a tree reads its directories, so it is not done for each of the thousands of
// requests of a single command.
constexpr std::chrono::milliseconds kTreePause{250};

// Returns a text that changes with index.json, and with the directory; nullopt if index.json has changed so
// recently that it may change again without another time.
std::optional<std::string> stamp_of(RepositoryLayouts& layouts, const std::string& name) {
  const auto directory = layouts.tree().open(name);
  if (!directory) return std::nullopt;
  const auto found = stat_of(directory->get(), name);
  if (!found) return std::nullopt;
  layouts.is_at(name, *found);
  struct stat index;
  if (::fstatat(directory->get(), kIndexFile, &index, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  // The target of a symlink may change without the link.
  if (is_fresh(index) || !S_ISREG(index.st_mode)) return std::nullopt;
  std::string stamp;
  for (const auto& part : {std::to_string(found->st_dev), std::to_string(found->st_ino),
                           std::to_string(index.st_ino), std::to_string(index.st_size),
                           std::to_string(to_ns(index.st_mtim)), std::to_string(to_ns(index.st_ctim))})
    stamp += part + " ";
  return stamp;
}

VirtualNodePtr make_root(EngineView view, std::shared_ptr<StorageCatalog> catalog) {
  return view == EngineView::containerd ? make_containerd_root(std::move(catalog))
                                        : make_storage_root(std::move(catalog));
}

}  // namespace

std::shared_ptr<Filesystem> make_storage_filesystem(EngineView view, std::shared_ptr<ImageLibrary> library,
                                                    LayoutOptions options, std::string repository) {
  NodeTree nodes;
  nodes.mount = std::make_unique<MountContext>(std::move(options.platform), options.ownership,
                                               library->resources()->options().max_mapped_files);
  nodes.are_acls_wanted = options.are_acls_wanted;
  nodes.watch = library->reader().watch();
  nodes.resources = library->resources();
  const auto layout = std::make_shared<LayoutContext>(*nodes.mount, std::move(library));
  auto catalog = std::make_shared<StorageCatalog>(
      *nodes.mount,
      [layout, repository = std::move(repository)]() -> Result<std::vector<StorageSource>> {
        return std::vector{
            StorageSource{.layout = layout, .name = "", .repository = repository, .stamp = {}}};
      },
      std::chrono::milliseconds(0));
  nodes.root = make_root(view, std::move(catalog));
  return make_node_filesystem(std::move(nodes));
}

std::shared_ptr<Filesystem> make_storage_filesystem(EngineView view, RepositoryTree tree,
                                                    std::shared_ptr<const LibraryResources> resources,
                                                    LayoutOptions options) {
  NodeTree nodes;
  nodes.mount = std::make_unique<MountContext>(std::move(options.platform), options.ownership,
                                               resources->options().max_mapped_files);
  nodes.are_acls_wanted = options.are_acls_wanted;
  nodes.resources = resources;
  const auto layouts =
      std::make_shared<RepositoryLayouts>(*nodes.mount, std::move(tree), std::move(resources),
                                          RepositoryLayouts::kMostOpen, options.follow_links);
  auto catalog = std::make_shared<StorageCatalog>(
      *nodes.mount,
      [layouts]() -> Result<std::vector<StorageSource>> {
        const auto names = layouts->tree().list("", 0);
        if (!names) return fail(Error(names.error()));
        std::vector<StorageSource> sources;
        for (const std::string& name : *names)
          sources.push_back({.layout = layouts->layout(name),
                             .name = name,
                             .repository = storage_repository_of_name(name),
                             .stamp = stamp_of(*layouts, name)});
        return sources;
      },
      kTreePause);
  nodes.root = make_root(view, std::move(catalog));
  return make_node_filesystem(std::move(nodes));
}

}  // namespace layoutfs
