// Fuzzes the loader of tree files. An accepted file must be safe to walk, to read, and to make EROFS of.
#include <set>

#include "core/erofs/erofs_image.h"
#include "core/image/image.h"
#include "core/image/tree_format.h"
#include "tests/fuzz/table_fuzz.h"

namespace layoutfs::fuzzing {
namespace {

volatile unsigned seen;  // prevents the reads from being optimized away

unsigned look_at(const ImageTree& tree, const InodeView& inode, std::uint64_t& xattrs) {
  check(inode.type != EntryType::hardlink && inode.type <= EntryType::fifo, "a type is out of range");
  check(inode.mode <= 07777 && inode.mtime.nanoseconds <= 999'999'999, "a mode or time is out of range");
  check(inode.parent >= kRootInode && inode.parent <= tree.inode_count(), "a parent is out of range");
  unsigned sum = touch(inode.target);
  if (inode.type == EntryType::file) check(inode.layer < tree.layer_count(), "a layer is out of range");
  for (const Extent& extent : inode.extents)
    check(extent.offset + extent.size <= inode.size, "an extent is outside of its file");
  for (std::uint32_t n = 0; n < inode.xattr_count && xattrs < 10'000; ++n, ++xattrs) {
    const auto [name, value] = tree.xattr(inode.first_xattr + n);
    sum += touch(name) + touch(value);
  }
  return sum;
}

void look_at(const ImageTree& tree) {
  unsigned sum = 0;
  std::uint64_t xattrs = 0, children = 0;  // ranges may overlap: limits keep small files from taking long
  for (Inode number = kRootInode; number <= tree.inode_count(); ++number) {
    sum += look_at(tree, tree.inode(number), xattrs);
    for (std::size_t rank = 0; rank < tree.child_count(number) && children < 10'000; ++rank, ++children) {
      const auto [name, child] = tree.child(number, rank);
      check(child >= kRootInode && child <= tree.inode_count(), "a child is out of range");
      sum += touch(name);
      const auto found = tree.find(number, name);
      check(!found || *found <= tree.inode_count(), "a child that was found is out of range");
      if (tree.inode(child).type != EntryType::directory) continue;
      check(child > number && tree.inode(child).parent == number, "a directory leads back");
    }
  }
  for (const std::string& problem : tree.problems()) sum += touch(problem);
  seen = sum;
}

// An image of the tree, with the same small stream for each of its layers.
void read_files(const std::shared_ptr<const ImageTree>& tree) {
  constexpr std::size_t kMostLayers = 16, kMostFiles = 64;
  if (tree->layer_count() > kMostLayers) return;
  static const Bytes plain(3000, std::byte{'p'});
  static const auto indexed =
      must(testing::index_stream(Compression::none, plain, kPointSpacing), "a plain stream");
  static const auto cache = std::make_shared<SpanCache>(1 << 20);
  static const BlobPtr blob = std::make_shared<testing::MemoryBlob>(plain);
  static const auto stream = std::make_shared<const LayerStream>([] { return blob; }, indexed.index(), cache);
  const Image image(tree, {tree->layer_count(), stream}, std::vector<Digest>(tree->layer_count(), kSubject));
  Bytes buffer(5000);
  for (Inode number = kRootInode; number <= std::min<std::size_t>(tree->inode_count(), kMostFiles);
       ++number) {
    const InodeView inode = tree->inode(number);
    if (inode.type != EntryType::file) continue;
    for (const std::uint64_t offset :
         {std::uint64_t{0}, inode.size / 2, inode.size - 1, inode.size, UINT64_MAX}) {
      const auto size = image.read(number, buffer, offset);
      if (size)
        check(*size <= (offset < inode.size ? inode.size - offset : 0), "more was read than the file has");
      for (const auto what : {Image::Seek::data, Image::Seek::hole}) {
        const auto found = image.seek(number, offset, what);
        if (found) check(*found >= offset && *found <= inode.size, "a seek leads outside of the file");
      }
    }
  }
  for (const char* path : {"", "a", "a/b/c", "bin/../sh", "loop/loop"}) {
    const auto found = image.resolve(path);
    if (found) check(*found <= tree->inode_count(), "a path leads outside of the tree");
  }
}

// Makes the filesystems of the tree, which must be whole even if the tree is odd.
void make_filesystems(const ImageTree& tree) {
  for (const ErofsForm form :
       {ErofsForm(ErofsPlacement::two_devices), ErofsForm(ErofsPlacement::appended, ErofsContent::layer)}) {
    const auto made = make_erofs(tree, kSubject, form);
    if (made) check(made->metadata.size() % kErofsBlockSize == 0, "metadata is not whole blocks");
  }
}

}  // namespace
}  // namespace layoutfs::fuzzing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace layoutfs;
  using namespace layoutfs::fuzzing;
  const auto file = sealed(TableKind::image_tree, kImageTreeVersion, std::as_bytes(std::span(data, size)));
  const auto tree = ImageTree::open(file, kSubject);
  if (!tree) return 0;
  look_at(**tree);
  read_files(*tree);
  make_filesystems(**tree);
  return 0;
}
