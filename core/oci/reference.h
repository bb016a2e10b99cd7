// Extends layoutfs/reference.h: entries, documents without a descriptor, platforms in a graph.
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

// The same, but returns all entries, in order, if entries of one name are for several platforms.
Result<std::vector<Descriptor>> find_every_platform(const LayoutReader& reader, std::string_view reference);

// Returns the positions of the entries that `reference` means: "@N", a digest, a name, or a short digest of
// an entry. Several positions are repeated entries of one image with the same names. Errc::not_found if there
// is none, as find_reference() has it. Errc::ambiguous, with the images, if they are different images.
Result<std::vector<std::size_t>> find_entries(const References& references, std::string_view reference);

// Returns the media type of a document without a descriptor: its member `mediaType`, otherwise a guess from
// its members. Returns "" if it is neither a manifest nor an index.
std::string document_type_of(ByteView document);

// Returns `descriptor` with the media type of the manifest or index itself. Errc::not_found if the blob is
// neither.
Result<Descriptor> with_media_type(const LayoutReader& reader, Descriptor descriptor);

// Returns the platform in the config of an image; nullopt if it cannot be read or has no os and architecture.
std::optional<Platform> platform_in_config(const LayoutGraph& graph, const Descriptor& image,
                                           const Context& context = {});

// resolve_platform() of layoutfs/reference.h with a shared graph.
Result<Descriptor> resolve_platform(const LayoutGraph& graph, Descriptor descriptor, const Platform& platform,
                                    const Context& context = {});

}  // namespace layoutfs
