// The directories of the views for container engines.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fs/tree/layout_nodes.h"
#include "fs/tree/storage_catalog.h"
#include "fs/tree/virtual_node.h"

namespace layoutfs {

// A directory of the current snapshot.
class StorageDirectory : public VirtualNode {
 public:
  StorageDirectory(std::shared_ptr<StorageCatalog> catalog, std::string identity)
      : VirtualNode(std::move(identity)), catalog_(std::move(catalog)) {}

  Answer<Properties> properties() override {
    const auto snapshot = catalog_->current();
    if (!snapshot) return std::unexpected(snapshot.error());
    return Properties{S_IFDIR | 0555, 0, (*snapshot)->mtime_ns, kShortly};
  }
  Answer<std::vector<Name>> list(const Context& context) override {
    const auto snapshot = catalog_->current(context);
    if (!snapshot) return std::unexpected(snapshot.error());
    return list_of(**snapshot);
  }
  Answer<Child> find(std::string_view name, const Context& context) override {
    const auto snapshot = catalog_->current(context);
    if (!snapshot) return std::unexpected(snapshot.error());
    return find_in(**snapshot, name, context);
  }

 protected:
  virtual std::vector<Name> list_of(const StorageSnapshot& snapshot) = 0;
  virtual Answer<Child> find_in(const StorageSnapshot& snapshot, std::string_view name,
                                const Context& context) = 0;

  std::string place(std::string_view name) const { return identity() + "/" + std::string(name); }
  Answer<Child> text(std::string_view name, std::string_view content, const StorageSnapshot& snapshot) const {
    return std::make_shared<TextFile>(place(name), to_bytes(content), snapshot.mtime_ns);
  }

  const std::shared_ptr<StorageCatalog> catalog_;
};

}  // namespace layoutfs
