// The names of the OCI distribution specification: repositories, tags, and references to images.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Components of lower-case letters and digits, with single '.', '_', "__" or runs of '-' inside, joined by
// '/'; at most 255 bytes.
bool is_repository_name(std::string_view name) noexcept;
// A letter, a digit or '_', then also '.' and '-'; at most 128 bytes.
bool is_tag(std::string_view name) noexcept;
// A DNS name with a dot or a port, "localhost" with a port, or an IPv6 address in brackets.
bool is_registry_host(std::string_view name) noexcept;

// `[HOST/]REPOSITORY[:TAG][@DIGEST]`
struct RegistryReference {
  std::string host;  // with its port; empty where there is none
  std::string repository;
  std::string tag;
  Digest digest;

  // Errc::invalid_argument; Errc::digest_invalid for a digest that is malformed. The first component is a
  // host where it can be one: what is `localhost:5000/a` to one program must be so to the next.
  static Result<RegistryReference> parse(std::string_view text);
  // As parse(), but the first component is never taken for a host.
  static Result<RegistryReference> parse_relative(std::string_view text);
  std::string str() const;
};

// What the name of an entry of index.json says to a registry.
struct EntryName {
  std::string repository;
  std::string tag;  // empty for an entry without one
};

// Reads a `ref.name`: empty, a bare tag, `repository:tag`, `repository@digest` (the digest may be of another
// manifest and is left out). The first two are of `default_repository`. Errc::invalid_image where that is
// empty and needed ("empty ref.name", "ambiguous ref.name"), and for everything else ("invalid ref.name").
Result<EntryName> parse_entry_name(std::string_view ref_name, std::string_view default_repository);

// The name of `entry`: its ref.name, if that says a repository. Otherwise, if there is no default repository,
// what its full name says (io.containerd.image.name); the registry is the first part of the repository,
// unless it has a port, which no repository can have. Errc::invalid_image as parse_entry_name().
Result<EntryName> entry_name_of(const Descriptor& entry, std::string_view default_repository);

}  // namespace layoutfs
