// The format of the container: a fixed header, then the payload.
#include "core/layer/table_file.h"

#include <array>
#include <new>
#include <utility>

#include "core/base/check.h"
#include "core/base/xxh3.h"

namespace layoutfs {
namespace {

constexpr std::array<char, 8> kMagic = {'\x89', 'l', 'a', 'y', 'o', 'u', 't', '\n'};

// The header before the payload, little-endian.
struct FileHeader {
  std::array<char, 8> magic;
  std::uint32_t kind;
  std::uint32_t version;
  std::uint64_t payload_size;
  std::uint64_t checksum;  // XXH3 64 of the payload
  std::uint8_t algorithm;
  std::array<std::uint8_t, 64> digest;  // binary, padded with zeros
  std::array<std::uint8_t, 31> reserved;
};
static_assert(sizeof(FileHeader) == 128, "the payload must begin at a multiple of 64");

std::uint8_t hex_value(char digit) {
  return static_cast<std::uint8_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

std::array<std::uint8_t, 64> binary(const Digest& digest) {
  std::array<std::uint8_t, 64> out{};
  const std::string& hex = digest.hex();
  check(hex.size() / 2 <= out.size(), "a digest is longer than 64 bytes");
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out[i / 2] = static_cast<std::uint8_t>(hex_value(hex[i]) << 4 | hex_value(hex[i + 1]));
  }
  return out;
}

std::uint64_t checksum_of(ByteView payload) { return XXH3_64bits(payload.data(), payload.size()); }

// Without the size and the checksum of the payload.
FileHeader header_of(TableKind kind, std::uint32_t version, const Digest& digest) {
  FileHeader header{};
  header.magic = kMagic;
  header.kind = static_cast<std::uint32_t>(kind);
  header.version = version;
  header.algorithm = static_cast<std::uint8_t>(digest.algorithm());
  header.digest = binary(digest);
  return header;
}

}  // namespace

Bytes seal_table_file(TableKind kind, std::uint32_t version, const Digest& digest, ByteView payload) {
  FileHeader header = header_of(kind, version, digest);
  header.payload_size = payload.size();
  header.checksum = checksum_of(payload);

  const ByteView front = std::as_bytes(std::span(&header, 1));
  Bytes file;
  file.reserve(front.size() + payload.size());
  file.insert(file.end(), front.begin(), front.end());
  file.insert(file.end(), payload.begin(), payload.end());
  return file;
}

Result<ByteView> open_table_file(ByteView file, TableKind kind, std::uint32_t version, const Digest& digest) {
  const auto corrupt = [](const char* what) {
    return fail(Errc::corrupt, std::string("index file: ") + what);
  };
  if (file.size() < sizeof(FileHeader)) return corrupt("shorter than its header");
  check(reinterpret_cast<std::uintptr_t>(file.data()) % 8 == 0, "an index file is not aligned");

  const auto header = load_le<FileHeader>(file);
  const ByteView payload = file.subspan(sizeof header);
  if (header.magic != kMagic) return corrupt("wrong magic number");
  if (header.kind != static_cast<std::uint32_t>(kind)) return corrupt("wrong kind of tables");
  if (header.version != version) return corrupt("unsupported version");
  if (header.algorithm != static_cast<std::uint8_t>(digest.algorithm()) || header.digest != binary(digest)) {
    return corrupt("belongs to another digest");
  }
  if (header.payload_size != payload.size()) return corrupt("wrong size");
  if (header.checksum != checksum_of(payload)) return corrupt("wrong checksum");
  return payload;
}

struct TableFileWriter::State {
  UniqueFd file;
  FileHeader header;
  std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> checksum{XXH3_createState(),
                                                                           XXH3_freeState};
};

TableFileWriter::TableFileWriter(UniqueFd file, TableKind kind, std::uint32_t version, Digest digest)
    : state_(std::make_unique<State>(std::move(file), header_of(kind, version, digest))) {
  if (!state_->checksum) throw std::bad_alloc();
  XXH3_64bits_reset(state_->checksum.get());
}
TableFileWriter::~TableFileWriter() = default;

Status TableFileWriter::write(ByteView bytes) {
  FileHeader& header = state_->header;
  auto written = pwrite_all(state_->file.get(), bytes, sizeof header + header.payload_size,
                            "a file of the cache directory");
  if (!written) return written;
  header.payload_size += bytes.size();
  XXH3_64bits_update(state_->checksum.get(), bytes.data(), bytes.size());
  return {};
}

Status TableFileWriter::finish() {
  state_->header.checksum = XXH3_64bits_digest(state_->checksum.get());
  return pwrite_all(state_->file.get(), std::as_bytes(std::span(&state_->header, 1)), 0,
                    "a file of the cache directory");
}

}  // namespace layoutfs
