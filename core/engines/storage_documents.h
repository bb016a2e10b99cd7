// The documents of an additional image store of containers-storage, which podman, buildah, skopeo and CRI-O
// read (containers/storage, images.go and layers.go).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/compression.h"
#include "layoutfs/digest.h"

namespace layoutfs {

// A layer on the layers below it. Images share layers of equal IDs.
struct StorageLayer {
  std::string id;           // of storage_layer_ids()
  std::string parent;       // empty for the base
  std::string created;      // RFC 3339; empty if unknown
  Digest blob;              // the layer as it is stored
  std::uint64_t blob_size;  // bytes
  Compression compression;  // of the blob
  Digest diff_id;           // of the uncompressed layer
  std::uint64_t diff_size;  // bytes of that, for lists and for copies
};

// A document of an image.
struct StorageItem {
  std::string key;
  Digest digest;
  std::uint64_t size;  // bytes
};

struct StorageImage {
  std::string id;  // the hex part of the config's digest
  Digest manifest;
  std::vector<std::string> names;  // with registry and tag
  std::string top_layer;           // ID; empty if there are no layers
  std::string created;             // RFC 3339; empty if unknown
  std::vector<StorageItem> items;
};

// Returns whether engines can parse it as RFC 3339: one such text makes them refuse the whole document.
bool is_storage_time(std::string_view text) noexcept;

// The content of overlay-images/images.json and overlay-layers/layers.json. Engines refuse the store if an ID
// or a name occurs twice. Times that is_storage_time() refuses are left out.
std::string storage_images_json(std::span<const StorageImage> images);
std::string storage_layers_json(std::span<const StorageLayer> layers);

// Returns the content of the lock file beside a document: 64 bytes that differ if the document differs.
// Engines that keep running read the document again when the bytes have changed (containers/storage,
// lockfile_unix.go).
std::string storage_lock(std::string_view document);

}  // namespace layoutfs
