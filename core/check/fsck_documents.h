// The part of fsck that reads the documents reachable from the references.
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

// The documents of a layout, each read once, and their statements about blobs.
class DocumentCheck {
 public:
  explicit DocumentCheck(const LayoutGraph& graph) : graph_(graph), reader_(graph.reader()) {}

  // Reads everything reachable from `references`. Errc::cancelled.
  Status read(const References& references, const Context& context);

  // Returns problems of the documents and their descriptors. If the blob of a document is damaged, check_blob
  // finds the same problem again.
  const std::vector<FsckProblem>& problems() const noexcept { return problems_; }
  // Return FsckReport::absent and FsckReport::notes.
  std::vector<Descriptor> absent() const;
  const std::vector<std::string>& notes() const noexcept { return notes_; }
  // Indexes, manifests, and other documents.
  std::uint64_t documents() const noexcept { return documents_.size(); }
  bool leads_to(const Digest& digest) const { return sizes_.contains(digest); }
  // Returns the size of a blob that was read completely as a document and matches its digest.
  std::optional<std::uint64_t> verified_size(const Digest& digest) const;
  // Returns the expected diffIDs of `digest` from the configs of all images with this layer, possibly none;
  // null if no image has this layer.
  const ExpectedDiffIds* layer(const Digest& digest) const;

 private:
  using Size = Result<std::optional<std::uint64_t>>;  // nullopt if the blob does not exist

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
  std::unordered_set<Digest> missing_;  // blobs already reported as missing
  std::vector<std::string> notes_;
  std::unordered_set<Digest> documents_;
  // of all blobs named by descriptors
  std::unordered_map<Digest, Size> sizes_;
  std::unordered_map<Digest, std::optional<std::vector<Digest>>> configs_;  // diffIDs; nullopt: unusable
  std::unordered_map<Digest, ExpectedDiffIds> layers_;
};

}  // namespace layoutfs
