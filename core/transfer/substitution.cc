#include "core/transfer/substitution.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>

#include "core/base/json.h"
#include "core/cas/descriptor_json.h"
#include "core/oci/graph.h"
#include "core/oci/media_types.h"
#include "core/transfer/image_destination.h"
#include "layoutfs/documents.h"

namespace layoutfs {
namespace {

bool is_cancelled(const Error& error) { return error.code() == Errc::cancelled; }

// Returns whether the descriptor has no information that may apply only to this blob.
bool can_be_replaced(const Descriptor& layer) {
  return is_layer_type(layer.media_type) && layer.urls.empty() && layer.annotations.empty() &&
         layer.data.empty() && !layer.platform && layer.artifact_type.empty();
}

struct ReadImage {
  Bytes text;
  Manifest manifest;
  std::vector<Digest> diff_ids;  // as many as layers
};

// Returns nullopt unless it is the manifest of an image that may be rewritten. Unreadable documents are left
// to the copy.
std::optional<ReadImage> read_image(const Provider& provider, const Descriptor& descriptor) {
  if (document_kind(descriptor.media_type) != DocumentKind::manifest) return std::nullopt;
  auto text = read_document(provider, descriptor);
  if (!text) return std::nullopt;
  auto manifest = Manifest::parse(*text);
  if (!manifest || manifest->subject || !is_config_type(manifest->config.media_type)) return std::nullopt;
  auto config = read_config(provider, manifest->config);
  if (!config || config->diff_ids.size() != manifest->layers.size()) return std::nullopt;
  return ReadImage{std::move(*text), std::move(*manifest), std::move(config->diff_ids)};
}

// Returns the manifest with other layers at these positions; everything else is unchanged.
Result<Bytes> rewritten(const ReadImage& image, const std::map<std::size_t, Descriptor>& layers) {
  const auto document = JsonDocument::parse(image.text);
  if (!document) return fail(Error(document.error()));
  const JsonValue root = document->root();
  JsonWriter json;
  json.begin_object();
  for (std::size_t member = 0; member < root.size(); ++member) {
    json.key(root.name_at(member));
    if (root.name_at(member) != "layers") {
      json.value(root.at(member));
      continue;
    }
    json.begin_array();
    for (std::size_t i = 0; i < root.at(member).size(); ++i)
      if (const auto other = layers.find(i); other != layers.end())
        write_descriptor(json, other->second);
      else
        json.value(root.at(member).at(i));
    json.end_array();
  }
  const std::string text = json.end_object().str();
  const ByteView bytes = as_bytes(text);
  return Bytes(bytes.begin(), bytes.end());
}

class Substitution {
 public:
  Substitution(const LayoutReader& source, const std::shared_ptr<Engine>& engine,
               std::unique_ptr<ImageDestination> destination, const SubstitutionOptions& options)
      : source_(source), engine_(engine), destination_(std::move(destination)), options_(options) {}

  Status run(std::span<const NamedDescriptor> images) {
    const std::set<Digest> subjects = subjects_of(images);
    for (const NamedDescriptor& image : images) {
      if (auto go_on = options_.context.check(); !go_on) return go_on;
      result_.images.push_back(image);
      if (subjects.contains(image.descriptor.digest)) continue;
      if (auto done = replace_layers(result_.images.back().descriptor); !done) return done;
    }
    return {};
  }
  Substituted result() && { return std::move(result_); }

 private:
  // Returns the images that others of these refer to or mention, e.g. by a signature: they keep their
  // digests.
  std::set<Digest> subjects_of(std::span<const NamedDescriptor> images) const {
    std::set<Digest> subjects;
    for (const NamedDescriptor& image : images) {
      const auto node = read_graph_node(source_, image.descriptor);
      if (!node) continue;
      if (const auto subject = subject_of(*node)) subjects.insert(subject->digest);
      const auto* unknown = std::get_if<UnknownDocument>(&*node);
      if (unknown == nullptr) continue;
      for (const Descriptor& mentioned : unknown->mentioned) subjects.insert(mentioned.digest);
    }
    return subjects;
  }

  Status replace_layers(Descriptor& image) {
    const auto read = read_image(source_, image);
    if (!read) return {};
    std::map<std::size_t, Descriptor> others;
    for (std::size_t i = 0; i < read->manifest.layers.size(); ++i) {
      auto other = other_of(read->manifest.layers[i], read->diff_ids[i]);
      if (!other) return fail(std::move(other).error());
      if (*other) others.emplace(i, std::move(**other));
    }
    if (others.empty()) return {};
    auto text = rewritten(*read, others);
    if (!text) return fail(std::move(text).error());
    for (const auto& [position, other] : others) {
      ++result_.layers;
      result_.bytes += read->manifest.layers[position].size;
    }
    image.digest = Digest::of(*text, image.digest.algorithm());
    image.size = text->size();
    image.data.clear();
    result_.manifests.insert_or_assign(image.digest, std::move(*text));
    return {};
  }

