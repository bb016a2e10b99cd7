// Parses a tar stream block by block, and skips file data without looking at it.
//
// feed() takes pieces of any size. The current phase determines the next action:
//   header      collects a block of 512 bytes. An extended header leads to `extended`. Any other one is an
//               entry: start_entry() joins its fields with the extended headers that came before, and the
//               entry goes to the sink at once, or after its sparse map (old_sparse, text_map).
//   extended    collects the body of a PAX header or a long name, and adds it to the next entry.
//   skipping    counts data and padding down, and then returns to `header`; skip() does so without bytes.
//   ended       ignores everything: after two blocks of zeros, or an error.
//
// Invariants: each entry is delivered exactly once, when its header is complete; extended headers belong to
// the next entry; no state of a delivered entry is kept. Memory is bounded by kMaxExtendedHeaders and
// kMaxExtents. Cost: linear in the bytes of the stream.
#include "core/tar/tar_parser.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "core/base/check.h"
#include "core/tar/sparse.h"
#include "core/tar/tar_entry.h"
#include "core/tar/tar_header.h"

namespace layoutfs {
namespace {
std::uint64_t padding_of(std::uint64_t size) { return (kTarBlock - size % kTarBlock) % kTarBlock; }

// Removes up to `size` bytes from the start of `piece`.
ByteView take(ByteView& piece, std::uint64_t size) {
  const ByteView taken = piece.first(static_cast<std::size_t>(std::min<std::uint64_t>(size, piece.size())));
  piece = piece.subspan(taken.size());
  return taken;
}

}  // namespace

struct TarParser::State {
  // The meaning of the next bytes of the stream.
  enum class Phase : std::uint8_t {
    header,
    extended,    // the body of an extended header, collected in `body`
    old_sparse,  // a block that continues an old sparse map
    text_map,    // the map of a sparse file of PAX 1.0
    skipping,    // data, then padding
    ended,
  };

  explicit State(Sink entry_sink) : sink(std::move(entry_sink)) {}

  Status feed(ByteView piece);
  Status finish();

  Status take_header(ByteView block);
  Status take_zero_block();
  std::unexpected<Error> lone_zero_block() const;
  Status begin_extended(const TarHeader& header);
  Status take_extended(ByteView& piece);
  Status begin_entry(const TarHeader& header, ByteView block);
  Status begin_sparse(ByteView block);
  Status take_old_sparse(ByteView block);
  Status take_text_map(ByteView& piece);
  Status deliver_sparse(std::uint64_t map_size);
  Status deliver();
  void skip(std::uint64_t size);
  void take_skipped(ByteView& piece);
  void pass_over(std::uint64_t size);
  void skipped(std::uint64_t size);
  std::uint64_t position() const { return fed - unread; }
  std::unexpected<Error> in_header(Error&& error) const {
    return fail(std::move(error), "tar header at byte " + std::to_string(header_offset));
  }

  Sink sink;
  Phase phase = Phase::header;
  std::uint64_t fed = 0, unread = 0;         // bytes fed in total, and unread bytes of the current piece
  std::uint64_t header_offset = 0;           // of the last header
  std::optional<std::uint64_t> zero_block;   // offset of the first block of a possible end marker
  std::array<std::byte, kTarBlock> block{};  // an incomplete block
  std::size_t block_size = 0;
  std::uint64_t to_skip = 0, padding = 0;  // Phase::skipping

  ExtendedHeaders extended;
  std::uint64_t extended_size = 0;  // of all bodies before the next entry
  char extended_flag = 0;
  std::uint64_t body_size = 0;  // of the current one
  Bytes body;

