// Descriptors (image-spec descriptor.md): what a blob is, which one, how large, and for which platform.
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

// The name of a reference (image-spec annotations.md).
inline constexpr std::string_view kRefName = "org.opencontainers.image.ref.name";
// The full name that containerd writes beside it.
inline constexpr std::string_view kContainerdName = "io.containerd.image.name";

struct Platform {
  std::string os, architecture, variant;
  std::string os_version;
  std::vector<std::string> os_features;
  friend bool operator==(const Platform&, const Platform&) = default;
};

struct Descriptor {
  std::string media_type;
  Digest digest;           // empty only in a descriptor that nobody has filled in
  std::uint64_t size = 0;  // bytes of the blob
  Annotations annotations;
  std::optional<Platform> platform;
  std::string artifact_type;
  std::vector<std::string> urls;
  std::string data;  // the blob itself in base64, where it is embedded
  std::string json;  // the descriptor as it stands in its document, compact, unknown fields included

  // The value of an annotation, nothing where it is absent.
  std::optional<std::string_view> annotation(std::string_view name) const;
  // kRefName's value.
  std::optional<std::string_view> ref_name() const { return annotation(kRefName); }

  // Parses one descriptor as JSON. Errc::invalid_image for a missing or wrong field, and for one whose name
  // differs from a known one only in case; Errc::unsupported for a digest of an unknown algorithm.
  static Result<Descriptor> parse(std::string_view json);
  // Returns the members above as compact JSON, in the order of image-spec, then those of `json` that are none
  // of them, unknown members of its annotations and its platform included.
  std::string to_json() const;

  // Whether both mean the same: how it stands in a document, with an empty list or without one, is left out.
  friend bool operator==(const Descriptor& a, const Descriptor& b);
};

}  // namespace layoutfs
