// Blobs of other layouts as replacements for those that a layout has lost.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/context.h"
#include "core/base/digest.h"
#include "core/base/error.h"
#include "core/base/guarded.h"
#include "core/cas/engine.h"
#include "core/oci/graph.h"

namespace layoutfs {

struct RepairSource {
  std::string name;  // for people
  std::shared_ptr<const Provider> blobs;
};

struct RepairedBlob {
  Digest digest;
  std::string from;  // RepairSource::name
  friend bool operator==(const RepairedBlob&, const RepairedBlob&) = default;
};

// Replaces damaged blobs of a layout, and puts missing ones. No source is trusted: content is verified before
// it is put. Each blob is tried once. Thread-safe.
class BlobRepair {
 public:
  // `layout` must outlive this.
  BlobRepair(Engine& layout, std::vector<RepairSource> sources)
      : layout_(layout), sources_(std::move(sources)) {}

  // Returns whether the layout has the blob whole now, taken from the first source that has it so. Errors are
  // those of the layout: Errc::io if it cannot be written, Errc::cancelled.
  Result<bool> repair(const Digest& digest, const Context& context);
  // An index may name manifests that a layout does not have on purpose. Returns whether `absent` is not one
  // of those, but was lost: the layout has none of the index's manifests; or a source has this one, and the
  // layout a part of what it leads to (of an image, the config).
  bool was_lost(const AbsentChild& absent) const;
  // Sorted by digest.
  std::vector<RepairedBlob> repaired() const;
  // The reason, by source, if repair() was tried and has failed; else empty.
  std::string failure(const Digest& digest) const;

 private:
  bool has_any_of(const std::vector<Descriptor>& blobs) const;
  struct Attempt {
    std::string from;     // the source; empty if none had it whole
    std::string reasons;  // of the sources that had not
  };
  Result<Attempt> attempt(const Digest& digest, const Context& context);
  // Returns a reason if this source cannot give the blob, nothing once the layout has it.
  Result<std::optional<std::string>> take(const RepairSource& source, const Digest& digest,
                                          const Context& context);

  Engine& layout_;
  const std::vector<RepairSource> sources_;
  mutable Guarded<std::map<Digest, Attempt>> attempts_;
};

}  // namespace layoutfs
