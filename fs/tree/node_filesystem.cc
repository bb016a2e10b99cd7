// Answers the kernel from nodes, and from the images that they contain.
#include "fs/tree/node_filesystem.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "fs/tree/directory_listings.h"
#include "fs/tree/node_table.h"
#include "fs/tree/statistics.h"

namespace layoutfs {
namespace {

class NodeFilesystem final : public Filesystem {
 public:
  explicit NodeFilesystem(NodeTree tree) : tree_(std::move(tree)) {}

  Answer<Entry> lookup(NodeId directory, std::string_view name) override;
  void forget(NodeId node, std::uint64_t count) override {
    if (is_node(node) && node != kRootNode) nodes_.forget(node, count);
  }
  Answer<Attributes> attributes(NodeId node) override;
  Answer<std::string> readlink(NodeId node) override;
  Answer<void> read(NodeId node, IoBuffers& out, std::size_t size, std::uint64_t offset) override;
  Answer<void> readdir(NodeId directory, std::uint64_t cookie,
                       const std::function<bool(const Listed&)>& add) override;
  bool is_cheap(NodeId directory) override { return !is_node(directory); }
  Answer<std::string> getxattr(NodeId node, std::string_view name) override;
  Answer<std::vector<std::string>> listxattr(NodeId node) override;
  Answer<std::uint64_t> seek(NodeId node, std::uint64_t offset, int whence) override;
  bool wants_acls() const override { return tree_.are_acls_wanted; }
  void set_acls_enforced(bool are_enforced) override { slots().set_acls_enforced(are_enforced); }
  Totals totals() override { return {0, 0}; }
  int changes_fd() const override { return tree_.watch ? tree_.watch->fd() : -1; }
  bool has_changed() override { return tree_.watch && tree_.watch->has_changed(); }
  void forget_changed(KernelMemory& kernel) override;

 private:
  static bool is_node(NodeId node) noexcept { return node == kRootNode || (node & NodeTable::kTag) != 0; }
  NodePtr find_node(NodeId number) { return number == kRootNode ? tree_.root : nodes_.find(number); }
  bool is_still_there(const NodeTable::Told& told);
  struct stat placeholder(NodeId root);
  Answer<Entry> enter(SlotRoot slot);

  ImageSlots& slots() const { return tree_.mount->slots; }
  struct stat to_stat(NodeId number, const Node::Properties& properties) const;

