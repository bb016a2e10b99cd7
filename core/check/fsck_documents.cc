// Walks over a layout's documents and compares their descriptors with its blobs.
#include "core/check/fsck_documents.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "core/oci/media_types.h"

namespace layoutfs {
namespace {

using Kind = FsckProblem::Kind;

}  // namespace

Status DocumentCheck::read(const References& references, const Context& context) {
  for (const std::string& problem : references.problems)
    problems_.push_back({Kind::broken_reference, std::nullopt, problem});
  for (const Descriptor& entry : references.entries) check_descriptor(entry);
  const Handler check = [this](const Descriptor& descriptor, const Context& going_on) {
    return visit(descriptor, going_on);
  };
  auto walked = walk(references.entries, handlers({first_visits(), check}), context);
  // If reading a config was cancelled, it is not damaged.
  return walked ? context.check() : walked;
}

const ExpectedDiffIds* DocumentCheck::layer(const Digest& digest) const {
  const auto found = layers_.find(digest);
  return found == layers_.end() ? nullptr : &found->second;
}

Result<Visit> DocumentCheck::visit(const Descriptor& descriptor, const Context& context) {
  const auto known = with_true_size(descriptor);
  if (!known) return Visit();
  const auto document = graph_.read(*known, context);
  if (!document && document.error().code() == Errc::cancelled) return fail(Error(document.error()));
  if (!document) {
    documents_.insert(descriptor.digest);
    add_failure(descriptor.digest, document.error());
    return Visit();
  }
  const GraphNode& node = (*document)->node;
  if (!std::holds_alternative<std::monostate>(node)) documents_.insert(descriptor.digest);
  if (const auto* index = std::get_if<Index>(&node))
    for (const std::string& problem : index->problems)
      add(Kind::broken_document, descriptor.digest, descriptor.digest.str() + ": " + problem);
  if (const auto* manifest = std::get_if<Manifest>(&node)) note_layers(*manifest, context);
  const auto* unknown = std::get_if<UnknownDocument>(&node);
  if (unknown != nullptr && !unknown->mentioned.empty()) notes_.push_back(describe(descriptor, *unknown));
  auto children = children_and_subject_of(reader_, node);
  for (const Descriptor& child : children) check_child(node, child);
  return Visit::to(std::move(children));
}

std::optional<std::uint64_t> DocumentCheck::verified_size(const Digest& digest) const {
  const auto found = sizes_.find(digest);
  if (found == sizes_.end() || !found->second || !graph_.was_read(digest)) return std::nullopt;
  return *found->second;
}

void DocumentCheck::check_child(const GraphNode& parent, const Descriptor& child) {
  const Size& size = size_of(child.digest);
  if (std::holds_alternative<Index>(parent) && size && !*size) {
    absent_.try_emplace(child.digest, child);
    return;
  }
  // Its parent does not state the size.
  if (std::holds_alternative<Schema1Node>(parent) && size && *size) return;
  check_descriptor(child);
}

std::vector<Descriptor> DocumentCheck::absent() const {
  std::vector<Descriptor> absent;
  for (const auto& [digest, descriptor] : absent_)
    if (!missing_.contains(digest)) absent.push_back(descriptor);
  return absent;
}

void DocumentCheck::check_descriptor(const Descriptor& descriptor) {
  const Digest& digest = descriptor.digest;
  if (digest.empty()) return;
  const Size& size = size_of(digest);
  if (!size) return add(Kind::unreadable, digest, message_of(digest, size.error()));
  if (!*size) {
    if (may_be_elsewhere(descriptor)) return;
    missing_.insert(digest);
    add(Kind::missing_blob, digest, digest.str() + ": the blob is missing");
  } else if (**size != descriptor.size) {
    add(Kind::wrong_size, digest,
        digest.str() + ": blob has " + std::to_string(**size) + " bytes, but a descriptor has " +
            std::to_string(descriptor.size));
  }
}

void DocumentCheck::note_layers(const Manifest& manifest, const Context& context) {
  const bool has_config = is_config_type(manifest.config.media_type);
  // Programs that store files as an artifact may give them the media type of a layer.
  if (!manifest.is_image() || (!has_config && !manifest.artifact_type.empty())) return;
  const auto* diff_ids = has_config ? diff_ids_in(manifest.config, context) : nullptr;
  const auto& layers = manifest.layers;
  // Artifacts may have an image config and blobs that are not layers.
  const bool has_only_layers = std::ranges::all_of(layers, is_layer_type, &Descriptor::media_type);
  if (diff_ids != nullptr && has_only_layers && diff_ids->size() != layers.size())
    add(Kind::broken_document, manifest.config.digest,
        manifest.config.digest.str() + ": the config has " + std::to_string(diff_ids->size()) +
            " diff_ids for " + std::to_string(layers.size()) + " layers");
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (!is_layer_type(layers[i].media_type)) continue;
    ExpectedDiffIds& expected = layers_[layers[i].digest];
    if (diff_ids != nullptr && i < diff_ids->size()) expected.emplace((*diff_ids)[i], manifest.config.digest);
  }
}

// Read once for all manifests that share it.
const std::vector<Digest>* DocumentCheck::diff_ids_in(const Descriptor& config, const Context& context) {
  const auto [entry, is_new] = configs_.try_emplace(config.digest);
  if (is_new) {
    if (const auto known = with_true_size(config)) {
      const auto read = graph_.config(*known, context);
      if (read)
        entry->second = (*read)->diff_ids;
      else
        add_failure(config.digest, read.error());
    }
  }
  return entry->second ? &*entry->second : nullptr;
}

// A descriptor with a wrong size still identifies the content. Returns nullopt if there is no blob to read.
std::optional<Descriptor> DocumentCheck::with_true_size(const Descriptor& descriptor) {
  const Size& size = size_of(descriptor.digest);
  if (!size || !*size) return std::nullopt;
  Descriptor known = descriptor;
  known.size = **size;
  return known;
}

const DocumentCheck::Size& DocumentCheck::size_of(const Digest& digest) {
  const auto known = sizes_.find(digest);
  return known != sizes_.end() ? known->second
                               : sizes_.emplace(digest, reader_.blob_size(digest)).first->second;
}

void DocumentCheck::add_failure(const Digest& digest, const Error& error) {
  switch (error.code()) {
    case Errc::not_found:
      return add(Kind::missing_blob, digest, digest.str() + ": the blob is missing");
    case Errc::corrupt:
      return add(Kind::wrong_digest, digest, error.message());
    case Errc::invalid_image:
    case Errc::unsupported:
      return add(Kind::broken_document, digest, error.message());
    default:
      return add(Kind::unreadable, digest, message_of(digest, error));
  }
}

void DocumentCheck::add(Kind kind, const Digest& digest, std::string message) {
  problems_.push_back({kind, digest, std::move(message)});
}

}  // namespace layoutfs
