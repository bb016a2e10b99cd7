#include "core/codec/span_digest.h"

#include <new>

#include "core/base/xxh3.h"

namespace layoutfs {
namespace {

SpanDigest digest_of(const XXH128_hash_t& hash) noexcept { return {hash.low64, hash.high64}; }

}  // namespace

SpanDigest span_digest(ByteView span) noexcept { return digest_of(XXH3_128bits(span.data(), span.size())); }

void SpanHasher::Free::operator()(XXH3_state_s* state) const noexcept { XXH3_freeState(state); }

SpanHasher::SpanHasher() : state_(XXH3_createState()) {
  if (state_ == nullptr) throw std::bad_alloc();
  XXH3_128bits_reset(state_.get());
}

void SpanHasher::update(ByteView piece) noexcept {
  XXH3_128bits_update(state_.get(), piece.data(), piece.size());
}

SpanDigest SpanHasher::finish() noexcept {
  const SpanDigest digest = digest_of(XXH3_128bits_digest(state_.get()));
  XXH3_128bits_reset(state_.get());
  return digest;
}

}  // namespace layoutfs
