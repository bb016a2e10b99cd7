#include "core/codec/gzip_writer.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include "core/base/check.h"

namespace layoutfs {
namespace {

constexpr std::size_t kPackedBuffer = std::size_t{64} << 10;
constexpr int kGzipHeaderBits = 16;  // added to the window bits (zlib.h, deflateInit2)
constexpr int kMemoryLevel = 8;      // zlib's default

}  // namespace

struct GzipWriter::State {
  Status deflate(ByteView bytes, int flush);

  z_stream zlib{};
  Sink sink;
  Bytes out = Bytes(kPackedBuffer);
};

GzipWriter::GzipWriter(Sink sink, int level) : state_(std::make_unique<State>()) {
  state_->sink = std::move(sink);
  if (deflateInit2(&state_->zlib, level, Z_DEFLATED, MAX_WBITS + kGzipHeaderBits, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();
}
GzipWriter::~GzipWriter() { deflateEnd(&state_->zlib); }

Status GzipWriter::State::deflate(ByteView bytes, int flush) {
  zlib.next_in = reinterpret_cast<const Bytef*>(bytes.data());
  zlib.avail_in = static_cast<uInt>(bytes.size());
  do {
    zlib.next_out = reinterpret_cast<Bytef*>(out.data());
    zlib.avail_out = static_cast<uInt>(out.size());
    check(::deflate(&zlib, flush) != Z_STREAM_ERROR, "the state of zlib is consistent");
    if (auto passed = sink(ByteView(out).first(out.size() - zlib.avail_out)); !passed) return passed;
  } while (zlib.avail_out == 0);
  return {};
}

Status GzipWriter::write(ByteView bytes) {
  constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
  while (!bytes.empty()) {
    const ByteView piece = bytes.first(std::min(bytes.size(), kMost));
    if (auto done = state_->deflate(piece, Z_NO_FLUSH); !done) return done;
    bytes = bytes.subspan(piece.size());
  }
  return {};
}

Status GzipWriter::finish() { return state_->deflate({}, Z_FINISH); }

Bytes gzip_of(ByteView bytes, int level) {
  Bytes packed;
  GzipWriter writer(
      [&](ByteView piece) -> Status {
        packed.insert(packed.end(), piece.begin(), piece.end());
        return {};
      },
      level);
  ignore(writer.write(bytes), "the sink does not fail");
  ignore(writer.finish(), "the sink does not fail");
  return packed;
}

}  // namespace layoutfs
