// Checks a layout whole: every blob, every descriptor, every layer's diffID; and repairs it from others.
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

struct RepairSource {
  std::string name;  // for people
  std::shared_ptr<const Provider> blobs;
};

struct RepairedBlob {
  Digest digest;
  std::string from;  // RepairSource::name
  friend bool operator==(const RepairedBlob&, const RepairedBlob&) = default;
};

// Replaces damaged blobs of a layout, and puts missing ones, from other layouts. No source is trusted:
// content is verified before it is put. Each blob is tried once. Thread-safe.
class BlobRepair {
 public:
  // `layout` must outlive this.
  BlobRepair(Engine& layout, std::vector<RepairSource> sources);
  ~BlobRepair();

  // Returns whether the layout has the blob whole now, taken from the first source that has it so. Errors are
  // those of the layout: Errc::io if it cannot be written, Errc::cancelled.
  Result<bool> repair(const Digest& digest, const Context& context);
  // Sorted by digest.
  std::vector<RepairedBlob> repaired() const;
  // The reason, by source, if repair() was tried and has failed; else empty.
  std::string failure(const Digest& digest) const;
  // An index may name manifests that a layout does not have on purpose. Returns whether `absent` is not one
  // of those, but was lost: the layout has none of the index's manifests; or a source has this one, and the
  // layout a part of what it leads to (of an image, the config).
  bool was_lost(const AbsentChild& absent) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct FsckProblem {
  enum class Kind : std::uint8_t {
    missing_blob,      // a descriptor leads to it, and it is not there
    wrong_digest,      // the content is not that of the name
    wrong_size,        // a descriptor says another size
    wrong_diff_id,     // the config says another digest of the uncompressed layer
    broken_layer,      // it cannot be decompressed, or is no tar then
    broken_document,   // an index, manifest or config that cannot be understood
    broken_reference,  // an entry of the references that cannot
    unreadable,        // the system fails to read it
  };
  Kind kind;
  std::optional<Digest> digest;  // of the blob that is wrong
  std::string message;           // one sentence, with the digest
};
// "missing-blob", ...: stable, for programs.
std::string_view name_of(FsckProblem::Kind kind) noexcept;

inline constexpr unsigned kMaxFsckThreads = 256;

struct FsckOptions {
  unsigned threads = 0;  // 0: one for each core; no more than kMaxFsckThreads are used
  // From any of the threads, one at a time: bytes of blobs that have been checked, and of all.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
  // Asked for each blob that is missing, damaged or unreadable; null: nothing is changed. Documents are
  // repaired before the blobs that they lead to are looked for, and what was repaired is checked as
  // everything else.
  BlobRepair* repair = nullptr;
  Context context;
};

struct FsckReport {
  std::uint64_t blobs = 0, bytes = 0;           // that were read
  std::uint64_t references = 0, documents = 0;  // entries; indexes and manifests that they lead to
  std::uint64_t diff_ids = 0;                   // that were compared
  std::vector<FsckProblem> problems;            // sorted by digest, then kind; of what was not repaired
  // Children of indexes whose blobs the layout does not have, which is not a problem (image-layout.md,
  // "Blobs"): sorted by digest, each once. One that a reference names, too, is a problem instead.
  std::vector<Descriptor> absent;
  std::vector<std::string> notes;  // one sentence for each document of an unknown kind that mentions blobs
};

// Reads every blob of the layout once, on all cores, the largest first. Memory is bounded by the windows of
// the layers' compression and by the headers of single files in them, not by their size. Fails only where the
// layout itself cannot be listed, with Errc::cancelled, or if a blob cannot be written for its repair.
Result<FsckReport> check_layout(const LayoutReader& reader, const FsckOptions& options);

}  // namespace layoutfs
