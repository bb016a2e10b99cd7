#include "core/commit/new_image.h"

#include <map>
#include <utility>

#include "core/base/json.h"
#include "core/cas/descriptor_json.h"
#include "core/commit/object_edit.h"
#include "core/oci/media_types.h"
#include "layoutfs/platform.h"

namespace layoutfs {
namespace {

// BuildKit's annotation of an attestation: the manifest that it describes.
constexpr std::string_view kDescribedDigest = "vnd.docker.reference.digest";

// Returns `old` for another blob.
Descriptor with_blob(Descriptor old, const PutResult& blob) {
  old.digest = blob.digest;
  old.size = blob.size;
  old.data.clear();
  old.urls.clear();
  return old;
}

Result<PutResult> put_document(Engine& engine, const std::string& text, const Context& context) {
  if (text.size() > JsonLimits{}.bytes)
    return fail(Errc::unsupported, "the new document would exceed " + std::to_string(JsonLimits{}.bytes) +
                                       " bytes, the limit of registries");
  MemorySource source(as_bytes(text));
  return engine.put_blob(
      source, {.algorithm = kBlobAlgorithm, .digest = {}, .size = text.size(), .context = context});
}

std::string edited_manifest(const BaseImage& base, const Descriptor& config, const ImageChanges& changes) {
  const auto document = JsonDocument::parse(base.manifest_text);
  const JsonValue root = document->root();  // BaseImage::read() has parsed it
  ObjectEdit edit;
  edit.set("config", [&](JsonWriter& json) { write_descriptor(json, config); });
  edit.set("layers", [&](JsonWriter& json) {
    const auto layers = root.find("layers");
    json.begin_array();
    const bool are_kept = changes.layer_edit == LayerEdit::add;
    for (std::size_t i = 0; are_kept && layers && layers->is_array() && i < layers->size(); ++i)
      json.value(layers->at(i));
    if (changes.layer) write_descriptor(json, *changes.layer);
    json.end_array();
  });
  if (!changes.annotations.empty())
    edit.set("annotations", [&](JsonWriter& json) {
      ObjectEdit annotations;
      for (const auto& [key, value] : changes.annotations)
        value.empty() ? annotations.remove(key) : annotations.set(key, value);
      annotations.write(json, root.find("annotations"));
    });
  JsonWriter json;
  edit.write(json, root);
  return json.str();
}

// An index with the new manifest in place of the old one, stored with all indexes that lead to it.
class IndexEdit {
 public:
  IndexEdit(Engine& engine, const BaseImage& base, const Descriptor& manifest, const Context& context)
      : engine_(engine), old_(base.descriptor.digest), new_(manifest), context_(context) {}

  // Returns the descriptor of the new index; nullopt if `index` does not lead to the old manifest.
  Result<std::optional<Descriptor>> replace_in(const Descriptor& index, int depth = 0) {
    // resolve_platform() has followed a path of fewer indexes.
    constexpr int kMostDepth = 32;
    if (depth == kMostDepth) return std::nullopt;
    const auto text = read_document(engine_, index, context_);
    if (!text) return fail(Error(text.error()));
    const auto parsed = Index::parse(*text);
    if (!parsed) return fail(Error(parsed.error()), index.digest.str());
    const auto document = JsonDocument::parse(*text);
    if (!document) return fail(Error(document.error()), index.digest.str());
    std::map<Digest, Descriptor> replaced;
    for (const Descriptor& child : parsed->manifests) {
      if (child.digest == old_) {
        replaced.insert_or_assign(child.digest, with_blob(child, {new_.digest, new_.size}));
      } else if (document_kind(child.media_type) == DocumentKind::index) {
        // The image of another platform may be missing.
        const auto exists = engine_.exists(child.digest, context_);
        if (!exists) return fail(Error(exists.error()));
        if (!*exists) continue;
        auto inner = replace_in(child, depth + 1);
        if (!inner) return inner;
        if (*inner) replaced.insert_or_assign(child.digest, **inner);
      }
    }
    if (replaced.empty()) return std::nullopt;
    const auto stored = put_document(engine_, text_of(document->root(), replaced), context_);
    if (!stored) return fail(Error(stored.error()));
    return with_blob(index, *stored);
  }

