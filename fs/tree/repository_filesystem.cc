#include "fs/tree/repository_filesystem.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "core/cas/layout_dir.h"
#include "fs/tree/layout_nodes.h"
#include "fs/tree/node_filesystem.h"

namespace layoutfs {
namespace {

using Name = VirtualNode::Name;

// The names in a layout's root.
constexpr std::array<std::string_view, 6> kOfLayout{"blobs",     "error",      "index.json",
                                                    "manifests", "oci-layout", "refs"};
bool is_of_layout(std::string_view name) { return std::ranges::find(kOfLayout, name) != kOfLayout.end(); }

// Returns the name of a repository below another one; encodes names that the tree uses itself.
std::string shown_name(std::string_view component) {
  if (!is_of_layout(component)) return std::string(component);
  return percent_encoded(component.front()) + std::string(component.substr(1));
}

std::string component_of(std::string_view shown) {
  for (const std::string_view name : kOfLayout)
    if (shown_name(name) == shown) return std::string(name);
  return std::string(shown);
}

class RepositoryDirectory final : public VirtualNode {
 public:
  // `name` is empty for the root of the mount.
  RepositoryDirectory(std::shared_ptr<RepositoryLayouts> layouts, std::string name)
      : VirtualNode("repository " + name), layouts_(std::move(layouts)), name_(std::move(name)) {}

  Answer<Properties> properties() override;
  Answer<std::vector<Name>> list(const Context& context) override;
  Answer<Child> find(std::string_view name, const Context& context) override;

 private:
  bool is_root() const { return name_.empty(); }
  Answer<Child> find_in_layout(std::string_view name, const Context& context);

  const std::shared_ptr<RepositoryLayouts> layouts_;
  const std::string name_;
};

// Its time changes with its listing: if names are added or removed, if index.json changes, or if the layout
// is found to be broken. Copying a layout may set the times of its content back.
Answer<VirtualNode::Properties> RepositoryDirectory::properties() {
  Properties properties{S_IFDIR | 0555, 0, 0, kShortly};
  const auto directory = layouts_->tree().open(name_);
  // The mount continues even if its directory is removed.
  if (!directory && is_root()) return properties;
  if (!directory) return std::unexpected(directory.error().to_errno());
  const auto found = stat_of(directory->get(), name_);
  if (!found) return failed(found.error());
  layouts_->is_at(name_, *found);
  properties.mtime_ns = to_ns(found->st_ctim);
  bool may_change = is_fresh(*found);
  struct stat index;
  if (!is_root() && ::fstatat(directory->get(), kIndexFile, &index, AT_SYMLINK_NOFOLLOW) == 0) {
    properties.mtime_ns = std::max(properties.mtime_ns, to_ns(index.st_ctim));
    // The target of a symlink may change without the link.
    may_change |= is_fresh(index) || S_ISLNK(index.st_mode);
  }
  if (may_change) properties.mtime_ns = now_ns();
  if (layouts_->is_broken(name_)) ++properties.mtime_ns;
  return properties;
}

Answer<std::vector<Name>> RepositoryDirectory::list(const Context& context) {
  const auto level = layouts_->tree().level(name_);
  if (!level && level.error().code() == Errc::not_found) {
    if (is_root()) return std::vector<Name>();
    return std::unexpected(ENOENT);
  }
  if (!level) return failed(level.error());
  std::vector<Name> names;
  if (!is_root() && level->is_layout) {
    const LayoutPtr layout = layouts_->layout(name_);
    if (layout->on_demand->get()) {
      auto shown = make_layout_root(layout)->list(context);
      if (!shown) return shown;
      names = std::move(*shown);
    } else {
      names.push_back({"error", S_IFREG});
    }
  }
  for (const std::string& component : level->below)
    names.push_back({is_root() ? component : shown_name(component), S_IFDIR});
  std::ranges::sort(names, {}, &Name::name);
  return names;
}

Answer<Child> RepositoryDirectory::find(std::string_view name, const Context& context) {
  if (!is_root() && is_of_layout(name)) return find_in_layout(name, context);
  const std::string below = is_root() ? std::string(name) : name_ + "/" + component_of(name);
  if (!is_repository_directory(below)) return std::unexpected(ENOENT);
  if (const auto directory = layouts_->tree().open(below); !directory)
    return std::unexpected(directory.error().to_errno());
  return std::make_shared<RepositoryDirectory>(layouts_, below);
}

Answer<Child> RepositoryDirectory::find_in_layout(std::string_view name, const Context& context) {
  const LayoutPtr layout = layouts_->layout(name_);
  const auto reader = layout->on_demand->get();
  if (!reader && (reader.error().code() == Errc::not_found || name != "error"))
    return std::unexpected(ENOENT);
  if (!reader)
    return std::make_shared<TextFile>(layout->place(name), to_bytes(reader.error().message() + "\n"),
                                      now_ns());
  return make_layout_root(layout)->find(name, context);
}

}  // namespace

std::shared_ptr<Filesystem> make_repository_filesystem(RepositoryTree tree,
                                                       std::shared_ptr<const LibraryResources> resources,
                                                       LayoutOptions options, std::size_t most_open) {
  NodeTree nodes;
  nodes.mount = std::make_unique<MountContext>(std::move(options.platform), options.ownership,
                                               resources->options().max_mapped_files);
  nodes.are_acls_wanted = options.are_acls_wanted;
  nodes.resources = resources;
  auto layouts = std::make_shared<RepositoryLayouts>(*nodes.mount, std::move(tree), std::move(resources),
                                                     most_open, options.follow_links);
  nodes.root = std::make_shared<RepositoryDirectory>(std::move(layouts), "");
  return make_node_filesystem(std::move(nodes));
}

}  // namespace layoutfs
