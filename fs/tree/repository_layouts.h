// The layouts of a mount's repositories, of which only a few are open at a time.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>

#include "core/base/lock_order.h"
#include "core/image/image_library.h"
#include "core/oci/repository_tree.h"
#include "fs/tree/layout_context.h"

namespace layoutfs {

// Thread-safe.
class RepositoryLayouts {
 public:
  // Each takes a file descriptor, its references, and its open images.
  static constexpr std::size_t kMostOpen = 64;

  // `mount` must outlive it.
  RepositoryLayouts(MountContext& mount, RepositoryTree tree,
                    std::shared_ptr<const LibraryResources> resources, std::size_t most_open = kMostOpen,
                    bool follow_links = false)
      : mount_(mount),
        tree_(std::move(tree)),
        resources_(std::move(resources)),
        most_open_(most_open),
        follow_links_(follow_links) {}
  // Waits until no thread is opening a layout.
  ~RepositoryLayouts();

  const RepositoryTree& tree() const noexcept { return tree_; }
  // Returns the layout of a repository. It is opened on first use; if too many are open, the least recently
  // used one is released. Its reader returns Errc::not_found if the repository has no layout.
  LayoutPtr layout(std::string_view name);
  // Sets the identity of its directory: if the layout was opened in another directory, it is released.
  void is_at(std::string_view name, const struct stat& directory);
  // Returns whether the last attempt to open it failed.
  bool is_broken(std::string_view name);

  struct Counts {
    std::size_t remembered, open;
  };
  Counts counts();

 private:
  struct Repository {
    std::weak_ptr<LayoutContext> known;  // referenced by nodes
    LayoutPtr open;                      // or broken, while that is remembered; otherwise null
    dev_t device = 0;                    // of the directory at the last opening
    ino_t inode = 0;
  };
  using Repositories = std::map<std::string, Repository, std::less<>>;
  // For readers, which call back to open their layouts, also from read-ahead threads. They do not own the
  // layouts: the last owner's destructor waits for those threads.
  struct Callbacks {
    explicit Callbacks(RepositoryLayouts* layouts_) : layouts(layouts_) {}
    std::shared_mutex mutex;     // locked shared during a call
    RepositoryLayouts* layouts;  // null after the destructor
  };
  LayoutPtr make(const std::string& name);
  Result<std::unique_ptr<LayoutReader>> open(const std::string& name);
  void make_room(const std::string& name);

  MountContext& mount_;
  const RepositoryTree tree_;
  const std::shared_ptr<const LibraryResources> resources_;
  const std::size_t most_open_;
  const bool follow_links_;
  // Never held while opening or releasing.
  OrderedGuarded<Repositories, LockLevel::layouts> items_;
  const std::shared_ptr<Callbacks> callbacks_ = std::make_shared<Callbacks>(this);
};

}  // namespace layoutfs
