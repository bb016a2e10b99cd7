// For tests: sample content, and gzip blobs of it as zlib and other writers make them.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "layoutfs/bytes.h"

namespace layoutfs::testing {

// Uses memcpy(3): with sanitizers, and at -O1, insert() copies each byte by several calls.
inline void append(Bytes& to, ByteView more) {
  if (more.empty()) return;
  to.resize(to.size() + more.size());
  std::memcpy(to.data() + to.size() - more.size(), more.data(), more.size());
}

// Alternates words, numbers, noise and zeros. Compresses about as well as a tar of files.
inline Bytes sample_bytes(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::string> words(500);
  for (auto& word : words) {
    word.resize(2 + random() % 9);
    for (char& letter : word) letter = static_cast<char>('a' + random() % 26);
  }
  Bytes bytes;
  bytes.reserve(size + 8192);
  std::string text;
  while (bytes.size() < size) {
    const auto kind = random() % 16;
    if (kind == 0) {
      for (auto left = random() % 4096; left > 0; --left) bytes.push_back(static_cast<std::byte>(random()));
    } else if (kind == 1) {
      bytes.resize(bytes.size() + random() % 4096);
    } else {
      text.clear();
      for (int left = 200; left > 0; --left) {
        text += words[std::min(random() % words.size(), random() % words.size())];
        if (random() % 9 == 0)
          text += std::to_string(random() % 1000);
        else
          text += ' ';
      }
      append(bytes, as_bytes(text));
    }
  }
  bytes.resize(size);
  return bytes;
}

struct GzipOptions {
  int level = 6;
  int strategy = Z_DEFAULT_STRATEGY;
  int memory_level = 8;
  int flush = Z_NO_FLUSH;  // after every `piece` bytes
  std::size_t piece = 50'000;
  bool with_header_fields = false;  // FEXTRA, FNAME, FCOMMENT, FHCRC
};

// Returns one member, by zlib.
inline Bytes gzip_of(ByteView plain, const GzipOptions& options = {}) {
  z_stream zlib{};
  if (deflateInit2(&zlib, options.level, Z_DEFLATED, MAX_WBITS + 16, options.memory_level,
                   options.strategy) != Z_OK)
    throw std::runtime_error("deflateInit2");
  std::array<Bytef, 300> extra{};
  std::array<Bytef, 5> name{'n', 'a', 'm', 'e', 0};
  std::array<Bytef, 8> comment{'c', 'o', 'm', 'm', 'e', 'n', 't', 0};
  gz_header header{};
  header.extra = extra.data();
  header.extra_len = extra.size();
  header.name = name.data();
  header.comment = comment.data();
  header.hcrc = 1;
  if (options.with_header_fields) deflateSetHeader(&zlib, &header);

  Bytes blob(plain.size() + plain.size() / 8 + 1024 + (plain.size() / options.piece + 1) * 32);
  zlib.next_out = reinterpret_cast<Bytef*>(blob.data());
  zlib.avail_out = static_cast<uInt>(blob.size());
  for (std::size_t at = 0; at < plain.size(); at += options.piece) {
    zlib.next_in = reinterpret_cast<const Bytef*>(plain.data() + at);
    zlib.avail_in = static_cast<uInt>(std::min(options.piece, plain.size() - at));
    if (deflate(&zlib, options.flush) != Z_OK) throw std::runtime_error("deflate");
  }
  if (deflate(&zlib, Z_FINISH) != Z_STREAM_END) throw std::runtime_error("deflate does not end");
  blob.resize(zlib.total_out);
  deflateEnd(&zlib);
  return blob;
}

// Members of `member` bytes each.
inline Bytes gzip_members_of(ByteView plain, std::size_t member, const GzipOptions& options = {}) {
  Bytes blob;
  for (std::size_t at = 0; at < plain.size(); at += member)
    append(blob, gzip_of(plain.subspan(at, std::min(member, plain.size() - at)), options));
  return blob;
}

// Deflate data bit by bit (RFC 1951, 3.1.1), framed as one gzip member.
class DeflateWriter {
 public:
  void bits(std::uint32_t value, unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      if (used_ == 0) bytes_.push_back(std::byte{0});
      bytes_.back() |= static_cast<std::byte>((value >> i & 1) << used_);
      used_ = (used_ + 1) % 8;
    }
  }
  // Huffman codes are written with their most significant bit first.
  void code(std::uint32_t value, unsigned count) {
    for (unsigned i = count; i-- > 0;) bits(value >> i, 1);
  }
  // With the fixed codes (RFC 1951, 3.2.6).
  void literal(std::byte byte) {
    const auto value = std::to_integer<std::uint32_t>(byte);
    if (value < 144)
      code(0x30 + value, 8);
    else
      code(0x190 + value - 144, 9);
  }
  Bytes as_gzip(ByteView plain) const {
    constexpr std::array<std::uint8_t, 10> header{0x1f, 0x8b, 8};
    Bytes blob;
    append(blob, std::as_bytes(std::span(header)));
    append(blob, bytes_);
    const auto crc =
        static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(plain.data()), plain.size()));
    const std::array<std::uint32_t, 2> trailer{crc, static_cast<std::uint32_t>(plain.size())};
    append(blob, std::as_bytes(std::span(trailer)));
    return blob;
  }

 private:
  Bytes bytes_;
  unsigned used_ = 0;  // bits of the last byte
};

// Returns one block with fixed codes and only literals, which has no place to resume.
inline Bytes gzip_of_one_block(ByteView plain) {
  DeflateWriter writer;
  writer.bits(1, 1);  // the last block
  writer.bits(1, 2);  // fixed codes
  for (const std::byte byte : plain) writer.literal(byte);
  writer.code(0, 7);
  return writer.as_gzip(plain);
}

// Returns this number of empty blocks with fixed codes, and one with `byte`.
inline Bytes gzip_of_empty_blocks(int count, std::byte byte) {
  DeflateWriter writer;
  for (int i = 0; i < count; ++i) {
    writer.bits(0, 1);
    writer.bits(1, 2);  // fixed codes
    writer.code(0, 7);  // end of block
  }
  writer.bits(1, 1);
  writer.bits(1, 2);
  writer.literal(byte);
  writer.code(0, 7);
  return writer.as_gzip(Bytes{byte});
}

}  // namespace layoutfs::testing
