// Names of the interpreted members by kind of object, for check_spelling.
#pragma once

#include <array>
#include <string_view>

namespace layoutfs::members {

using std::string_view_literals::operator""sv;

// Indexes, index.json, manifests of images and artifacts (image-spec image-index.md, manifest.md).
inline constexpr std::array kDocument{"schemaVersion"sv, "mediaType"sv,  "artifactType"sv, "manifests"sv,
                                      "config"sv,        "layers"sv,     "fsLayers"sv,     "blobs"sv,
                                      "subject"sv,       "annotations"sv};
// An element of `fsLayers` in Docker's schema 1.
inline constexpr std::array kSchema1Layer{"blobSum"sv};
// descriptor.md
inline constexpr std::array kDescriptor{"mediaType"sv, "digest"sv,   "size"sv,         "urls"sv,
                                        "data"sv,      "platform"sv, "artifactType"sv, "annotations"sv};
// image-index.md, "platform"
inline constexpr std::array kPlatform{"os"sv, "architecture"sv, "variant"sv, "os.version"sv, "os.features"sv};
// config.md
inline constexpr std::array kConfig{"os"sv,          "architecture"sv, "variant"sv, "os.version"sv,
                                    "os.features"sv, "created"sv,      "rootfs"sv,  "config"sv};
inline constexpr std::array kRootfs{"type"sv, "diff_ids"sv};

}  // namespace layoutfs::members
