// The state of a gzip access point: a byte (header or block), then the window as a zstd frame.
#include "core/codec/gzip_state.h"

#include <zstd.h>

#include <new>

#include "core/base/check.h"

namespace layoutfs {
namespace {

constexpr std::byte kAtHeader{1};
constexpr std::byte kAtBlock{2};
constexpr int kWindowLevel = 3;

}  // namespace

void GzipStateWriter::Free::operator()(ZSTD_CCtx_s* context) const noexcept { ZSTD_freeCCtx(context); }

GzipStateWriter::GzipStateWriter(DeflateLibrary library) : zstd_(ZSTD_createCCtx()), thinner_(library) {
  if (zstd_ == nullptr) throw std::bad_alloc();
}

GzipStateWriter::~GzipStateWriter() = default;

std::optional<Bytes> GzipStateWriter::at_block(std::span<std::byte> window, const BlockStart& start,
                                               ByteView following) {
  if (!thinner_.thin(window, start, following)) return std::nullopt;
  Bytes state(1 + ZSTD_compressBound(window.size()));
  state[0] = kAtBlock;
  const std::size_t size = ZSTD_compressCCtx(zstd_.get(), state.data() + 1, state.size() - 1, window.data(),
                                             window.size(), kWindowLevel);
  if (ZSTD_isError(size)) throw std::bad_alloc();  // with enough room, lack of memory is the only error
  state.resize(1 + size);
  state.shrink_to_fit();
  return state;
}

Bytes at_gzip_header() { return {kAtHeader}; }

Result<GzipState> parse_gzip_state(ByteView state) {
  if (state.empty() || (state.size() == 1 && state[0] == kAtHeader)) return GzipState{true, {}};
  if (state[0] != kAtBlock) return fail(Errc::corrupt, "access point does not belong to a gzip stream");
  Bytes window(kDeflateWindow);
  const std::size_t size = ZSTD_decompress(window.data(), window.size(), state.data() + 1, state.size() - 1);
  if (ZSTD_isError(size)) return fail(Errc::corrupt, "invalid window of a gzip access point");
  window.resize(size);
  return GzipState{false, std::move(window)};
}

}  // namespace layoutfs