 private:
  std::string text_of(JsonValue root, const std::map<Digest, Descriptor>& replaced) const {
    ObjectEdit edit;
    edit.set("manifests", [&](JsonWriter& json) {
      json.begin_array();
      const auto manifests = root.find("manifests");
      for (std::size_t i = 0; manifests && manifests->is_array() && i < manifests->size(); ++i)
        write_child(json, manifests->at(i), replaced);
      json.end_array();
    });
    JsonWriter json;
    edit.write(json, root);
    return json.str();
  }

  void write_child(JsonWriter& json, JsonValue child, const std::map<Digest, Descriptor>& replaced) const {
    const auto parsed = Descriptor::parse(child.dump());
    if (parsed && parsed->annotation(kDescribedDigest) == old_.str() && is_attestation(*parsed)) return;
    const auto found = parsed ? replaced.find(parsed->digest) : replaced.end();
    if (found == replaced.end())
      json.value(child);
    else
      write_descriptor(json, found->second);
  }

  Engine& engine_;
  const Digest& old_;
  const Descriptor& new_;
  const Context& context_;
};

}  // namespace

Result<BaseImage> BaseImage::read(const LayoutReader& layout, Descriptor entry, Descriptor manifest,
                                  const Context& context) {
  BaseImage base{.entry = std::move(entry), .descriptor = std::move(manifest)};
  auto text = read_document(layout, base.descriptor, context);
  if (!text) return fail(std::move(text).error());
  base.manifest_text = std::move(*text);
  const std::string name = "manifest " + base.descriptor.digest.str();
  auto parsed = Manifest::parse(base.manifest_text);
  if (!parsed) return fail(std::move(parsed).error(), name);
  base.manifest = std::move(*parsed);
  if (!is_config_type(base.manifest.config.media_type))
    return fail(Errc::unsupported,
                name + ": not an image: its config has the media type " + base.manifest.config.media_type);
  auto config = read_document(layout, base.manifest.config, context);
  if (!config) return fail(std::move(config).error(), name);
  base.config_text = std::move(*config);
  return base;
}

bool BaseImage::is_docker() const {
  return is_media_type(descriptor.media_type, media_type::kDockerManifest);
}

Result<std::string> BaseImage::layer_type(Compression compression) const {
  std::string type =
      layer_type_in(compression, is_docker() ? media_type::kDockerLayer : media_type::kOciLayer);
  if (type.empty())
    return fail(Errc::unsupported,
                "images in Docker's format have no layers in " + std::string(name_of(compression)));
  return type;
}

Result<Descriptor> put_image(Engine& engine, const BaseImage& base, const ImageChanges& changes,
                             const Context& context) {
  const auto config = edit_config(base.config_text, base.manifest.layers.size(), changes.config, changes.step,
                                  changes.diff_id, changes.layer_edit);
  if (!config) return fail(Error(config.error()), "config " + base.manifest.config.digest.str());
  const auto stored = put_document(engine, *config, context);
  if (!stored) return fail(Error(stored.error()));
  const std::string text = edited_manifest(base, with_blob(base.manifest.config, *stored), changes);
  const auto manifest = put_document(engine, text, context);
  if (!manifest) return fail(Error(manifest.error()));
  Descriptor image = with_blob(base.descriptor, *manifest);
  if (base.entry.digest != base.descriptor.digest) {
    auto index = IndexEdit(engine, base, image, context).replace_in(base.entry);
    if (!index) return fail(std::move(index).error());
    if (!*index) return fail(Errc::invalid_image, "the index does not lead to the manifest");
    image = **std::move(index);
  }
  image.annotations.clear();
  image.json.clear();
  return image;
}

}  // namespace layoutfs
