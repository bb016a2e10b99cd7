// Checks decoded spans before their bytes are used. The kind of check depends on the index:
//
//   kind     | compared with                 | known                     | proves
//   xxh3     | SpanRecord::digest, XXH3 128  | after an index pass       | no damage since that pass
//   sha256   | SpanChecks::chunks, SHA-256   | from a table of contents  | the content that the table names
//   learned  | SpanChecks::learned, XXH3 128 | after the first read      | the same content for each reader
//
// An index pass has compared the whole blob with its digest, so a fast hash is enough for `xxh3`. A foreign
// index makes a layer readable before all of it was read: a table of contents (eStargz, zstd:chunked) has
// digests for the chunks of files, and the bytes between them, such as tar headers, are `learned`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "core/codec/span_digest.h"
#include "layoutfs/bytes.h"
#include "layoutfs/digest.h"

namespace layoutfs {

enum class SpanCheck : std::uint8_t { xxh3, sha256, learned };

using Sha256 = std::array<std::byte, 32>;
// Precondition: `digest` has Algorithm::sha256.
Sha256 sha256_bytes(const Digest& digest);

// The digests of spans as first decoded. Thread-safe.
class LearnedDigests {
 public:
  explicit LearnedDigests(std::size_t spans) : digests_(spans) {}
  std::size_t size() const noexcept { return digests_.size(); }  // in spans

  // Returns whether `digest` equals that of the first call for `span`; true for the first call.
  bool learn(std::uint64_t span, const SpanDigest& digest);
  // Returns whether the digest of `span` is known and equals `digest`.
  bool is_known(std::uint64_t span, const SpanDigest& digest) const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::optional<SpanDigest>> digests_;
};

// The checks of the spans of a stream. Views, like those of StreamIndex.
struct SpanChecks {
  std::span<const SpanCheck> kinds;         // one per span; empty if all are xxh3
  std::span<const Sha256> chunks;           // the chunk of a sha256 span has the number SpanRecord::digest[0]
  std::shared_ptr<LearnedDigests> learned;  // for all spans; required if any is learned

  SpanCheck kind_of(std::uint64_t span) const noexcept {
    return kinds.empty() ? SpanCheck::xxh3 : kinds[span];
  }
};

}  // namespace layoutfs
