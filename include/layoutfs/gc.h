// Garbage collection: removes unreferenced blobs.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "layoutfs/context.h"
#include "layoutfs/engine.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Returns whether an unreferenced blob may be removed. An error ends the collection.
using GcPolicy = std::function<Result<bool>(const Digest&)>;

// Returns roots in addition to the references. Called often, because they may change during the collection.
// An error ends the collection.
using GcRoots = std::function<Result<std::vector<Descriptor>>()>;

// Options of a collection.
struct GcOptions {
  // A blob that was last put less than this ago is kept: its reference may not exist yet.
  std::chrono::nanoseconds grace = std::chrono::hours(1);
  std::vector<GcPolicy> policies;  // all must return true
  GcRoots roots;
  Context context;
};

// The error that ended a collection early.
struct GcFailure {
  Error error;
  bool is_of_writing = false;  // a blob or the litter could not be removed
};

// The result of a collection, also of an incomplete one.
struct GcResult {
  struct Removed {
    Digest digest;
    std::uint64_t size;  // bytes
  };
  std::vector<Removed> removed;       // sorted; for find_garbage(): those that would be removed
  std::uint64_t reachable = 0;        // blobs reachable from a reference
  std::uint64_t young = 0;            // kept by the grace period
  std::uint64_t young_bytes = 0;      // their size
  std::uint64_t spared = 0;           // kept by a policy
  std::vector<std::string> problems;  // one sentence for each missing reachable document, except subjects
  // One sentence for each document of an unknown type that keeps blobs because it mentions them.
  std::vector<std::string> notes;
  std::optional<GcFailure> ended_by;  // the other fields hold the progress until then
};

// Removes all unreachable blobs, then the files of crashed writers (Engine::clean). The parts:
// - Roots are the references and the options' `roots`. Documents lead to their children and subjects
//   (graph.h). A blob is also reachable if its digest occurs anywhere in a reachable document or in
//   index.json, e.g. in an annotation: removed content cannot be recovered.
// - Other processes may put blobs and references at the same time. A blob is removed under the layout's lock,
//   and only if the references are those with which it was judged; if they have changed, it is judged again.
//   `roots` may change at any moment: to add one, put its blob within the grace period.
// - A missing document is ignored below a reference, since an index need not have all platforms. The
//   collection ends before the next removal if a reference's own document is missing (Errc::not_found), if a
//   document cannot be read or parsed (Errc::corrupt, Errc::invalid_image, Errc::unsupported), or if an entry
//   of the references is invalid: its children are unknown.
// Cost: reads each reachable document once, and stats each blob.
GcResult collect_garbage(Engine& engine, const GcOptions& options);
// Returns the blobs that collect_garbage() would remove now. Changes nothing.
GcResult find_garbage(const LayoutReader& layout, const GcOptions& options);

}  // namespace layoutfs
