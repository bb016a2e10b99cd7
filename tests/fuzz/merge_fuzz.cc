// Fuzzes the way from tars to a merged tree: every layer is indexed, all are merged, and the tree is walked
// and read. An input holds either the tars themselves or a short description of them.
#include <map>
#include <set>

#include "core/image/image.h"
#include "core/image/merge.h"
#include "core/layer/indexer.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/stream_index_builder.h"
#include "tests/support/tar_writer.h"

namespace layoutfs::fuzzing {
namespace {

const Digest kImage = Digest::of(as_bytes("an image"));
constexpr std::size_t kMostLayers = 6;
constexpr std::size_t kMostEntries = 200;

// ---- Layers out of an input ----

// One to four components of few names, so that entries collide.
std::string path_from(Input& input) {
  static constexpr std::array<std::string_view, 16> kNames = {
      "a",      "b", "c",  "d", "..", ".", "", ".wh.a", ".wh.b", ".wh..wh..opq", ".wh.", ".wh..wh..plnk",
      ".wh...", "l", "l2", "e"};
  const std::size_t shape = input.byte();
  std::string path = (shape & 4) != 0 ? "/" : "";
  for (std::size_t i = 0; i <= (shape & 3); ++i) {
    const std::size_t choice = input.byte();
    if (i != 0) path += '/';
    path += choice == 255 ? input.text(input.byte()) : kNames[choice % kNames.size()];
  }
  return path;
}

void add_entry(testing::TarWriter& tar, Input& input) {
  const std::size_t kind = input.byte();
  const std::string path = path_from(input);
  const auto mode = static_cast<std::uint32_t>(0700 + (kind >> 4));
  testing::EntryAttributes with{.mode = mode};
  if (kind >= 192) with.xattrs = {{"user.x", input.text(2)}};
  switch (kind % 9) {
    case 0:
    case 1:
      tar.file(path, input.text(input.byte()), with);
      break;
    case 2:
    case 3:
      tar.dir(path, with);
      break;
    case 4:
      tar.symlink(path, path_from(input), with);
      break;
    case 5:
      tar.hardlink(path, path_from(input), with);
      break;
    case 6:
      tar.device(path, (kind & 16) != 0 ? '3' : '4', input.byte(), input.byte(), with);
      break;
    case 7: {
      const std::size_t hole = input.below(9000);
      tar.file(path, input.text(3),
               {.mode = mode,
                .pax = {{"GNU.sparse.major", "0"},
                        {"GNU.sparse.minor", "1"},
                        {"GNU.sparse.name", path},
                        {"GNU.sparse.size", std::to_string(hole + 1000)},
                        {"GNU.sparse.numblocks", "1"},
                        {"GNU.sparse.map", std::to_string(hole) + ",3"}}});
      break;
    }
    default:
      tar.fifo(path, with);
  }
}

std::vector<Bytes> described_layers(Input& input) {
  std::vector<Bytes> layers;
  std::size_t entries = 0;
  while (!input.empty() && layers.size() < kMostLayers) {
    testing::TarWriter tar;
    for (std::size_t left = 1 + input.byte() % 32; left > 0 && !input.empty() && entries < kMostEntries;
         --left, ++entries)
      add_entry(tar, input);
    layers.push_back(tar.bytes());
  }
  return layers;
}

// Each layer follows its size in blocks.
std::vector<Bytes> literal_layers(Input& input) {
  std::vector<Bytes> layers;
  while (!input.empty() && layers.size() < kMostLayers) {
    const std::size_t blocks = input.below(1 << 12);
    layers.push_back(copy_of(input.bytes(blocks * 512)));
    repair_checksums(layers.back());
  }
  return layers;
}

// ---- Invariants of a tree ----

// A merged image, and the tars that it is made of, which are its layers' streams.
struct Merged {
  Image image;
  const std::vector<Bytes>& tars;
};

void check_file(const Merged& merged, Inode number, const InodeView& inode) {
  check(inode.layer < merged.tars.size(), "a file is in no layer");
  const Bytes& tar = merged.tars[inode.layer];
  const auto check_read = [&](std::uint64_t offset, std::uint64_t size, std::uint64_t stream_offset) {
    check(stream_offset <= tar.size() && size <= tar.size() - stream_offset,
          "a file's data is outside of its layer");
    Bytes content(static_cast<std::size_t>(size));
    check(must(merged.image.read(number, content, offset), "a file cannot be read") == size,
          "a file is shorter");
    check(std::ranges::equal(content,
                             ByteView(tar).subspan(static_cast<std::size_t>(stream_offset), content.size())),
          "a file has other content than its layer");
  };
  std::byte beyond{};
  check(must(merged.image.read(number, std::span(&beyond, 1), inode.size), "reading at the end") == 0,
        "a file does not end");
  if (!inode.is_sparse) {
    check(inode.stored == inode.size, "a file has holes");
    return check_read(0, inode.size, inode.stream_offset);
  }
  std::uint64_t end = 0, stored = 0;
  for (const Extent& extent : inode.extents) {
    check(extent.offset >= end && extent.size != 0, "extents do not ascend");
    check_read(extent.offset, extent.size, extent.stream_offset);
    if (extent.offset > end) {
      std::byte hole{1};
      check(must(merged.image.read(number, std::span(&hole, 1), end), "a hole cannot be read") == 1,
            "a hole ends");
      check(hole == std::byte{0}, "a hole is not zero");
    }
    end = extent.offset + extent.size;
    stored += extent.size;
  }
  check(end <= inode.size && stored == inode.stored, "extents do not add up");
}

void check_name(std::string_view name) {
  check(!name.empty() && name != "." && name != "..", "a name leads elsewhere");
  check(name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos, "a name is a path");
}

void check_tree(const Merged& merged, Whiteouts whiteouts) {
  const ImageTree& tree = merged.image.tree();
  check(tree.inode(kRootInode).parent == kRootInode, "the root has a parent");
  std::map<Inode, std::uint32_t> names;
  std::vector<Inode> directories{kRootInode};
  while (!directories.empty()) {
    const Inode directory = directories.back();
    directories.pop_back();
    std::uint32_t nlink = 2;
    std::string_view previous;
    for (std::size_t rank = 0; rank < tree.child_count(directory); ++rank) {
      const auto [name, child] = tree.child(directory, rank);
      check_name(name);
      check(rank == 0 || previous < name, "names are not sorted");
      check(tree.find(directory, name) == child, "a child is not found");
      previous = name;
      // Directories with such names are created if an entry has them as parents, as in other tools.
      if (whiteouts == Whiteouts::apply && tree.inode(child).type != EntryType::directory)
        check(!name.starts_with(".wh."), "a whiteout is to be seen");
      if (tree.inode(child).type == EntryType::directory) {
        check(tree.inode(child).parent == directory && names[child] == 0, "a directory has two parents");
        ++nlink;
        directories.push_back(child);
      }
      ++names[child];
    }
    check(tree.inode(directory).nlink == nlink, "a directory's nlink is wrong");
  }
  check(names.size() + 1 == tree.inode_count(), "an inode has no name");
  for (const auto& [number, count] : names) {
    const InodeView inode = tree.inode(number);
    if (inode.type != EntryType::directory) check(inode.nlink == count, "an nlink is wrong");
    if (inode.type == EntryType::symlink)
      check(inode.size == inode.target.size(), "a symlink's size is wrong");
    if (inode.type == EntryType::file) check_file(merged, number, inode);
    for (std::uint32_t n = 1; n < inode.xattr_count; ++n)
      check(tree.xattr(inode.first_xattr + n - 1).first < tree.xattr(inode.first_xattr + n).first,
            "xattrs are not sorted");
  }
}

void run(Input input) {
  const std::uint8_t how = input.byte();
  const Whiteouts whiteouts = (how & 2) != 0 ? Whiteouts::show : Whiteouts::apply;
  const std::vector<Bytes> offered = (how & 1) != 0 ? literal_layers(input) : described_layers(input);

  std::vector<Bytes> tars;  // readable tars only
  std::vector<std::shared_ptr<const LayerIndex>> indexes;
  std::vector<std::shared_ptr<const LayerStream>> streams;
  std::vector<Digest> digests;
  const auto cache = std::make_shared<SpanCache>(1 << 20);
  for (const Bytes& tar : offered) {
    if (detect_compression(tar) != Compression::none) continue;
    const Digest digest = Digest::of(tar);
    const BlobPtr blob = std::make_shared<testing::MemoryBlob>(tar);
    auto file = index_layer(blob, digest);
    if (!file) continue;
    indexes.push_back(
        must(LayerIndex::open(SharedBytes::of(*std::move(file)), digest), "an index does not open"));
    streams.push_back(
        std::make_shared<const LayerStream>([blob] { return blob; }, indexes.back()->stream(), cache));
    digests.push_back(digest);
    tars.push_back(tar);
  }
  const Bytes file = must(merge_layers(kImage, indexes, whiteouts), "layers do not merge");
  check(file == must(merge_layers(kImage, indexes, whiteouts), "layers do not merge again"),
        "merging depends on more");
  const auto tree = must(ImageTree::open(SharedBytes::of(file), kImage), "a merged tree does not open");
  check(tree->layer_count() == indexes.size(), "the number of layers is wrong");
  check(tree->problems().size() <= ImageTree::kMaxProblems, "there are too many problems");
  check_tree({Image(tree, streams, digests), tars}, whiteouts);
}

}  // namespace
}  // namespace layoutfs::fuzzing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  layoutfs::fuzzing::run({data, size});
  return 0;
}