  EntryStart start;
  SparseMap map;
  SparseTextMap text_map;
  std::uint64_t data_offset = 0;  // offset of the first byte after the entry's header
};

Status TarParser::State::feed(ByteView piece) {
  fed += piece.size();
  Status status;
  while (status && !piece.empty() && phase != Phase::ended) {
    if (phase == Phase::skipping) {
      take_skipped(piece);
    } else if (phase == Phase::extended) {
      unread = piece.size();
      status = take_extended(piece);
    } else if (phase == Phase::text_map) {
      unread = piece.size();
      status = take_text_map(piece);
    } else {
      const ByteView part = take(piece, kTarBlock - block_size);
      ByteView whole = part;
      if (part.size() < kTarBlock) {
        copy_bytes(part, std::span(block).subspan(block_size));
        block_size += part.size();
        if (block_size < kTarBlock) break;
        whole = block;
      }
      block_size = 0;
      unread = piece.size();
      status = phase == Phase::header ? take_header(whole) : take_old_sparse(whole);
    }
  }
  unread = 0;
  if (!status) phase = Phase::ended;
  return status;
}

Status TarParser::State::take_header(ByteView whole) {
  header_offset = position() - kTarBlock;
  if (is_zero_block(whole)) return take_zero_block();
  if (zero_block) return lone_zero_block();
  auto header = parse_tar_header(whole);
  if (!header) return in_header(std::move(header).error());
  switch (header->flag) {
    case 'x':
    case 'X':  // Solaris used it before POSIX chose a letter
    case 'L':
    case 'K':
    case 'g':
    case 'V':
      return begin_extended(*header);
    case 'M':
    case 'N':
      return in_header(Error(Errc::unsupported, "continued volumes and old long names are not supported"));
    default:
      return begin_entry(*header, whole);
  }
}

// POSIX pax, "ustar Interchange Format": two blocks of zeros end the archive.
Status TarParser::State::take_zero_block() {
  if (extended.is_present)
    return in_header(Error(Errc::corrupt, "the archive ends after an extended header"));
  if (zero_block) phase = Phase::ended;
  zero_block = header_offset;
  return {};
}

std::unexpected<Error> TarParser::State::lone_zero_block() const {
  return in_header(Error(Errc::corrupt, "only a single block of zeros, at byte " +
                                            std::to_string(*zero_block) +
                                            ", precedes it: some readers stop there, some do not"));
}

Status TarParser::State::begin_extended(const TarHeader& header) {
  if (header.size < 0) return in_header(Error(Errc::corrupt, "size is negative"));
  const auto size = static_cast<std::uint64_t>(header.size);
  // Global headers and volume labels do not describe an entry.
  if (header.flag == 'g' || header.flag == 'V') {
    skip(size);
    return {};
  }
  if (size > kMaxExtendedHeaders - extended_size) {
    return in_header(Error(Errc::corrupt, "extended headers of one entry exceed 1 MiB"));
  }
  extended.is_present = true;
  extended_size += size;
  extended_flag = header.flag;
  body_size = size;
  body.clear();
  phase = Phase::extended;
  if (size != 0) return {};
  ByteView nothing;
  return take_extended(nothing);
}

Status TarParser::State::take_extended(ByteView& piece) {
  const ByteView part = take(piece, body_size - body.size());
  body.insert(body.end(), part.begin(), part.end());
  if (body.size() < body_size) return {};
  if (extended_flag == 'L') {
    extended.long_name = tar_text(body);
  } else if (extended_flag == 'K') {
    extended.long_link = tar_text(body);
  } else if (auto parsed = parse_pax(body, extended.pax); !parsed) {
    return in_header(std::move(parsed).error());
  }
  Bytes().swap(body);
  to_skip = 0;
  padding = padding_of(body_size);
  phase = padding == 0 ? Phase::header : Phase::skipping;
  return {};
}

Status TarParser::State::begin_entry(const TarHeader& header, ByteView whole) {
  auto started = start_entry(header, whole, std::exchange(extended, {}));
  extended_size = 0;
  if (!started) return in_header(std::move(started).error());
  start = std::move(*started);
  data_offset = position();
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (data_offset > kMax || start.stored > kMax - data_offset - kTarBlock) {
    return in_header(Error(Errc::corrupt, "size is too large"));
  }
  if (start.sparse != SparseForm::none) return begin_sparse(whole);
  if (start.entry.type == EntryType::file) start.entry.stream_offset = data_offset;
  skip(start.stored);
  return deliver();
}

Status TarParser::State::begin_sparse(ByteView whole) {
  map = {};
  text_map = {};
  if (start.sparse == SparseForm::text) {
    phase = Phase::text_map;
    return {};
  }
  if (start.sparse == SparseForm::records) {
    if (auto added = map.add_all(start.numbers); !added) return in_header(std::move(added).error());
    return deliver_sparse(0);
  }
  if (auto added = add_old_sparse(map, whole.subspan(kOldSparseTable), kOldSparsePieces); !added) {
    return in_header(std::move(added).error());
  }
  if (whole[kOldSparseMore] == std::byte{0}) return deliver_sparse(0);
  phase = Phase::old_sparse;
  return {};
}

Status TarParser::State::take_old_sparse(ByteView whole) {
  if (auto added = add_old_sparse(map, whole, kOldSparseBlockPieces); !added) {
    return in_header(std::move(added).error());
  }
  if (whole[kOldSparseBlockMore] != std::byte{0}) return {};
  data_offset = position();
  return deliver_sparse(0);
}

Status TarParser::State::take_text_map(ByteView& piece) {
  const std::uint64_t left = start.stored - (position() - data_offset);
  ByteView part = piece.first(static_cast<std::size_t>(std::min<std::uint64_t>(left, piece.size())));
  const std::size_t offered = part.size();
  if (auto taken = text_map.feed(part); !taken) return in_header(std::move(taken).error());
  const std::size_t used = offered - part.size();
  const std::uint64_t map_size = position() - data_offset + used;
  piece = piece.subspan(used);
  unread = piece.size();
  if (!text_map.is_complete()) {
    if (map_size < start.stored) return {};
    return in_header(Error(Errc::corrupt, "the sparse map is longer than the data"));
  }
  const std::uint64_t padded = map_size + padding_of(map_size);
  if (padded > start.stored) return in_header(Error(Errc::corrupt, "the sparse map is longer than the data"));
  map = std::move(text_map).take();
  return deliver_sparse(padded);
}

// The first `map_size` bytes after the header are not data.
Status TarParser::State::deliver_sparse(std::uint64_t map_size) {
  auto extents = std::move(map).finish(start.entry.size, start.stored - map_size, data_offset + map_size);
  if (!extents) return in_header(std::move(extents).error());
  start.entry.extents = std::move(*extents);
  skip(start.stored - (position() - data_offset));
  // The data may end inside a block, independent of the end of the map.
  padding = padding_of(start.stored);
  return deliver();
}

Status TarParser::State::deliver() { return sink(std::move(start.entry)); }

// Skips `size` bytes and their padding.
void TarParser::State::skip(std::uint64_t size) {
  to_skip = size;
  padding = padding_of(size);
  phase = size == 0 ? Phase::header : Phase::skipping;
}

void TarParser::State::take_skipped(ByteView& piece) { skipped(take(piece, to_skip + padding).size()); }

void TarParser::State::pass_over(std::uint64_t size) {
  fed += size;
  skipped(size);
}

// Precondition: `size` <= to_skip + padding.
void TarParser::State::skipped(std::uint64_t size) {
  const std::uint64_t data = std::min(size, to_skip);
  to_skip -= data;
  padding -= size - data;
  if (to_skip == 0 && padding == 0) phase = Phase::header;
}

Status TarParser::State::finish() {
  const auto ends_inside = [this](const char* what) {
    return in_header(Error(Errc::corrupt, std::string("unexpected end of the stream inside ") + what));
  };
  switch (phase) {
    case Phase::ended:
      return {};
    case Phase::header:
      if (!is_zero_block(ByteView(block).first(block_size))) {
        header_offset = position() - block_size;
        if (zero_block) return lone_zero_block();
        return ends_inside("it");
      }
      if (extended.is_present) return ends_inside("the extended headers of an entry");
      return {};
    case Phase::extended:
      return ends_inside("it");
    case Phase::old_sparse:
    case Phase::text_map:
      return ends_inside("the sparse map");
    case Phase::skipping:
      // Some writers omit the padding of the last entry.
      if (to_skip != 0) return ends_inside("the data");
      if (extended.is_present) return ends_inside("the extended headers of an entry");
      return {};
  }
  return {};
}

TarParser::TarParser(Sink sink) : state_(std::make_unique<State>(std::move(sink))) {}
TarParser::~TarParser() = default;
Status TarParser::feed(ByteView piece) { return state_->feed(piece); }
bool TarParser::is_ended() const { return state_->phase == State::Phase::ended; }
std::uint64_t TarParser::skippable() const {
  return state_->phase == State::Phase::skipping ? state_->to_skip + state_->padding : 0;
}
void TarParser::skip(std::uint64_t size) {
  check(size <= skippable(), "only data and padding are skipped");
  if (size > 0) state_->pass_over(size);
}
Status TarParser::finish() { return state_->finish(); }

}  // namespace layoutfs
