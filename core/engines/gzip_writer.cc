#include "core/engines/gzip_writer.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include "core/base/check.h"

namespace layoutfs {
namespace {

constexpr std::size_t kBuffer = std::size_t{64} << 10;
// The text of a record is base64 of headers that are mostly zeros: level 1 gets it to the same size within a
// tenth, in a third of the time of level 6.
constexpr int kLevel = 1;
constexpr int kGzipHeader = 16;  // added to the window bits (zlib.h, deflateInit2)
constexpr int kMemoryLevel = 8;  // zlib's default

}  // namespace

struct GzipWriter::State {
  Status deflate(ByteView bytes, int flush);

  z_stream zlib{};
  Sink sink;
  Bytes out = Bytes(kBuffer);
};

GzipWriter::GzipWriter(Sink sink) : state_(std::make_unique<State>()) {
  state_->sink = std::move(sink);
  if (deflateInit2(&state_->zlib, kLevel, Z_DEFLATED, MAX_WBITS + kGzipHeader, kMemoryLevel,
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

Bytes gzip(ByteView bytes) {
  Bytes packed;
  GzipWriter writer([&](ByteView piece) -> Status {
    packed.insert(packed.end(), piece.begin(), piece.end());
    return {};
  });
  ignore(writer.write(bytes), "the sink does not fail");
  ignore(writer.finish(), "the sink does not fail");
  return packed;
}

}  // namespace layoutfs
