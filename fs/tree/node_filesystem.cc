// Answers requests with nodes, and with the images that they contain.
#include "fs/tree/node_filesystem.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/base/xattr_names.h"
#include "fs/tree/directory_listings.h"
#include "fs/tree/node_table.h"
#include "fs/tree/statistics.h"

namespace layoutfs {
namespace {

class NodeFilesystem final : public Filesystem {
 public:
  explicit NodeFilesystem(NodeTree tree) : tree_(std::move(tree)) {}

  Answer<LookupResult> lookup(InodeNumber directory, std::string_view name, const Context& context) override;
  void forget(InodeNumber node, std::uint64_t count) override {
    if (is_node(node) && node != kRootNumber) nodes_.forget(node, count);
  }
  Answer<Attributes> attributes(InodeNumber node, const Context& context) override;
  Answer<std::string> readlink(InodeNumber node, const Context& context) override;
  Answer<void> read(InodeNumber node, IoBuffers& out, std::size_t size, std::uint64_t offset,
                    const Context& context) override;
  Answer<void> readdir(InodeNumber directory, std::uint64_t cookie,
                       const std::function<bool(const Listed&)>& add, const Context& context) override;
  bool has_cheap_attributes(InodeNumber directory) override { return !is_node(directory); }
  Answer<std::string> getxattr(InodeNumber node, std::string_view name, const Context& context) override;
  Answer<std::vector<std::string>> listxattr(InodeNumber node, const Context& context) override;
  Answer<std::uint64_t> seek(InodeNumber node, std::uint64_t offset, int whence,
                             const Context& context) override;
  bool wants_acls() const override { return tree_.are_acls_wanted; }
  void set_acls_enforced(bool are_enforced) override { slots().set_acls_enforced(are_enforced); }
  Totals totals() override { return {0, 0}; }
  int changes_fd() const override { return tree_.watch ? tree_.watch->fd() : -1; }
  bool has_changed() override { return tree_.watch && tree_.watch->has_changed(); }
  void invalidate_changed(AnswerCache& cache) override;

 private:
  static bool is_node(InodeNumber node) noexcept {
    return node == kRootNumber || (node & NodeTable::kTag) != 0;
  }
  VirtualNodePtr find_node(InodeNumber number) {
    return number == kRootNumber ? tree_.root : nodes_.find(number);
  }
  bool is_still_there(const NodeTable::KnownNode& known);
  struct stat placeholder(InodeNumber root);
  Answer<LookupResult> enter(SlotRoot slot);

  ImageSlots& slots() const { return tree_.mount->slots; }
  struct stat to_stat(InodeNumber number, const VirtualNode::Properties& properties) const;