  // Returns the destination's layer to use instead of this one; nullopt if the destination has this one, or
  // no other.
  Result<std::optional<Descriptor>> other_of(const Descriptor& layer, const Digest& diff_id) {
    if (!can_be_replaced(layer)) return std::nullopt;
    auto found = reuse(layer);
    if (found && !*found) {
      if (auto learnt = learn(layer, diff_id); !learnt) return fail(std::move(learnt).error());
      found = reuse(layer);
    }
    if (!found) return fail(std::move(found).error());
    if (!*found || (*found)->digest == layer.digest) return std::nullopt;
    Descriptor other = layer;
    other.digest = (*found)->digest;
    other.size = *(*found)->size;
    const auto compression = (*found)->compression_algorithm;
    if (!compression) return std::nullopt;
    other.media_type = layer_type_in(*compression, layer.media_type);
    if (other.media_type.empty()) return std::nullopt;
    return other;
  }

  Result<std::optional<BlobInfo>> reuse(const Descriptor& layer) const {
    return destination_->try_reusing_blob_with_options(
        blob_info_of(layer),
        {.cache = options_.cache, .can_substitute = true, .verifies_all = options_.verifies_existing},
        options_.context);
  }

  // Adds to the cache which layers of the destination with the diffID `diff_id` in a config equal this one.
  Status learn(const Descriptor& layer, const Digest& diff_id) {
    auto& candidates = this->candidates();
    const auto found = candidates.find(diff_id);
    if (found == candidates.end()) return {};
    const auto own = uncompressed(source_, layer.digest, diff_id.algorithm());
    if (!own) return is_cancelled(own.error()) ? fail(Error(own.error())) : Status();
    for (const Digest& other : found->second) {
      const auto its = uncompressed(*engine_, other, diff_id.algorithm());
      if (!its && is_cancelled(its.error())) return fail(Error(its.error()));
      if (its && *its == *own)
        options_.cache->record_known_location(kLayoutTransport, options_.scope, other, "");
    }
    return {};
  }

  Result<Digest> uncompressed(const Provider& provider, const Digest& layer, Algorithm algorithm) const {
    if (Digest known = options_.cache->uncompressed_digest(layer); !known.empty()) return known;
    auto digest = options_.find_digest(provider, layer, algorithm, options_.context);
    if (digest) options_.cache->record_digest_uncompressed_pair(layer, *digest);
    return digest;
  }

  // Returns the layers of the destination by the diffID in a config.
  const std::map<Digest, std::set<Digest>>& candidates() {
    if (candidates_) return *candidates_;
    candidates_.emplace();
    const auto references = engine_->references();
    if (!references) return *candidates_;
    const Handler note = [this](const Descriptor& descriptor, const Context&) -> Result<Visit> {
      if (const auto image = read_image(*engine_, descriptor))
        for (std::size_t i = 0; i < image->diff_ids.size(); ++i)
          (*candidates_)[image->diff_ids[i]].insert(image->manifest.layers[i].digest);
      return Visit();
    };
    const auto leave_out = [](const Descriptor&, const Error&) { return Status(); };
    ignore(walk((*references)->entries,
                handlers({first_visits(), note, children_handler(*engine_, leave_out)}), options_.context),
           "these are hints; later calls report a stop");
    return *candidates_;
  }

  const LayoutReader& source_;
  const std::shared_ptr<Engine> engine_;
  const std::unique_ptr<ImageDestination> destination_;
  const SubstitutionOptions& options_;
  std::optional<std::map<Digest, std::set<Digest>>> candidates_;
  Substituted result_;
};

}  // namespace

Result<Substituted> substitute_layers(const LayoutReader& source, const std::shared_ptr<Engine>& destination,
                                      std::span<const NamedDescriptor> images,
                                      const SubstitutionOptions& options) {
  auto target = open_destination(destination, "", {.scope = options.scope});
  if (!target) return fail(std::move(target).error());
  Substitution substitution(source, destination, std::move(*target), options);
  if (auto done = substitution.run(images); !done) return fail(std::move(done).error());
  return std::move(substitution).result();
}

}  // namespace layoutfs
