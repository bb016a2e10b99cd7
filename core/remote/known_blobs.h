// The blobs that documents mention.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/guarded.h"
#include "layoutfs/bytes.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"

namespace layoutfs {

// Media types and sizes by digest, which save a request for each. Thread-safe. Memory: bounded by the number
// of descriptors; beyond a limit further ones are not kept.
class KnownBlobs {
 public:
  // Adds the children of a document. Other content has none.
  void learn(ByteView document, std::string_view media_type);
  void add(const Descriptor& descriptor);
  std::optional<Descriptor> find(const Digest& digest) const;
  // Returns all digests, sorted.
  std::vector<Digest> digests() const;

 private:
  mutable Guarded<std::map<Digest, Descriptor>> blobs_;
};

}  // namespace layoutfs
