// Rewrites manifests to use layers that a destination already has in another compression.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/transfer/blob_info_cache.h"
#include "core/transfer/extra_documents.h"
#include "core/transfer/reference_batch.h"
#include "layoutfs/context.h"
#include "layoutfs/engine.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Returns the digest of a layer's uncompressed content to the last byte. The content of the blob must have
// been verified.
using UncompressedDigest = std::function<Result<Digest>(const Provider& provider, const Digest& layer,
                                                        Algorithm algorithm, const Context& context)>;

struct SubstitutionOptions {
  BlobInfoCache* cache = nullptr;  // provides and gets digests; never null
  std::string scope;               // of the destination, like DestinationOptions::scope
  UncompressedDigest find_digest;  // never null
  bool verifies_existing = false;  // verify the layers to be used, even large ones
  Context context;
};

struct Substituted {
  std::vector<NamedDescriptor> images;  // the given images in order, some with another manifest
  ExtraDocuments manifests;             // the new manifests
  std::uint64_t layers = 0, bytes = 0;  // that need not be copied
};

// Rewrites the manifests among `images` if `destination` lacks a layer, but has one with the same
// uncompressed content; the manifest then refers to that layer. The config and everything else in the
// manifest stay the same; the digest of the manifest changes.
//
// Not rewritten, because something may refer to the exact digest: an index and its descendants, a manifest
// with a subject or that is the subject of another one of the images, and layers with URLs, annotations or
// embedded content. Layers of Docker manifests never become zstd, for which Docker has no media type.
//
// Configs of both layouts and the cache suggest which layers may be equal. This is always verified: each
// layer is decoded once, unless the cache or an index has its digest. Unreadable layers are left to the copy.
// Errc::cancelled.
Result<Substituted> substitute_layers(const LayoutReader& source, const std::shared_ptr<Engine>& destination,
                                      std::span<const NamedDescriptor> images,
                                      const SubstitutionOptions& options);

}  // namespace layoutfs
