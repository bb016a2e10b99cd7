// The documents of an image (image-spec manifest.md, image-index.md, config.md; Docker schema 2 is read
// alike).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

enum class DocumentKind { index, manifest, other };

// OCI's and Docker's indexes and manifests. The functions of this header that classify media types ignore
// case and parameters (is_media_type).
DocumentKind document_kind(std::string_view media_type);
// Returns whether it is the media type of an ArtifactManifest.
bool is_artifact_type(std::string_view media_type);
// Returns whether it is the media type of a Schema1Manifest.
bool is_schema1_type(std::string_view media_type);
// Returns whether it is the media type of an image config, which lists the digests of the uncompressed layers
// in `rootfs.diff_ids`.
bool is_config_type(std::string_view media_type);

// Returns whether a layer may be absent from a layout because it has URLs: a non-distributable layer
// (image-spec layer.md) or one of Docker's foreign layers.
bool may_be_elsewhere(const Descriptor& layer);

// An index (image-spec image-index.md), or Docker's manifest list.
struct Index {
  std::vector<Descriptor> manifests;
  std::vector<std::string> problems;  // one sentence for each invalid entry
  std::optional<Descriptor> subject;
  std::string artifact_type;
  Annotations annotations;  // of the index itself
  static Result<Index> parse(ByteView document);
};

// A manifest (image-spec manifest.md), or Docker's schema 2.
struct Manifest {
  Descriptor config;
  std::vector<Descriptor> layers;  // from the base to the top
  std::optional<Descriptor> subject;
  std::string artifact_type;
  Annotations annotations;
  // Errc::invalid_image if it breaks the format, or if it is an index or a schema 1 manifest under a
  // manifest's media type.
  static Result<Manifest> parse(ByteView document);
  // Returns whether the manifest describes a root filesystem: it has an image config, or all layers have a
  // layer type.
  bool is_image() const;
};

// The artifact manifest of the release candidates of image-spec 1.1 and of ORAS, for content that is not an
// image. The final version uses Manifest instead.
struct ArtifactManifest {
  std::vector<Descriptor> blobs;
  std::optional<Descriptor> subject;
  std::string artifact_type;
  Annotations annotations;
  static Result<ArtifactManifest> parse(ByteView document);
};

// Docker's image manifest version 2, schema 1. It has only the digests of its layers. Such an image cannot be
// mounted, because its configuration is spread over compatibility strings.
struct Schema1Manifest {
  std::vector<Digest> layers;  // `fsLayers`, from the top to the base
  static Result<Schema1Manifest> parse(ByteView document);
};

// One step of an image's build (config.md, "history").
struct HistoryEntry {
  std::string created;     // RFC 3339; empty if absent
  std::string created_by;  // the command
  std::string author, comment;
  bool is_empty_layer = false;  // the step changed no file, so no layer belongs to it
};

// The configuration of an image (image-spec config.md).
struct ImageConfig {
  Platform platform;
  std::vector<Digest> diff_ids;  // of the uncompressed layers, from the base to the top
  std::string created;           // RFC 3339, empty if absent
  // The environment for its programs. Invalid variables and paths are left out.
  std::vector<std::string> environment;  // "NAME=VALUE"
  std::string working_directory;         // empty if absent
  // The rest of config.md. Members with another type than in config.md count as absent.
  std::string author;
  std::vector<std::string> entrypoint, command;  // a single string is a list of one
  std::string user;                              // "USER[:GROUP]", names or numbers
  std::string stop_signal;                       // "SIGTERM"
  Annotations labels;
  std::vector<std::string> exposed_ports;  // "8080/tcp", in the order of the document
  std::vector<std::string> volumes;        // paths, in the order of the document
  std::vector<HistoryEntry> history;       // the oldest step first
  static Result<ImageConfig> parse(ByteView document);
};

// Combine read_document and parse. Errors name the digest.
Result<Index> read_index(const Provider& provider, const Descriptor& descriptor);
Result<Manifest> read_manifest(const Provider& provider, const Descriptor& descriptor);
// Errc::unsupported if it is not the manifest of an image.
Result<Manifest> read_image_manifest(const Provider& provider, const Descriptor& descriptor);
// Errc::unsupported if it is not the manifest of an image.
Status check_image_manifest(const Manifest& manifest);
Result<ImageConfig> read_config(const Provider& provider, const Descriptor& descriptor);

}  // namespace layoutfs
