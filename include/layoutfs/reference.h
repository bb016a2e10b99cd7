// How people name a layout and an image in it: LAYOUT[:REF|@DIGEST].
#pragma once

#include <string>
#include <string_view>

#include "layoutfs/context.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/error.h"
#include "layoutfs/layout_reader.h"
#include "layoutfs/platform.h"

namespace layoutfs {

// A command line argument taken apart. `reference` is empty, a name, "@N" (the N-th entry of index.json, from
// 0) or "sha256:...".
struct ImageName {
  std::string layout;
  std::string reference;
};

// `PATH`, `PATH:REF`, `PATH@sha256:...`, `PATH:@N`, each also behind the prefix of a kind of layout ("oci:",
// "oci-archive:"). If the whole argument is a layout, it is the path; otherwise the longest prefix that is
// one. Errc::not_found if none is and nothing is there either, Errc::invalid_image if something is there that
// is not a layout (Errc::unsupported for a compressed archive), Errc::digest_invalid if no digest is behind
// the
// '@', Errc::invalid_argument if nothing is.
Result<ImageName> parse_image_name(std::string_view argument);

// The entry of index.json, or the manifest or index blob, that `reference` means. A name finds, in this
// order, entries with that name; with that full name (io.containerd.image.name); NAME@DIGEST, where seven or
// more digits are enough; the familiar form of a name ("redis:latest" of "docker.io/library/redis:latest");
// names that end with ":" and the reference. Empty: the only image. If entries of one name differ in their
// platforms, the one that serves `platform` is meant. Errc::not_found; Errc::digest_invalid for a digest that
// is malformed; Errc::ambiguous, listing the digests or the names; Errc::cancelled.
Result<Descriptor> find_reference(const LayoutReader& reader, std::string_view reference,
                                  const Platform& platform = host_platform(), const Context& context = {});

// Follows indexes, nested ones too, to the image that serves `platform` best (platform_distance); of equal
// ones the first. Artifacts, attestations and manifests that are not images are passed over, by their
// descriptors or by their documents. If an entry has no platform, that of its config counts; if that tells
// none either, the entry serves every platform, after those that tell one. A manifest as `descriptor` is
// returned as it is. Errc::not_found, listing the platforms that there are; also if the manifest is absent
// from the layout.
Result<Descriptor> resolve_platform(const LayoutReader& reader, Descriptor descriptor,
                                    const Platform& platform, const Context& context = {});

// find_reference(), then resolve_platform(): the manifest of one image.
Result<Descriptor> find_image(const LayoutReader& reader, std::string_view reference,
                              const Platform& platform = host_platform(), const Context& context = {});

}  // namespace layoutfs
