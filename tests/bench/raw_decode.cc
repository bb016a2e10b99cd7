#define ZSTD_STATIC_LINKING_ONLY
#include "tests/bench/raw_decode.h"

#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>
#include <vector>

#include "core/base/file.h"

namespace layoutfs::bench {
namespace {

constexpr std::uint8_t kGzipMagic = 0x1f;
constexpr std::size_t kGzipTrailerSize = 8;  // CRC-32 and ISIZE (RFC 1952, 2.3.1)

class BlobFile {
 public:
  explicit BlobFile(const std::string& path)
      : path_(path), file_(open_at(AT_FDCWD, path, O_RDONLY).value()) {}

  // Returns fewer bytes than fit only at the end of the blob.
  std::size_t read(std::span<std::byte> out) {
    const std::size_t got = pread_full(file_.get(), out, offset_).value();
    offset_ += got;
    return got;
  }
  // Bytes from the start of the blob.
  std::uint64_t offset() const { return offset_; }
  void seek(std::uint64_t offset) { offset_ = offset; }
  [[noreturn]] void fail(const char* reason) const { throw std::runtime_error(path_ + ": " + reason); }

 private:
  std::string path_;
  UniqueFd file_;
  std::uint64_t offset_ = 0;
};

// Buffers that are used in turn, each again after the reader has finished with it.
class Pieces {
 public:
  Pieces(PieceReader* reader, Part part, std::size_t front = 0)
      : reader_(reader), part_(part), front_(front), buffers_(reader != nullptr ? kPiecesInFlight : 1) {
    for (auto& buffer : buffers_) buffer.bytes.resize(front + kPiece);
  }
  Pieces(const Pieces&) = delete;
  Pieces& operator=(const Pieces&) = delete;
  ~Pieces() {
    if (reader_ == nullptr) return;
    for (const auto& buffer : buffers_) reader_->wait(buffer.number);
  }

  // Returns kPiece bytes, with `front` more before them.
  std::span<std::byte> next() {
    used_ = (used_ + 1) % buffers_.size();
    if (reader_ != nullptr) reader_->wait(buffers_[used_].number);
    return std::span(buffers_[used_].bytes).subspan(front_);
  }
  // Passes on the first bytes of the last next().
  void pass_on(std::size_t size) {
    if (reader_ != nullptr)
      buffers_[used_].number = reader_->take(part_, std::span(buffers_[used_].bytes).subspan(front_, size));
  }

 private:
  struct Buffer {
    Bytes bytes;
    std::uint64_t number = 0;
  };
  PieceReader* reader_;
  Part part_;
  std::size_t front_;
  std::vector<Buffer> buffers_;
  std::size_t used_ = 0;
};

std::uint8_t* raw(std::span<std::byte> bytes) { return reinterpret_cast<std::uint8_t*>(bytes.data()); }

// A blob of one or more gzip members.
class GzipPass {
 public:
  GzipPass(BlobFile& file, PieceReader* reader)
      : file_(file), has_reader_(reader != nullptr), in_(reader, Part::blob), out_(reader, Part::content) {}

  std::uint64_t run() {
    isal_inflate_init(&state_);
    while (begin_member()) {
      inflate_member();
      if (!has_reader_) skip_trailer();
    }
    return total_;
  }

 private:
  bool refill() {
    if (state_.avail_in > 0) return true;
    const auto piece = in_.next();
    const std::size_t got = file_.read(piece.first(kPiece));
    in_.pass_on(got);
    state_.next_in = raw(piece);
    state_.avail_in = static_cast<std::uint32_t>(got);
    return got > 0;
  }

  // Returns false at the end of the blob.
  bool begin_member() {
    if (!refill()) return false;
    isal_inflate_reset(&state_);
    if (has_reader_) {
      state_.crc_flag = ISAL_GZIP;
      return true;
    }
    // Without a checksum: reads the header here, then plain deflate.
    isal_gzip_header header;
    isal_gzip_header_init(&header);
    int status = ISAL_END_INPUT;
    while (status == ISAL_END_INPUT && refill()) status = isal_read_gzip_header(&state_, &header);
    if (status != ISAL_DECOMP_OK) file_.fail("invalid gzip header");
    state_.crc_flag = ISAL_DEFLATE;
    return true;
  }

  void inflate_member() {
    while (state_.block_state != ISAL_BLOCK_FINISH) {
      if (!refill()) file_.fail("truncated gzip stream");
      do {
        const auto piece = out_.next();
        state_.next_out = raw(piece);
        state_.avail_out = kPiece;
        if (isal_inflate(&state_) != ISAL_DECOMP_OK) file_.fail("invalid gzip stream");
        const std::size_t size = kPiece - state_.avail_out;
        out_.pass_on(size);
        total_ += size;
      } while (state_.avail_out == 0 && state_.block_state != ISAL_BLOCK_FINISH);
    }
  }

