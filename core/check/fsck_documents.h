// The part of fsck that reads what the references lead to.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/check/fsck_blob.h"
#include "core/oci/layout_graph.h"
#include "layoutfs/context.h"
#include "layoutfs/digest.h"
#include "layoutfs/fsck.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

// The documents of a layout, read once, and what they say of its blobs.
class DocumentCheck {
 public:
  explicit DocumentCheck(const LayoutGraph& graph) : graph_(graph), reader_(graph.reader()) {}

  // Everything behind `references`. Errc::cancelled.
  Status read(const References& references, const Context& context);

  // The problems of the documents themselves, and of descriptors. Where a document's blob is damaged the same
  // problem is found by check_blob again.
  const std::vector<FsckProblem>& problems() const noexcept { return problems_; }
  // FsckReport::absent and notes.
  std::vector<Descriptor> absent() const;
  const std::vector<std::string>& notes() const noexcept { return notes_; }
  // Indexes, manifests, and other documents.
  std::uint64_t documents() const noexcept { return documents_.size(); }
  bool leads_to(const Digest& digest) const { return sizes_.contains(digest); }
  // Returns the size of a blob that was read whole for its document, and whose content is that of its digest.
  std::optional<std::uint64_t> verified_size(const Digest& digest) const;
  // What every config of an image that has `digest` as a layer says of it, which may be nothing; null where
  // no image has it.
  const ExpectedDiffIds* layer(const Digest& digest) const;

 private:
  using Size = Result<std::optional<std::uint64_t>>;  // nothing where the blob is not there

  Result<Visit> visit(const Descriptor& descriptor, const Context& context);
  void check_descriptor(const Descriptor& descriptor);
  void check_child(const GraphNode& parent, const Descriptor& child);
  void note_layers(const Manifest& manifest, const Context& context);
  const std::vector<Digest>* diff_ids_in(const Descriptor& config, const Context& context);
  std::optional<Descriptor> with_true_size(const Descriptor& descriptor);
  const Size& size_of(const Digest& digest);
  void add_failure(const Digest& digest, const Error& error);
  void add(FsckProblem::Kind kind, const Digest& digest, std::string message);

  const LayoutGraph& graph_;
  const LayoutReader& reader_;
  std::vector<FsckProblem> problems_;
  std::map<Digest, Descriptor> absent_;
  std::unordered_set<Digest> missing_;  // blobs that are reported as missing
  std::vector<std::string> notes_;
  std::unordered_set<Digest> documents_;
  std::unordered_map<Digest, Size> sizes_;                                  // of all that a descriptor names
  std::unordered_map<Digest, std::optional<std::vector<Digest>>> configs_;  // diffIDs; none: unusable
  std::unordered_map<Digest, ExpectedDiffIds> layers_;
};

}  // namespace layoutfs
