// Derives an image from another one in the same layout, by its documents alone: layers are not read.
#pragma once

#include <optional>
#include <string>

#include "core/base/compression.h"
#include "core/commit/config_edit.h"
#include "layoutfs/context.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/documents.h"
#include "layoutfs/engine.h"
#include "layoutfs/error.h"

namespace layoutfs {

// The documents of the image to start from.
struct BaseImage {
  Descriptor entry;       // of the reference: the manifest, or an index with it
  Descriptor descriptor;  // of the manifest
  Bytes manifest_text, config_text;
  Manifest manifest;

  // Errors of read_document(). Errc::unsupported if it is not an image.
  static Result<BaseImage> read(const LayoutReader& layout, Descriptor entry, Descriptor manifest,
                                const Context& context = {});
  // Returns whether the manifest is Docker's, so that its layers have Docker's media types.
  bool is_docker() const;
  // Returns the media type of a new layer. Errc::unsupported if there is none for that compression.
  Result<std::string> layer_type(Compression compression) const;
};

struct ImageChanges {
  std::optional<Descriptor> layer;  // added on top, or instead of all others; present in the layout
  LayerEdit layer_edit = LayerEdit::add;
  Digest diff_id;  // of that layer
  ConfigChanges config;
  HistoryEntry step;
  Annotations annotations;  // of the manifest: set, or removed if the value is empty
};

// Stores the config and the manifest of the new image; if the entry is an index, also the index with the new
// manifest in place of the old one. Attestations of the old manifest are left out, because they describe it.
// Returns the descriptor for a reference, without annotations. Unknown members of all documents are kept. A
// crash leaves at most documents without a reference.
// Errors of edit_config() and Engine::put_blob(). Errc::unsupported if a document would exceed 4 MiB.
Result<Descriptor> put_image(Engine& engine, const BaseImage& base, const ImageChanges& changes,
                             const Context& context = {});

}  // namespace layoutfs