  void skip_trailer() {
    const std::uint64_t unused = state_.avail_in + static_cast<std::uint64_t>(state_.read_in_length) / 8;
    file_.seek(file_.offset() - unused + kGzipTrailerSize);
    state_.avail_in = 0;
  }

  BlobFile& file_;
  bool has_reader_;
  Pieces in_, out_;
  inflate_state state_;
  std::uint64_t total_ = 0;
};

// A blob of one or more zstd frames. Decodes block by block into a ring, from which the decoder takes the
// window, so that neither the blob nor the content is copied.
class ZstdPass {
 public:
  ZstdPass(BlobFile& file, PieceReader* reader)
      : file_(file),
        reader_(reader),
        in_(reader, Part::blob, kMaxInput),
        context_(ZSTD_createDCtx(), &ZSTD_freeDCtx) {
    if (context_ == nullptr) throw std::bad_alloc();
    if (reader == nullptr)
      ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_forceIgnoreChecksum, ZSTD_d_ignoreChecksum);
  }
  ZstdPass(const ZstdPass&) = delete;
  ZstdPass& operator=(const ZstdPass&) = delete;
  ~ZstdPass() { wait_for_all(); }

  std::uint64_t run() {
    while (begin_frame()) {
      while (const std::size_t size = ZSTD_nextSrcSizeToDecompress(context_.get())) {
        if (!look_ahead(size)) file_.fail("truncated zstd stream");
        decode(size);
      }
    }
    pass_on();
    return total_;
  }

 private:
  static constexpr std::size_t kMaxInput = ZSTD_BLOCKSIZE_MAX + ZSTD_FRAMEHEADERSIZE_MAX;  // of one step

  // Returns whether so many bytes of the blob are available in one piece.
  bool look_ahead(std::size_t size) {
    if (available_.size() >= size) return true;
    const auto piece = in_.next();
    // Keeps the rest of the last piece before the next one.
    std::byte* begin = piece.data() - available_.size();
    std::memcpy(begin, available_.data(), available_.size());
    const std::size_t got = file_.read(piece);
    in_.pass_on(got);
    available_ = {begin, available_.size() + got};
    return available_.size() >= size;
  }

  // Returns false at the end of the blob.
  bool begin_frame() {
    look_ahead(ZSTD_FRAMEHEADERSIZE_MAX);
    if (available_.empty()) return false;
    ZSTD_frameHeader header;
    if (ZSTD_getFrameHeader(&header, available_.data(), available_.size()) != 0 ||
        header.frameType != ZSTD_frame)
      file_.fail("unexpected zstd frame");
    // The pieces in flight, the next one, and the end that is left out because no block fits.
    const std::size_t ahead = reader_ != nullptr ? (kPiecesInFlight + 2) * (kPiece + ZSTD_BLOCKSIZE_MAX) : 0;
    const std::size_t size = ZSTD_decodingBufferSize_min(header.windowSize, ZSTD_CONTENTSIZE_UNKNOWN) + ahead;
    if (size > ring_.size()) {
      pass_on();
      wait_for_all();
      ring_.resize(size);
      begin_ = end_ = 0;
    }
    if (ZSTD_isError(ZSTD_decompressBegin(context_.get()))) throw std::bad_alloc();
    return true;
  }

  void decode(std::size_t size) {
    if (ring_.size() - end_ < ZSTD_BLOCKSIZE_MAX) {
      pass_on();
      begin_ = end_ = 0;
    }
    const std::size_t got = ZSTD_decompressContinue(context_.get(), ring_.data() + end_, ring_.size() - end_,
                                                    available_.data(), size);
    if (ZSTD_isError(got)) file_.fail(ZSTD_getErrorName(got));
    available_ = available_.subspan(size);
    end_ += got;
    total_ += got;
    if (end_ - begin_ >= kPiece) pass_on();
  }

  void pass_on() {
    if (reader_ != nullptr && end_ > begin_) {
      std::uint64_t& number = numbers_[next_number_++ % kPiecesInFlight];
      // The bytes of this older piece may be overwritten from here on.
      reader_->wait(number);
      number = reader_->take(Part::content, ByteView(ring_).subspan(begin_, end_ - begin_));
    }
    begin_ = end_;
  }
  void wait_for_all() {
    if (reader_ == nullptr) return;
    for (const std::uint64_t number : numbers_) reader_->wait(number);
  }

  BlobFile& file_;
  PieceReader* reader_;
  Pieces in_;
  ByteView available_;
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context_;
  Bytes ring_;
  std::size_t begin_ = 0, end_ = 0;  // in ring_, of the bytes that the reader has not got yet
  std::array<std::uint64_t, kPiecesInFlight> numbers_{};
  std::size_t next_number_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace

std::uint64_t decode_file(const std::string& path, PieceReader* reader) {
  BlobFile file(path);
  std::byte magic{};
  file.read({&magic, 1});
  file.seek(0);
  return magic == std::byte{kGzipMagic} ? GzipPass(file, reader).run() : ZstdPass(file, reader).run();
}

}  // namespace layoutfs::bench
