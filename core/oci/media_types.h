// Media types: OCI's (image-spec media-types.md), Docker's (image manifest version 2, schema 2, and schema
// 1), ORAS's for artifacts, and containerd's for container data.
#pragma once

#include <string>
#include <string_view>

#include "core/base/compression.h"

namespace layoutfs {

// Returns the type and subtype in lower case, without parameters and blanks: media types are
// case-insensitive, and parameters such as "; charset=utf-8" do not change the kind of a document (RFC 9110,
// 8.3.1).
std::string essence_of(std::string_view media_type);
// Returns whether `media_type` is `known`, an essence, ignoring case and parameters.
bool is_media_type(std::string_view media_type, std::string_view known) noexcept;

// Returns whether it is the media type of a layer as a tar, in any compression of compression.h: OCI's
// including non-distributable ones, and Docker's including foreign ones.
bool is_layer_type(std::string_view media_type);
// Returns the media type of the same kind of layer in another compression. Returns "" if `media_type` is not
// a distributable layer type of OCI or Docker, or if there is no type for that compression.
std::string layer_type_in(Compression compression, std::string_view media_type);

}  // namespace layoutfs

namespace layoutfs::media_type {

inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kOciConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kOciLayer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view kOciLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view kOciLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view kOciEmpty = "application/vnd.oci.empty.v1+json";
// Only in the release candidates of image-spec 1.1.
inline constexpr std::string_view kOciArtifactManifest = "application/vnd.oci.artifact.manifest.v1+json";
// ORAS 0.14 to 0.16: the same members as kOciArtifactManifest.
inline constexpr std::string_view kOrasArtifactManifest =
    "application/vnd.cncf.oras.artifact.manifest.v1+json";
inline constexpr std::string_view kOctetStream = "application/octet-stream";

inline constexpr std::string_view kDockerManifestList =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view kDockerLayer = "application/vnd.docker.image.rootfs.diff.tar";
inline constexpr std::string_view kDockerLayerGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";
// Schema 1, unsigned and signed.
inline constexpr std::string_view kDockerSchema1 = "application/vnd.docker.distribution.manifest.v1+json";
inline constexpr std::string_view kDockerSchema1Manifest =
    "application/vnd.docker.distribution.manifest.v1+prettyjws";

inline constexpr std::string_view kContainerdCheckpoint =
    "application/vnd.containerd.container.criu.checkpoint.criu.tar";
inline constexpr std::string_view kContainerdCheckpointPredump =
    "application/vnd.containerd.container.criu.checkpoint.predump.tar";
inline constexpr std::string_view kContainerdResource = "application/vnd.containerd.container.resource.tar";
inline constexpr std::string_view kContainerdReadWrite = "application/vnd.containerd.container.rw.tar";
inline constexpr std::string_view kContainerdCheckpointConfig =
    "application/vnd.containerd.container.checkpoint.config.v1+proto";

}  // namespace layoutfs::media_type
