// How people name a layout and an image in it: LAYOUT[:REF|@DIGEST].
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/cas/layout_reader.h"
#include "core/oci/documents.h"
#include "core/oci/layout_graph.h"
#include "core/oci/platform.h"

namespace layoutfs {

// A command line argument taken apart. `reference` is empty, a name, "@N" (the N-th entry of index.json, from
// 0) or "sha256:...".
struct ImageName {
  std::string layout;
  std::string reference;
};

// `PATH`, `PATH:REF`, `PATH@sha256:...`, `PATH:@N`, each also behind the prefix of a kind of layout; the path
// is a layout of any kind (driver.h). Where the whole argument is a layout it is the path; otherwise the
// longest prefix that is one. Errc::not_found where none is and nothing is there either, Errc::invalid_image
// where something is there that is no layout (Errc::unsupported for a compressed archive),
// Errc::digest_invalid if no digest is behind the '@', Errc::invalid_argument if nothing is.
Result<ImageName> parse_image_name(std::string_view argument);

// The entry of index.json, or the manifest or index blob, that `reference` means. A name finds entries as
// EntryNames::find (entry_names.h) says. Empty: the only image (image_entries.h). Where entries of one name
// differ in their platforms, the one that serves `platform` is meant. Errc::not_found; Errc::digest_invalid
// for a digest that is malformed; Errc::ambiguous, listing the digests or the names.
Result<Descriptor> find_reference(const LayoutReader& reader, std::string_view reference,
                                  const Platform& platform = host_platform(), const Context& context = {});

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

// Follows indexes, nested ones too, to the image that serves `platform` best (platform_distance); of equal
// ones the first. Artifacts, attestations and manifests that are not images are passed over, by their
// descriptors or by their documents. If an entry has no platform, that of its config counts; if that tells
// none either, the entry serves every platform, after those that tell one. A manifest as `descriptor` is
// returned as it is. Errc::not_found, listing the platforms that there are; also if the manifest is absent
// from the layout.
Result<Descriptor> resolve_platform(const LayoutGraph& graph, Descriptor descriptor, const Platform& platform,
                                    const Context& context = {});
// The same, for who asks once.
Result<Descriptor> resolve_platform(const LayoutReader& reader, Descriptor descriptor,
                                    const Platform& platform, const Context& context = {});

}  // namespace layoutfs
