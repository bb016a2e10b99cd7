// Verifies a complete layout (blobs, descriptors, diffIDs), and repairs it from other layouts.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "layoutfs/context.h"
#include "layoutfs/digest.h"
#include "layoutfs/engine.h"
#include "layoutfs/error.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

struct AbsentChild;

// Another layout that may have intact blobs.
struct RepairSource {
  std::string name;  // for messages
  std::shared_ptr<const Provider> blobs;
};

// A blob that was replaced or added.
struct RepairedBlob {
  Digest digest;
  std::string from;  // RepairSource::name
  friend bool operator==(const RepairedBlob&, const RepairedBlob&) = default;
};

// Replaces damaged blobs and adds missing ones from other layouts. Sources are not trusted: content is
// verified before it is stored. Each blob is tried once. Thread-safe.
class BlobRepair {
 public:
  // `layout` must outlive this.
  BlobRepair(Engine& layout, std::vector<RepairSource> sources);
  ~BlobRepair();

  // Repairs the blob from the first source that has an intact copy. Returns whether the layout now has an
  // intact blob. Cost: reads one blob. Errc::io if the layout cannot be written. Errc::cancelled.
  Result<bool> repair(const Digest& digest, const Context& context);
  // Returns the repaired blobs, sorted by digest.
  std::vector<RepairedBlob> repaired() const;
  // Returns the reason of each source if repair() has failed for this blob, otherwise "".
  std::string failure(const Digest& digest) const;
  // Returns whether `absent` was lost. (An index may also list manifests that a layout leaves out on
  // purpose.) It was lost if the layout has no manifest of the index, or if a source has this manifest and
  // the layout has a part of its content (for an image, the config).
  bool was_lost(const AbsentChild& absent) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A problem of a layout, of one blob or reference.
struct FsckProblem {
  enum class Kind : std::uint8_t {
    missing_blob,      // a descriptor refers to it, and it does not exist
    wrong_digest,      // the content does not match its digest
    wrong_size,        // the size differs from a descriptor's
    wrong_diff_id,     // the uncompressed layer does not match the config's diffID
    broken_layer,      // it cannot be decompressed, or is not a tar archive
    broken_document,   // an invalid index, manifest or config
    broken_reference,  // an invalid entry of the references
    unreadable,        // a system error while reading it
  };
  Kind kind;
  std::optional<Digest> digest;  // of the affected blob
  std::string message;           // one sentence, including the digest
};
// Returns "missing-blob", ...; stable, for programs.
std::string_view name_of(FsckProblem::Kind kind) noexcept;

inline constexpr unsigned kMaxFsckThreads = 256;

// Options of check_layout().
struct FsckOptions {
  unsigned threads = 0;  // 0: one per core; at most kMaxFsckThreads
  // Called by any thread, one at a time, with the bytes of blobs checked so far and in total.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
  // Called for each blob that is missing, damaged or unreadable; null: change nothing. Documents are repaired
  // before their descendants are checked, and repaired blobs are checked like all others.
  BlobRepair* repair = nullptr;
  // With the indexes of layers (ImagesOptions), which allow to decode one layer on all cores. They are not
  // trusted: if an index disagrees with its layer, the layer is checked without it. Empty: none are used.
  std::string cache_directory;
  Context context;
};

// The result of check_layout().
struct FsckReport {
  std::uint64_t blobs = 0, bytes = 0;           // that were read
  std::uint64_t references = 0, documents = 0;  // entries; indexes and manifests reachable from them
  std::uint64_t diff_ids = 0;                   // that were compared
  std::vector<FsckProblem> problems;            // that were not repaired; sorted by digest, then kind
  // Children of indexes that the layout does not have, which is not a problem (image-layout.md, "Blobs").
  // Sorted by digest, without duplicates. If a reference also names the child, it is a problem instead.
  std::vector<Descriptor> absent;
  std::vector<std::string> notes;  // one sentence for each document of an unknown type that mentions blobs
};

// Reads every blob of the layout once (a layer with an index twice), in parallel, the largest first. Memory:
// the compression windows of the layers, and the headers of single files; at most 128 MiB more if indexes are
// used. Independent of the size of layers. Fails only if the layout itself cannot
// be listed, with Errc::cancelled, or if a repair cannot write a blob.
Result<FsckReport> check_layout(const LayoutReader& reader, const FsckOptions& options);

}  // namespace layoutfs
