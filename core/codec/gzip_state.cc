// The state of a gzip access point: a byte (header or block), then a zstd frame of a StateHeader and the
// bytes of the window that are not zero (sparse_bytes.h).
#include "core/codec/gzip_state.h"

#include <algorithm>
#include <array>

#include "core/base/check.h"
#include "core/codec/sparse_bytes.h"
#include "core/codec/zstd_context.h"

namespace layoutfs {
namespace {

constexpr std::byte kAtHeader{1};
constexpr std::byte kAtBlock{2};

struct StateHeader {
  std::uint32_t window_size;
  std::uint32_t runs;
};
// A run of one byte takes two or three.
constexpr std::size_t kMaxStateSize = sizeof(StateHeader) + 3 * kDeflateWindow;

// Calls run(at, size) for each run of bytes that are not zero.
template <class Run>
void for_each_run(ByteView window, Run run) {
  const auto is_zero = [](std::byte byte) { return byte == std::byte{0}; };
  for (auto at = window.begin();;) {
    const auto begin = std::find_if_not(at, window.end(), is_zero);
    if (begin == window.end()) return;
    at = std::find_if(begin, window.end(), is_zero);
    run(static_cast<std::size_t>(begin - window.begin()), static_cast<std::size_t>(at - begin));
  }
}

}  // namespace

std::optional<Bytes> GzipStateWriter::at_block(std::span<std::byte> window, const BlockStart& start,
                                               ByteView following) {
  if (!thinner_.thin(window, start, following)) return std::nullopt;
  runs_.clear();
  for_each_run(window, [&](std::size_t at, std::size_t size) { runs_.add(at, window.subspan(at, size)); });
  const StateHeader header{static_cast<std::uint32_t>(window.size()), runs_.runs()};
  const ByteView header_bytes = std::as_bytes(std::span(&header, 1));
  plain_.assign(header_bytes.begin(), header_bytes.end());
  runs_.finish(plain_);
  return compressor_.compress(kAtBlock, plain_);
}

Bytes at_gzip_header() { return {kAtHeader}; }

Result<GzipState> parse_gzip_state(ByteView state) {
  if (state.empty() || (state.size() == 1 && state[0] == kAtHeader)) return GzipState{true, {}};
  if (state[0] != kAtBlock) return fail(Errc::corrupt, "access point does not belong to a gzip stream");
  const auto broken = [] { return fail(Errc::corrupt, "invalid window of a gzip access point"); };
  std::array<std::byte, kMaxStateSize> memory;
  const auto size = zstd::decompress(state.subspan(1), memory);
  if (!size || *size < sizeof(StateHeader)) return broken();
  const ByteView plain = ByteView(memory).first(*size);
  const auto header = load_le<StateHeader>(plain);
  if (header.window_size > kDeflateWindow) return broken();
  Bytes window(header.window_size);
  if (!copy_runs(plain.subspan(sizeof header), header.runs, window)) return broken();
  return GzipState{false, std::move(window)};
}

}  // namespace layoutfs