  const NodeTree tree_;
  NodeTable nodes_;
  DirectoryListings listings_;
};

struct stat NodeFilesystem::to_stat(InodeNumber number, const VirtualNode::Properties& properties) const {
  constexpr std::int64_t kSecond = 1'000'000'000;
  struct stat result{};
  result.st_ino = number;
  result.st_mode = properties.mode;
  result.st_nlink = S_ISDIR(properties.mode) ? 2 : 1;
  result.st_uid = slots().ownership().uid.value_or(0);
  result.st_gid = slots().ownership().gid.value_or(0);
  result.st_size = static_cast<off_t>(properties.size);
  result.st_blksize = 4096;
  result.st_blocks = S_ISREG(properties.mode) ? static_cast<blkcnt_t>((properties.size + 511) / 512) : 0;
  result.st_mtim = {.tv_sec = properties.mtime_ns / kSecond, .tv_nsec = properties.mtime_ns % kSecond};
  result.st_atim = result.st_mtim;
  result.st_ctim = result.st_mtim;
  return result;
}

// Returns the attributes of an image's root before it was decoded, or if that fails. They are not cached:
// attributes() returns the real ones.
struct stat NodeFilesystem::placeholder(InodeNumber root) {
  const LayoutPtr layout = slots().layout_of(ImageSlots::slot_of(root));
  return to_stat(root, {S_IFDIR | 0755, 0, layout ? layout->catalog()->current()->mtime_ns : 0});
}

Answer<LookupResult> NodeFilesystem::enter(SlotRoot slot) {
  const InodeNumber root = ImageSlots::root_of(slot.slot);
  if (const auto image = slots().open_if_ready(slot.slot)) {
    const auto attributes = image->attributes(root);
    if (!attributes) return std::unexpected(attributes.error());
    return LookupResult{root, *attributes, kShortly};
  }
  return LookupResult{root, {placeholder(root), std::chrono::seconds(0)}, kShortly};
}

Answer<LookupResult> NodeFilesystem::lookup(InodeNumber directory, std::string_view name,
                                            const Context& context) {
  if (!is_node(directory)) {
    const auto image = slots().open(ImageSlots::slot_of(directory), context);
    if (!image) return std::unexpected(image.error());
    return (*image)->lookup(directory, name, context);
  }
  const VirtualNodePtr parent = find_node(directory);
  if (!parent) return std::unexpected(ENOENT);
  const auto child = parent->find(name, context);
  if (!child) return std::unexpected(child.error());
  if (const auto* slot = std::get_if<SlotRoot>(&*child)) return enter(*slot);
  const auto [number, node] = nodes_.reference(std::get<VirtualNodePtr>(*child), directory, name);
  const auto properties = node->properties();
  if (!properties) {
    nodes_.forget(number, 1);
    return std::unexpected(properties.error());
  }
  return LookupResult{number, {to_stat(number, *properties), properties->valid}, parent->names_valid()};
}

// Returns the real attributes of an image's root, even if it must be decoded, because callers may copy them.
Answer<Attributes> NodeFilesystem::attributes(InodeNumber node, const Context& context) {
  if (is_node(node)) {
    const VirtualNodePtr found = node == kRootNumber ? tree_.root : nodes_.find_and_touch(node);
    if (!found) return std::unexpected(ENOENT);
    const auto properties = found->complete_properties(context);
    if (!properties) return std::unexpected(properties.error());
    return Attributes{to_stat(node, *properties), properties->valid};
  }
  const std::uint32_t slot = ImageSlots::slot_of(node);
  const auto image = slots().open(slot, context);
  if (image) return (*image)->attributes(node, context);
  if (node != ImageSlots::root_of(slot) || image.error() == EINTR) return std::unexpected(image.error());
  return Attributes{placeholder(node), std::chrono::seconds(0)};
}

Answer<std::string> NodeFilesystem::readlink(InodeNumber node, const Context& context) {
  if (!is_node(node)) {
    const auto image = slots().open(ImageSlots::slot_of(node), context);
    if (!image) return std::unexpected(image.error());
    return (*image)->readlink(node, context);
  }
  const VirtualNodePtr found = find_node(node);
  if (!found) return std::unexpected(ENOENT);
  return found->readlink();
}

Answer<void> NodeFilesystem::read(InodeNumber node, IoBuffers& out, std::size_t size, std::uint64_t offset,
                                  const Context& context) {
  if (!is_node(node)) {
    const auto image = slots().open(ImageSlots::slot_of(node), context);
    if (!image) return std::unexpected(image.error());
    return (*image)->read(node, out, size, offset, context);
  }
  const VirtualNodePtr found = find_node(node);
  if (!found) return std::unexpected(ENOENT);
  return found->read(out, size, offset, context);
}

Answer<void> NodeFilesystem::readdir(InodeNumber directory, std::uint64_t cookie,
                                     const std::function<bool(const Listed&)>& add, const Context& context) {
  if (!is_node(directory)) {
    const auto image = slots().open(ImageSlots::slot_of(directory), context);
    if (!image) return std::unexpected(image.error());
    return (*image)->readdir(directory, cookie, add, context);
  }
  const VirtualNodePtr node = find_node(directory);
  if (!node) return std::unexpected(ENOENT);
  const auto found = listings_.listing(directory, *node, cookie == 0, context);
  if (!found) return std::unexpected(found.error());
  const DirectoryListing& listing = **found;
  if (cookie < 1 && !add({".", directory, S_IFDIR, 1})) return {};
  if (cookie < 2 && !add({"..", 0, S_IFDIR, 2})) return {};
  for (auto listed = std::ranges::upper_bound(listing, cookie, {}, &ListedName::position);
       listed != listing.end(); ++listed)
    if (!add({listed->name.name, 0, listed->name.type, listed->position})) break;
  return {};
}

Answer<std::string> NodeFilesystem::getxattr(InodeNumber node, std::string_view name,
                                             const Context& context) {
  if (node == kRootNumber && name == kStatisticsXattr) return statistics_json(*tree_.resources, View::fuse);
  // The kernel requests ACLs to check access: no image is opened for that.
  if (is_node(node) || (is_acl_xattr(name) && !slots().are_acls_enforced())) return std::unexpected(ENODATA);
  const auto image = slots().open(ImageSlots::slot_of(node), context);
  if (!image) return std::unexpected(image.error());
  return (*image)->getxattr(node, name, context);
}

Answer<std::vector<std::string>> NodeFilesystem::listxattr(InodeNumber node, const Context& context) {
  if (is_node(node)) return std::vector<std::string>();
  const auto image = slots().open(ImageSlots::slot_of(node), context);
  if (!image) return std::unexpected(image.error());
  return (*image)->listxattr(node, context);
}

Answer<std::uint64_t> NodeFilesystem::seek(InodeNumber node, std::uint64_t offset, int whence,
                                           const Context& context) {
  if (!is_node(node)) {
    const auto image = slots().open(ImageSlots::slot_of(node), context);
    if (!image) return std::unexpected(image.error());
    return (*image)->seek(node, offset, whence, context);
  }
  const auto found = attributes(node, context);
  if (!found) return std::unexpected(found.error());
  const auto size = static_cast<std::uint64_t>(found->stat.st_size);
  if (offset >= size) return std::unexpected(ENXIO);
  return whence == SEEK_DATA ? offset : size;  // no holes
}

// Returns whether looking it up again would give the same node.
bool NodeFilesystem::is_still_there(const NodeTable::KnownNode& known) {
  const VirtualNodePtr directory = find_node(known.directory);
  if (!directory || directory->is_fixed()) return true;
  const auto child = directory->find(known.name, {});
  const auto* node = child ? std::get_if<VirtualNodePtr>(&*child) : nullptr;
  return node != nullptr && (*node)->identity() == known.node->identity();
}

// Earlier answers are outdated. A name that still leads to the same node is not invalidated: that could
// unmount a mount below it.
void NodeFilesystem::invalidate_changed(AnswerCache& cache) {
  cache.invalidate_attributes(kRootNumber);
  const auto start = NodeTable::Clock::now() - std::chrono::ceil<NodeTable::Clock::duration>(kShortly);
  for (const NodeTable::KnownNode& known : nodes_.known_since(start)) {
    if (is_still_there(known))
      cache.invalidate_attributes(known.number);
    else
      cache.invalidate_name(known.directory, known.name);
  }
}

}  // namespace

std::shared_ptr<Filesystem> make_node_filesystem(NodeTree tree) {
  return std::make_shared<NodeFilesystem>(std::move(tree));
}

}  // namespace layoutfs
