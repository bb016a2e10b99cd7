// Limits for the cost of one layer, and of one image: a few kilobytes of gzip must not become hours or
// gigabytes.
//
// Every cost of the index pass and of the merge is linear in the decoded bytes of the layer, except for the
// ones below. A layer beyond a bound is refused (Errc::unsupported, with the entry, or the offset of its
// header is); "entry" means that only the entry is left out, and listed in the problems of the tree.
//
//   cost                                    bound                                        beyond it
//   entries of a layer, inodes of an image  kMaxEntries                                  refused
//   tables of a layer, of an image          1.9 GiB (FlatBuffers)                        refused
//   xattrs of a layer                       kMaxLayerXattrs                              refused
//   headers before one entry (PAX, names)   kMaxExtendedHeaders (tar_parser.h)           refused
//   names of the xattrs of one file         kMaxXattrNames (tar_parser.h)                refused; entry, if
//                                                                                        hard links add up
//   pieces of one sparse file               kMaxExtents (sparse.h)                       refused
//   name of a file                          255 bytes                                    entry
//   target of a symlink                     4,095 bytes                                  entry
//   symlinks in one path                    40, as Linux                                 entry
//   steps of the merge, by layer            kMergeSteps, and kMergeStepsPerEntry each    refused
//   steps of the merge, by image            kMaxMergeSteps                               refused
//   problems of an image                    ImageTree::kMaxProblems, kMaxProblemSize     counted only
//
// Global PAX headers are skipped, and texts that repeat are stored once, so neither multiplies anything.
//
// A *step* is one comparison of two names (each has at most 4,095 bytes), or as much work: looking a name up
// among n costs log2(n) + 1 steps, removing a name one step, moving 16 xattrs one step. So the merge counts
// components of deep parents, symlinks, chains of hard links below names of whiteouts, opaque marks and
// whiteouts, and xattrs that hard links add. A layer of 14,000 files of a Debian system takes 8 steps for
// each entry, a 70th of its bound.
#pragma once

#include <cstddef>
#include <cstdint>

namespace layoutfs {

// Bounds the memory of building and merging to about 2 GiB.
inline constexpr std::size_t kMaxEntries = 8'000'000;
inline constexpr std::size_t kMaxLayerXattrs = kMaxEntries;

// Steps allowed for every layer, additional steps per entry, and steps of all layers of an image together.
inline constexpr std::uint64_t kMergeSteps = 4'000'000;
inline constexpr std::uint64_t kMergeStepsPerEntry = 256;
inline constexpr std::uint64_t kMaxMergeSteps = std::uint64_t{1} << 30;
struct MergeLimits {
  std::uint64_t layer_steps = kMergeSteps;
  std::uint64_t entry_steps = kMergeStepsPerEntry;
  std::uint64_t image_steps = kMaxMergeSteps;
};

// Limit in bytes for a sentence about an entry that cannot be applied.
inline constexpr std::size_t kMaxProblemSize = 1000;

}  // namespace layoutfs
