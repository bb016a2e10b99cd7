// References beyond layoutfs/reference.h: entries, documents without a descriptor, platforms of a graph.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/oci/layout_graph.h"
#include "layoutfs/documents.h"
#include "layoutfs/error.h"
#include "layoutfs/layout_reader.h"
#include "layoutfs/platform.h"
#include "layoutfs/reference.h"

namespace layoutfs {

// Likewise, but if entries of one name are for several platforms, all of them, in their order.
Result<std::vector<Descriptor>> find_every_platform(const LayoutReader& reader, std::string_view reference);

// The positions of the entries that `reference` means: "@N", a digest, or a name. Several are repeated
// entries of one image by the same names. Errc::not_found; Errc::ambiguous, listing the images.
Result<std::vector<std::size_t>> find_entries(const References& references, std::string_view reference);

// The media type of a document that comes without a descriptor: what it says itself, else what it looks like.
// Empty where it is neither a manifest nor an index.
std::string document_type_of(ByteView document);

// `descriptor` with the media type that the manifest or the index itself tells. Errc::not_found where the
// blob is neither.
Result<Descriptor> with_media_type(const LayoutReader& reader, Descriptor descriptor);

// Returns the platform that the config of an image's manifest tells; nothing if it cannot be read or does not
// tell os and architecture.
std::optional<Platform> platform_in_config(const LayoutGraph& graph, const Descriptor& image,
                                           const Context& context = {});

// resolve_platform() of reference.h, of a graph that others use too.
Result<Descriptor> resolve_platform(const LayoutGraph& graph, Descriptor descriptor, const Platform& platform,
                                    const Context& context = {});

}  // namespace layoutfs
