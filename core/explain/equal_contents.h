// Compares the content of many files of two images, and decodes each layer at most once and in order.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "core/codec/span_check.h"
#include "core/image/image.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs {

// First note all pairs, then read, then ask. Memory: about 60 bytes for each noted file.
class EqualContents {
 public:
  // Both must outlive this.
  EqualContents(const Image& before, const Image& after) : before_(before), after_(after) {}

  // Adds two files that have to be compared. A pair may be added again.
  void note(Inode before, Inode after);
  bool empty() const noexcept { return pairs_.empty(); }

  // Called from time to time, by any thread.
  using ProgressFunction = std::function<void(std::uint64_t done, std::uint64_t total)>;
  // Computes the SHA-256 of all noted files, of both images at the same time. The files of an image are read
  // in the order of their layers and of their data. Errors of Image::read(), which name the first or the
  // second image. Cost: decodes the data of the files and the gaps between access points.
  Status read(const ProgressFunction& progress = {}, const Context& context = {});

  // Returns whether two files have equal content. Precondition: the pair was noted before read() succeeded.
  bool are_equal(Inode before, Inode after) const;

 private:
  // Sorted by inode.
  using Hashes = std::vector<std::pair<Inode, Sha256>>;

  const Image& before_;
  const Image& after_;
  std::vector<std::pair<Inode, Inode>> pairs_;
  Hashes before_hashes_, after_hashes_;
};

}  // namespace layoutfs
