// Media types: OCI's (image-spec media-types.md), Docker's (image manifest version 2, schema 2, and schema
// 1), ORAS's for artifacts, and containerd's for what it keeps of containers.
#pragma once

#include <string>
#include <string_view>

#include "core/base/compression.h"

namespace layoutfs {

// The type and subtype of a media type in lower case, without parameters and blanks: media types are compared
// without regard to case, and a parameter such as "; charset=utf-8" does not make another kind of a document
// (RFC 9110, 8.3.1).
std::string essence_of(std::string_view media_type);
// Returns whether `media_type` is `known`, which is an essence, apart from case and parameters.
bool is_media_type(std::string_view media_type, std::string_view known) noexcept;

// Whether it is the media type of a filesystem layer as a tar, in any compression of compression.h: OCI's,
// its non-distributable forms and Docker's, foreign ones included.
bool is_layer_type(std::string_view media_type);
// Returns the media type of a layer like one of `media_type` in another compression. Empty if `media_type` is
// none of OCI's or Docker's for layers that may be distributed, or if these do not have that compression.
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
// Of the release candidates of image-spec 1.1 alone.
inline constexpr std::string_view kOciArtifactManifest = "application/vnd.oci.artifact.manifest.v1+json";
// ORAS 0.14 to 0.16: the same members as in kOciArtifactManifest.
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
