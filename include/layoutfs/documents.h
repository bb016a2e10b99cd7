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

// All of these look at the media type alone, in any case and with any parameters (is_media_type).
// OCI's and Docker's indexes and manifests.
DocumentKind document_kind(std::string_view media_type);
// Whether it is that of an ArtifactManifest.
bool is_artifact_type(std::string_view media_type);
// Whether it is that of a Schema1Manifest.
bool is_schema1_type(std::string_view media_type);
// Whether it is an image config, whose `rootfs.diff_ids` name the layers' uncompressed content.
bool is_config_type(std::string_view media_type);

// Whether a layer may be absent from a layout because its URLs lead to it: a non-distributable layer
// (image-spec layer.md), or a foreign one of Docker's.
bool may_be_elsewhere(const Descriptor& layer);

struct Index {
  std::vector<Descriptor> manifests;
  std::vector<std::string> problems;  // one sentence for each entry that could not be understood
  std::optional<Descriptor> subject;
  std::string artifact_type;
  Annotations annotations;  // its own; empty where they are none
  static Result<Index> parse(ByteView document);
};

struct Manifest {
  Descriptor config;
  std::vector<Descriptor> layers;  // from the base up
  std::optional<Descriptor> subject;
  std::string artifact_type;
  Annotations annotations;
  // Errc::invalid_image also for an index, or a schema 1 manifest, under a manifest's media type.
  static Result<Manifest> parse(ByteView document);
  // Whether this describes a root filesystem: an image config, or layers that are all of a layer type.
  bool is_image() const;
};

// The manifest of the release candidates of image-spec 1.1, and of ORAS before them, for content that is not
// an image; the final version uses Manifest for it.
struct ArtifactManifest {
  std::vector<Descriptor> blobs;
  std::optional<Descriptor> subject;
  std::string artifact_type;
  Annotations annotations;
  static Result<ArtifactManifest> parse(ByteView document);
};

// Docker's image manifest version 2, schema 1: its layers are known by digest alone. Such an image cannot be
// mounted, as its configuration is spread over strings of compatibility.
struct Schema1Manifest {
  std::vector<Digest> layers;  // `fsLayers`, from the top down
  static Result<Schema1Manifest> parse(ByteView document);
};

// One step of an image's build (config.md, "history").
struct HistoryEntry {
  std::string created;     // RFC 3339; empty if absent
  std::string created_by;  // the command
  std::string author, comment;
  bool is_empty_layer = false;  // the step changed no file, so no layer belongs to it
};

struct ImageConfig {
  Platform platform;
  std::vector<Digest> diff_ids;  // of the uncompressed layers, from the base up
  std::string created;           // RFC 3339, empty where absent
  // How its programs are meant to be run. What cannot be an environment variable or a path is left out.
  std::vector<std::string> environment;  // "NAME=VALUE"
  std::string working_directory;         // empty where absent
  // The rest of config.md. A member of another type than config.md says counts as absent.
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

// read_document and parse in one; errors name the digest.
Result<Index> read_index(const Provider& provider, const Descriptor& descriptor);
Result<Manifest> read_manifest(const Provider& provider, const Descriptor& descriptor);
// Errc::unsupported where it is none of an image.
Result<Manifest> read_image_manifest(const Provider& provider, const Descriptor& descriptor);
// Errc::unsupported if the manifest is not one of an image.
Status check_image_manifest(const Manifest& manifest);
Result<ImageConfig> read_config(const Provider& provider, const Descriptor& descriptor);

}  // namespace layoutfs
