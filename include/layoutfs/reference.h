// The names that people use for a layout and an image in it: LAYOUT[:REF|@DIGEST].
#pragma once

#include <string>
#include <string_view>

#include "layoutfs/context.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/error.h"
#include "layoutfs/layout_reader.h"
#include "layoutfs/platform.h"

namespace layoutfs {

// A parsed command line argument. `reference` is empty, a name, NAME@DIGEST, "@N" (the N-th entry of
// index.json, from 0) or a digest, which may be short: at least seven of its first hex digits.
struct ImageName {
  std::string layout;
  std::string reference;
};

// Parses `PATH`, `PATH:REF`, `PATH@DIGEST` or `PATH:@N`, optionally with the prefix of a kind of layout
// ("oci:", "oci-archive:"). The path is the longest prefix that is a layout, or the whole argument.
// Errc::not_found if no prefix is a layout or another file. Errc::invalid_image if a prefix exists and is not
// a layout (Errc::unsupported if it is a compressed archive). Errc::digest_invalid if the text after '@' is
// not a digest. Errc::invalid_argument if it is empty.
Result<ImageName> parse_image_name(std::string_view argument);

// Returns the entry of index.json, or the manifest or index blob, that `reference` names. A name matches, in
// this order: the ref.name of entries; their full name (io.containerd.image.name); NAME@DIGEST; the familiar
// form ("redis:latest" for "docker.io/library/redis:latest"); names that end with ":" and the reference; the
// familiar form without ":latest". If none matches, it may be a short digest, which must be unique among all
// blobs and entries. An empty reference is the only image. If entries of one name differ in their platforms,
// `platform` decides.
// Errc::not_found if nothing matches; with both digests if NAME of NAME@DIGEST has another one.
// Errc::digest_invalid if a digest is malformed. Errc::ambiguous, with the digests or names, if several
// match. Errc::cancelled.
Result<Descriptor> find_reference(const LayoutReader& reader, std::string_view reference,
                                  const Platform& platform = host_platform(), const Context& context = {});

// Follows indexes, also nested ones, to the image with the smallest platform_distance() from `platform`; the
// first if several are equal. Skips artifacts, attestations and manifests that are not images, by their
// descriptors or documents. If an entry has no platform, its config's platform is used; if that has none
// either, it matches every platform but ranks last. If `descriptor` is a manifest, returns it unchanged.
// Cost: reads each index, and the config of entries without a platform. Errc::not_found, with the available
// platforms, if none matches or the manifest is missing.
Result<Descriptor> resolve_platform(const LayoutReader& reader, Descriptor descriptor,
                                    const Platform& platform, const Context& context = {});

// find_reference() followed by resolve_platform(): returns the manifest of one image.
Result<Descriptor> find_image(const LayoutReader& reader, std::string_view reference,
                              const Platform& platform = host_platform(), const Context& context = {});

}  // namespace layoutfs
