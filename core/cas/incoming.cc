#include "core/cas/incoming.h"

#include <fcntl.h>

#include <string>
#include <string_view>
#include <tuple>

#include "core/base/file.h"
#include "core/base/hash_pipe.h"

namespace layoutfs {
namespace {

constexpr std::uint64_t kSmallContent = std::uint64_t{64} << 10;
constexpr std::string_view kCannotWrite = "cannot write the blob";

// Fills `piece`; returns fewer bytes only at the end.
Result<std::size_t> read_piece(ByteSource& content, std::span<std::byte> piece) {
  std::size_t size = 0;
  while (size < piece.size()) {
    const auto got = content.read(piece.subspan(size));
    if (!got) return got;
    if (*got == 0) break;
    size += *got;
  }
  return size;
}

std::unexpected<Error> wrong_size(const PutOptions& options, std::string_view bytes) {
  return fail(Errc::size_invalid, options.digest.str() + ": the content has " + std::string(bytes) +
                                      " bytes, not " + std::to_string(*options.size));
}

// Small content needs neither a thread nor large buffers.
Result<PutResult> write_small(int fd, std::uint64_t offset, ByteSource& content, const PutOptions& options) {
  if (auto go_on = options.context.check(); !go_on) return fail(std::move(go_on).error());
  Bytes piece(static_cast<std::size_t>(*options.size) + 1);  // to notice longer content
  const auto got = read_piece(content, piece);
  if (!got) return fail(Error(got.error()));
  if (*got == piece.size()) return wrong_size(options, "more");
  piece.resize(*got);
  Digest digest = Digest::of(piece, algorithm_of(options));
  if (auto written = pwrite_all(fd, piece, offset, kCannotWrite); !written)
    return fail(std::move(written).error());
  return PutResult{std::move(digest), *got};
}

}  // namespace

void Writeback::advance(int fd, std::uint64_t size) noexcept {
  constexpr std::uint64_t kStep = std::uint64_t{8} << 20;
  if (size - begun_ < kStep) return;
  std::ignore = ::sync_file_range(fd, static_cast<off64_t>(begun_), static_cast<off64_t>(size - begun_),
                                  SYNC_FILE_RANGE_WRITE);
  begun_ = size;
}

Algorithm algorithm_of(const PutOptions& options) {
  return options.digest.empty() ? options.algorithm : options.digest.algorithm();
}

Status check_wanted(const PutResult& put, const PutOptions& options) {
  if (!options.digest.empty() && options.digest != put.digest)
    return fail(Errc::digest_invalid,
                options.digest.str() + ": the content has the digest " + put.digest.str());
  if (options.size && *options.size != put.size) return wrong_size(options, std::to_string(put.size));
  return {};
}

Result<PutResult> write_hashed(int fd, std::uint64_t offset, ByteSource& content, const PutOptions& options,
                               bool is_durable) {
  if (options.size && *options.size < kSmallContent) return write_small(fd, offset, content, options);
  HashPipe hashes(algorithm_of(options));
  std::uint64_t size = 0;
  Writeback writeback(offset);
  for (;;) {
    if (auto go_on = options.context.check(); !go_on) return fail(std::move(go_on).error());
    const std::span<std::byte> piece = hashes.buffer();
    const auto got = read_piece(content, piece);
    if (!got) return fail(Error(got.error()));
    hashes.submit(*got);
    if (options.size && size + *got > *options.size) return wrong_size(options, "more");
    if (auto written = pwrite_all(fd, piece.first(*got), offset + size, kCannotWrite); !written)
      return fail(std::move(written).error());
    size += *got;
    if (*got < piece.size()) return PutResult{hashes.finish(), size};
    if (is_durable) writeback.advance(fd, offset + size);
  }
}

Result<PutResult> hash_content(ByteSource& content, Algorithm algorithm, const Context& context) {
  HashPipe hashes(algorithm);
  for (std::uint64_t size = 0;;) {
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    const auto got = content.read(hashes.buffer());
    if (!got) return fail(Error(got.error()));
    if (*got == 0) return PutResult{hashes.finish(), size};
    hashes.submit(*got);
    size += *got;
  }
}

}  // namespace layoutfs