  const NodeTree tree_;
  NodeTable nodes_;
  DirectoryListings listings_;
};

struct stat NodeFilesystem::to_stat(NodeId number, const Node::Properties& properties) const {
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

// What stands for an image's root until it has been decoded once, or for ever where that fails. It is valid
// for no time at all: whoever needs to know asks again, by attributes().
struct stat NodeFilesystem::placeholder(NodeId root) {
  const LayoutPtr layout = slots().layout_of(ImageSlots::slot_of(root));
  return to_stat(root, {S_IFDIR | 0755, 0, layout ? layout->catalog()->current()->mtime_ns : 0});
}

Answer<Entry> NodeFilesystem::enter(SlotRoot slot) {
  const NodeId root = ImageSlots::root_of(slot.slot);
  if (const auto image = slots().open_if_ready(slot.slot)) {
    const auto attributes = image->attributes(root);
    if (!attributes) return std::unexpected(attributes.error());
    return Entry{root, *attributes, kShortly};
  }
  return Entry{root, {placeholder(root), std::chrono::seconds(0)}, kShortly};
}

Answer<Entry> NodeFilesystem::lookup(NodeId directory, std::string_view name) {
  if (!is_node(directory)) {
    const auto image = slots().open(ImageSlots::slot_of(directory));
    if (!image) return std::unexpected(image.error());
    return (*image)->lookup(directory, name);
  }
  const NodePtr parent = find_node(directory);
  if (!parent) return std::unexpected(ENOENT);
  const auto child = parent->find(name);
  if (!child) return std::unexpected(child.error());
  if (const auto* slot = std::get_if<SlotRoot>(&*child)) return enter(*slot);
  const auto [number, node] = nodes_.reference(std::get<NodePtr>(*child), directory, name);
  const auto properties = node->properties();
  if (!properties) {
    nodes_.forget(number, 1);
    return std::unexpected(properties.error());
  }
  return Entry{
      number, {to_stat(number, *properties), properties->valid}, parent->is_fixed() ? kForever : kShortly};
}

// Who asks for the attributes of an image's root gets the true ones, whatever it takes: they may be copied.
Answer<Attributes> NodeFilesystem::attributes(NodeId node) {
  if (is_node(node)) {
    const NodePtr found = node == kRootNode ? tree_.root : nodes_.find_to_tell(node);
    if (!found) return std::unexpected(ENOENT);
    const auto properties = found->properties();
    if (!properties) return std::unexpected(properties.error());
    return Attributes{to_stat(node, *properties), properties->valid};
  }
  const std::uint32_t slot = ImageSlots::slot_of(node);
  const auto image = slots().open(slot);
  if (image) return (*image)->attributes(node);
  if (node != ImageSlots::root_of(slot)) return std::unexpected(image.error());
  return Attributes{placeholder(node), std::chrono::seconds(0)};
}

Answer<std::string> NodeFilesystem::readlink(NodeId node) {
  if (!is_node(node)) {
    const auto image = slots().open(ImageSlots::slot_of(node));
    if (!image) return std::unexpected(image.error());
    return (*image)->readlink(node);
  }
  const NodePtr found = find_node(node);
  if (!found) return std::unexpected(ENOENT);
  return found->readlink();
}

Answer<void> NodeFilesystem::read(NodeId node, IoBuffers& out, std::size_t size, std::uint64_t offset) {
  if (!is_node(node)) {
    const auto image = slots().open(ImageSlots::slot_of(node));
    if (!image) return std::unexpected(image.error());
    return (*image)->read(node, out, size, offset);
  }
  const NodePtr found = find_node(node);
  if (!found) return std::unexpected(ENOENT);
  return found->read(out, size, offset);
}

Answer<void> NodeFilesystem::readdir(NodeId directory, std::uint64_t cookie,
                                     const std::function<bool(const Listed&)>& add) {
  if (!is_node(directory)) {
    const auto image = slots().open(ImageSlots::slot_of(directory));
    if (!image) return std::unexpected(image.error());
    return (*image)->readdir(directory, cookie, add);
  }
  const NodePtr node = find_node(directory);
  if (!node) return std::unexpected(ENOENT);
  const auto found = listings_.listing(directory, *node, cookie == 0);
  if (!found) return std::unexpected(found.error());
  const DirectoryListing& listing = **found;
  if (cookie < 1 && !add({".", directory, S_IFDIR, 1})) return {};
  if (cookie < 2 && !add({"..", 0, S_IFDIR, 2})) return {};
  for (auto listed = std::ranges::upper_bound(listing, cookie, {}, &ListedName::position);
       listed != listing.end(); ++listed)
    if (!add({listed->name.name, 0, listed->name.type, listed->position})) break;
  return {};
}

Answer<std::string> NodeFilesystem::getxattr(NodeId node, std::string_view name) {
  if (node == kRootNode && name == kStatisticsXattr) return statistics_json(*tree_.resources);
  if (is_node(node)) return std::unexpected(ENODATA);
  const auto image = slots().open(ImageSlots::slot_of(node));
  if (!image) return std::unexpected(image.error());
  return (*image)->getxattr(node, name);
}

Answer<std::vector<std::string>> NodeFilesystem::listxattr(NodeId node) {
  if (is_node(node)) return std::vector<std::string>();
  const auto image = slots().open(ImageSlots::slot_of(node));
  if (!image) return std::unexpected(image.error());
  return (*image)->listxattr(node);
}

Answer<std::uint64_t> NodeFilesystem::seek(NodeId node, std::uint64_t offset, int whence) {
  if (!is_node(node)) {
    const auto image = slots().open(ImageSlots::slot_of(node));
    if (!image) return std::unexpected(image.error());
    return (*image)->seek(node, offset, whence);
  }
  const auto found = attributes(node);
  if (!found) return std::unexpected(found.error());
  const auto size = static_cast<std::uint64_t>(found->stat.st_size);
  if (offset >= size) return std::unexpected(ENXIO);
  return whence == SEEK_DATA ? offset : size;  // no holes
}

// Whether looking it up would lead to the same node again.
bool NodeFilesystem::is_still_there(const NodeTable::Told& told) {
  const NodePtr directory = find_node(told.directory);
  if (!directory || directory->is_fixed()) return true;
  const auto child = directory->find(told.name);
  const auto* node = child ? std::get_if<NodePtr>(&*child) : nullptr;
  return node != nullptr && (*node)->identity() == told.node->identity();
}

// What was told earlier the kernel asks for again by itself. A name that leads where it did stays: the kernel
// would take down what somebody has mounted below.
void NodeFilesystem::forget_changed(KernelMemory& kernel) {
  kernel.forget_attributes(kRootNode);
  const auto start = NodeTable::Clock::now() - std::chrono::ceil<NodeTable::Clock::duration>(kShortly);
  for (const NodeTable::Told& told : nodes_.told_since(start)) {
    if (is_still_there(told))
      kernel.forget_attributes(told.number);
    else
      kernel.forget_name(told.directory, told.name);
  }
}

}  // namespace

std::shared_ptr<Filesystem> make_node_filesystem(NodeTree tree) {
  return std::make_shared<NodeFilesystem>(std::move(tree));
}

}  // namespace layoutfs
