// Names of images in registries: docker://HOST/REPOSITORY[:TAG|@DIGEST], spelled as in skopeo.
#pragma once

#include <string>
#include <string_view>

#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

inline constexpr std::string_view kRemotePrefix = "docker://";

// A repository of a registry, or an image in it.
struct RemoteName {
  std::string host;        // with a port if one was given: "quay.io", "localhost:5000"
  std::string repository;  // "library/alpine", also for docker.io/alpine
  std::string tag;         // empty if none was given
  Digest digest;           // empty if none was given; at most one of both is given

  // Errc::invalid_argument if `text` does not begin with "docker://", if it is malformed, or if it has no
  // host, with the full name as a hint. Errc::digest_invalid if the digest is malformed.
  static Result<RemoteName> parse(std::string_view text);

  // Returns "docker://HOST/REPOSITORY".
  std::string repository_name() const;
  // Returns the tag or the digest as a reference; "latest" if there is neither, as in skopeo.
  std::string reference() const;
};

// Returns whether `text` has the prefix of names in registries.
inline bool is_remote_name(std::string_view text) noexcept { return text.starts_with(kRemotePrefix); }

}  // namespace layoutfs
