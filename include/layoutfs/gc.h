// Garbage collection: the blobs that no reference leads to, removed.
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

// Whether a blob that nothing leads to may go; an error ends the collection.
using GcPolicy = std::function<Result<bool>(const Digest&)>;

// What is in use beside what the references name. Called often, as it may change meanwhile; an error ends the
// collection.
using GcRoots = std::function<Result<std::vector<Descriptor>>()>;

struct GcOptions {
  // A blob that was put, also once more, less than this ago stays: its reference may be on its way.
  std::chrono::nanoseconds grace = std::chrono::hours(1);
  std::vector<GcPolicy> policies;  // all must agree
  GcRoots roots;
  Context context;
};

// Why a collection ended before all was done.
struct GcFailure {
  Error error;
  bool is_of_writing = false;  // a blob or the litter could not be removed
};

struct GcResult {
  struct Removed {
    Digest digest;
    std::uint64_t size;  // bytes
  };
  std::vector<Removed> removed;  // sorted; of find_garbage(): those that would be removed
  std::uint64_t reachable = 0;   // blobs that a reference leads to
  std::uint64_t young = 0;       // that stayed for the grace period
  std::uint64_t spared = 0;      // that stayed for a policy
  std::vector<std::string>
      problems;  // one sentence for each reachable document that is missing, subjects left out
  // One sentence for each document of an unknown kind that keeps blobs because it mentions them.
  std::vector<std::string> notes;
  std::optional<GcFailure> ended_by;  // the rest says what was done until then
};

// Removes every blob that cannot be reached from a reference through documents (graph.h: children and
// subjects), then the litter (Engine::clean). A blob whose digest occurs anywhere in a document that stays,
// be it in an annotation, in a configuration or in index.json, stays as well, and so does everything behind
// it: removed content cannot be had back. Other processes may put blobs and references at the same time: a
// blob is removed under the layout's lock, and only while the references are those that it was judged by;
// where they change it is judged again. A document further below that is missing leads nowhere: an index
// need not have all of its platforms. One that a reference itself names and that is missing
// (Errc::not_found), or one that is there and cannot be read or understood (Errc::corrupt,
// Errc::invalid_image, Errc::unsupported), ends the collection, before anything is removed by these
// references: nobody knows what it leads to. The same holds for an entry of the references that is no
// descriptor. The `roots` of the options are treated as references are, but that they may change in the
// moment in which a blob is removed: who adds one there puts its blob within the grace period.
GcResult collect_garbage(Engine& engine, const GcOptions& options);
// What collect_garbage() would remove now. Changes nothing.
GcResult find_garbage(const LayoutReader& layout, const GcOptions& options);

}  // namespace layoutfs
