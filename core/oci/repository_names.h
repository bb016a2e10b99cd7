// The names of the OCI distribution specification: repositories, tags, and references to images.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Returns whether it consists of components joined by '/', at most 255 bytes. A component has lower-case
// letters and digits, separated by single '.', '_', "__" or runs of '-'.
bool is_repository_name(std::string_view name) noexcept;
// Returns whether it is a letter, a digit or '_', followed by those, '.' and '-'; at most 128 bytes.
bool is_tag(std::string_view name) noexcept;
// Returns whether it is a DNS name with a dot or a port, "localhost" with a port, or an IPv6 address in
// brackets.
bool is_registry_host(std::string_view name) noexcept;

// `[HOST/]REPOSITORY[:TAG][@DIGEST]`
struct RegistryReference {
  std::string host;  // including a port; empty if absent
  std::string repository;
  std::string tag;
  Digest digest;

  // Errc::invalid_argument if it is malformed. Errc::digest_invalid if the digest is malformed. The first
  // component is a host if it can be one, so that all programs agree on `localhost:5000/a`.
  static Result<RegistryReference> parse(std::string_view text);
  // Like parse(), but the first component is never a host.
  static Result<RegistryReference> parse_relative(std::string_view text);
  std::string str() const;
};

// The repository and tag in the name of an entry of index.json.
struct EntryName {
  std::string repository;
  std::string tag;  // empty if the entry has none
};

// Parses a `ref.name`: empty, a tag, `repository:tag`, or `repository@digest` (the digest is ignored, it may
// be that of another manifest). The first two belong to `default_repository`. Errc::invalid_image if that is
// empty and required ("empty ref.name", "ambiguous ref.name"), or if it is malformed ("invalid ref.name").
Result<EntryName> parse_entry_name(std::string_view ref_name, std::string_view default_repository);

// Returns the name of `entry`: its ref.name if that has a repository. Otherwise, if there is no default
// repository, its full name (io.containerd.image.name); the registry becomes the first component of the
// repository, unless it has a port, which repositories cannot have. Errc::invalid_image as in
// parse_entry_name().
Result<EntryName> entry_name_of(const Descriptor& entry, std::string_view default_repository);

}  // namespace layoutfs
