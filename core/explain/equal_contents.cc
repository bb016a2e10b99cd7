#include "core/explain/equal_contents.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <tuple>

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/layer/data_offset.h"

namespace layoutfs {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;

// The layer of a file, and the place of its data in it.
std::pair<std::uint32_t, std::uint64_t> content_place(const ImageTree& tree, Inode file) {
  const InodeView view = tree.inode(file);
  return {view.layer, data_offset(view).value_or(0)};
}

// Returns the inodes without repetitions, in the order of their data.
std::vector<Inode> in_order_of_data(const ImageTree& tree, std::vector<Inode> files) {
  std::ranges::sort(
      files, {}, [&tree](Inode file) { return std::tuple_cat(content_place(tree, file), std::tuple(file)); });
  const auto repeated = std::ranges::unique(files);
  files.erase(repeated.begin(), repeated.end());
  return files;
}

class ContentReader {
 public:
  ContentReader(const Image& image, const std::function<void(std::uint64_t)>& progress,
                const Context& context)
      : image_(image), progress_(progress), context_(context) {}

  Result<Sha256> hash(Inode file) const {
    const std::uint64_t size = image_.tree().inode(file).size;
    image_.will_read(file);
    Hasher hasher(Algorithm::sha256);
    for (std::uint64_t offset = 0; offset < size;) {
      IoBuffers piece;
      if (auto read = image_.read(file, piece, kPiece, offset, context_); !read)
        return fail(std::move(read).error());
      if (piece.size() == 0) return fail(Errc::corrupt, "the content of a file ends too early");
      for (const ByteView bytes : piece.views()) hasher.update(bytes);
      offset += piece.size();
      progress_(piece.size());
    }
    return sha256_bytes(hasher.finish());
  }

 private:
  const Image& image_;
  const std::function<void(std::uint64_t)>& progress_;
  const Context& context_;
};

}  // namespace

void EqualContents::note(Inode before, Inode after) { pairs_.emplace_back(before, after); }

Status EqualContents::read(const ProgressFunction& progress, const Context& context) {
  const std::array<const Image*, 2> images{&before_, &after_};
  std::array<std::vector<Inode>, 2> files;
  for (const auto& [before, after] : pairs_) {
    files[0].push_back(before);
    files[1].push_back(after);
  }
  std::uint64_t total = 0;
  for (std::size_t side = 0; side < images.size(); ++side) {
    files[side] = in_order_of_data(images[side]->tree(), std::move(files[side]));
    for (const Inode file : files[side]) total += images[side]->tree().inode(file).size;
  }
  std::atomic<std::uint64_t> done = 0;
  const std::function<void(std::uint64_t)> add_progress = [&](std::uint64_t bytes) {
    const std::uint64_t now = done += bytes;
    if (progress) progress(now, total);
  };
  std::array<Hashes, 2> hashes;
  std::array<std::optional<Error>, 2> failures;
  std::atomic<bool> has_failed = false;
  for_each_in_parallel(images.size(), [&](std::size_t side) {
    const ContentReader reader(*images[side], add_progress, context);
    for (const Inode file : files[side]) {
      if (has_failed) return;
      auto hash = reader.hash(file);
      if (!hash) {
        failures[side] = std::move(hash).error();
        has_failed = true;
        return;
      }
      hashes[side].emplace_back(file, *hash);
    }
    std::ranges::sort(hashes[side], {}, &Hashes::value_type::first);
  });
  for (std::size_t side = 0; side < failures.size(); ++side)
    if (failures[side]) return fail(std::move(*failures[side]), side == 0 ? "first image" : "second image");
  before_hashes_ = std::move(hashes[0]);
  after_hashes_ = std::move(hashes[1]);
  return {};
}

bool EqualContents::are_equal(Inode before, Inode after) const {
  const auto hash_of = [](const Hashes& hashes, Inode file) -> const Sha256& {
    const auto found = std::ranges::lower_bound(hashes, file, {}, &Hashes::value_type::first);
    check(found != hashes.end() && found->first == file, "the file was noted and read");
    return found->second;
  };
  return hash_of(before_hashes_, before) == hash_of(after_hashes_, after);
}

}  // namespace layoutfs
