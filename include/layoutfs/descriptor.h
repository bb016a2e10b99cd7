// Descriptors (image-spec descriptor.md): media type, digest, size and platform of a blob.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "layoutfs/digest.h"

namespace layoutfs {

using Annotations = std::map<std::string, std::string, std::less<>>;

// The annotation with the name of a reference (image-spec annotations.md).
inline constexpr std::string_view kRefName = "org.opencontainers.image.ref.name";
// The annotation with the full name, which containerd adds.
inline constexpr std::string_view kContainerdName = "io.containerd.image.name";

// The platform of an image (image-spec image-index.md), in Go's names. Empty fields are absent ones.
// The platform of an image (image-spec image-index.md), in Go's names. Empty fields are absent ones.
struct Platform {
  std::string os, architecture, variant;
  std::string os_version;
  std::vector<std::string> os_features;
  friend bool operator==(const Platform&, const Platform&) = default;
};

// Copies are deep: about a few hundred bytes each.
// A reference from a document to a blob.
struct Descriptor {
  std::string media_type;
  Digest digest;           // empty only in a default-constructed descriptor
  std::uint64_t size = 0;  // bytes of the blob
  Annotations annotations;
  std::optional<Platform> platform;
  std::string artifact_type;
  std::vector<std::string> urls;
  std::string data;  // the blob itself in base64, if it is embedded
  std::string json;  // the descriptor as written in its document, compact, with unknown fields

  // Returns the value of an annotation, nullopt if it is absent.
  std::optional<std::string_view> annotation(std::string_view name) const;
  // Returns the value of kRefName.
  std::optional<std::string_view> ref_name() const { return annotation(kRefName); }

  // Parses one descriptor from JSON. Errc::invalid_image if a field is missing or invalid, or if its name
  // differs from a known one only in case. Errc::unsupported if the digest has an unknown algorithm.
  static Result<Descriptor> parse(std::string_view json);
  // Returns the members above as compact JSON in the order of image-spec, followed by the unknown members of
  // `json`, including those of its annotations and its platform.
  std::string to_json() const;

  // Compares the meaning, not the JSON text: an empty list equals an absent one.
  friend bool operator==(const Descriptor& a, const Descriptor& b);
};

}  // namespace layoutfs
