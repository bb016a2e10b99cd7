#include "core/codec/span_check.h"

#include <charconv>
#include <string_view>

#include "core/base/check.h"

namespace layoutfs {

Sha256 sha256_bytes(const Digest& digest) {
  Sha256 bytes{};
  check(digest.algorithm() == Algorithm::sha256 && digest.hex().size() == 2 * bytes.size(),
        "the digest is one of sha256");
  const std::string_view hex = digest.hex();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::uint8_t byte = 0;
    std::from_chars(hex.data() + 2 * i, hex.data() + 2 * i + 2, byte, 16);
    bytes[i] = std::byte{byte};
  }
  return bytes;
}

bool LearnedDigests::learn(std::uint64_t span, const SpanDigest& digest) {
  const std::lock_guard lock(mutex_);
  auto& known = digests_[span];
  if (!known) known = digest;
  return *known == digest;
}

bool LearnedDigests::is_known(std::uint64_t span, const SpanDigest& digest) const {
  const std::lock_guard lock(mutex_);
  return digests_[span] == digest;
}

}  // namespace layoutfs
