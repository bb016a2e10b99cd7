#include "core/engines/tar_split.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "core/base/base64.h"
#include "core/base/json.h"
#include "core/base/utf8.h"
#include "core/tar/tar_header.h"

namespace layoutfs {
namespace {

// One line with bytes of the tar has at most this number of them.
constexpr std::size_t kMaxRaw = std::size_t{64} << 10;

// Returns the inode at `path` if no component is a symlink.
std::optional<Inode> find_directly(const ImageTree& tree, std::string_view path) {
  std::optional<Inode> here = kRootInode;
  while (here && !path.empty()) {
    const auto slash = path.find('/');
    here = tree.find(*here, path.substr(0, slash));
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return here;
}

bool is_shown(const ImageTree& tree, std::uint32_t layer, const EntryView& entry) {
  const auto found = find_directly(tree, entry.path);
  if (!found) return false;
  const InodeView shown = tree.inode(*found);
  return shown.type == EntryType::file && !shown.is_sparse && shown.layer == layer &&
         shown.stream_offset == entry.stream_offset && shown.size == entry.size;
}

// The numbers of the format.
constexpr std::string_view kFileType = "1", kSegmentType = "2";

std::string segment_line(ByteView bytes, std::uint64_t position) {
  return "{\"type\":" + std::string(kSegmentType) + ",\"payload\":\"" + base64(bytes) +
         "\",\"position\":" + std::to_string(position) + "}\n";
}

}  // namespace

std::vector<SplitFile> files_to_split(const ImageTree& tree, std::uint32_t number,
                                      const LayerEntries& entries) {
  std::vector<SplitFile> files;
  std::uint64_t end = 0;  // of the last one
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const EntryView entry = entries.entry(i);
    if (entry.type != EntryType::file || entry.size == 0 || entry.is_sparse || entry.stream_offset < end)
      continue;
    if (!is_shown(tree, number, entry)) continue;
    files.push_back({std::string(entry.path), entry.stream_offset, entry.size});
    end = entry.stream_offset + entry.size;
  }
  return files;
}

TarSplitWriter::TarSplitWriter(std::vector<SplitFile> files, Sink sink)
    : files_(std::move(files)), sink_(std::move(sink)) {
  raw_.reserve(kMaxRaw);
}

Status TarSplitWriter::feed(ByteView bytes) {
  while (!bytes.empty()) {
    const bool is_any_left = next_ < files_.size();
    if (!is_any_left || position_ < files_[next_].offset) {
      const std::uint64_t until_file = is_any_left ? files_[next_].offset - position_ : bytes.size();
      const ByteView raw =
          bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), until_file)));
      if (auto added = add_raw(raw); !added) return added;
      position_ += raw.size();
      bytes = bytes.subspan(raw.size());
      continue;
    }
    const SplitFile& file = files_[next_];
    const std::uint64_t left = file.offset + file.size - position_;
    const ByteView content =
        bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), left)));
    crc_.update(content);
    position_ += content.size();
    bytes = bytes.subspan(content.size());
    if (content.size() < left) continue;
    if (auto written = write_file(file); !written) return written;
    ++next_;
  }
  return {};
}

Status TarSplitWriter::finish() {
  if (next_ < files_.size())
    return fail(Errc::corrupt, "the layer's stream ends within " + files_[next_].path);
  return write_raw();
}

Status TarSplitWriter::add_raw(ByteView bytes) {
  while (!bytes.empty()) {
    const ByteView piece = bytes.first(std::min(bytes.size(), kMaxRaw - raw_.size()));
    raw_.insert(raw_.end(), piece.begin(), piece.end());
    bytes = bytes.subspan(piece.size());
    if (raw_.size() < kMaxRaw) continue;
    if (auto written = write_raw(); !written) return written;
  }
  return {};
}

Status TarSplitWriter::write_raw() {
  if (raw_.empty()) return {};
  std::string line = segment_line(raw_, lines_);
  raw_.clear();
  return write_line(std::move(line));
}

Status TarSplitWriter::write_file(const SplitFile& file) {
  // The bytes before it.
  if (auto written = write_raw(); !written) return written;
  std::array<std::byte, 8> checksum;
  const std::uint64_t value = std::exchange(crc_, Crc64()).value();
  for (std::size_t i = 0; i < checksum.size(); ++i)
    checksum[i] = static_cast<std::byte>(value >> (8 * (checksum.size() - 1 - i)));
  // JSON has only UTF-8.
  const std::string name = is_utf8(file.path) ? "\"name\":" + JsonWriter().string(file.path).str()
                                              : "\"name_raw\":\"" + base64(as_bytes(file.path)) + "\"";
  return write_line("{\"type\":" + std::string(kFileType) + "," + name +
                    ",\"size\":" + std::to_string(file.size) + ",\"payload\":\"" + base64(checksum) +
                    "\",\"position\":" + std::to_string(lines_) + "}\n");
}

Status TarSplitWriter::write_line(std::string line) {
  ++lines_;
  return sink_(as_bytes(line));
}

// Readers go by the order of the lines, not by their positions.
std::string tar_split_of_zero_blocks(std::size_t count) {
  return count == 0 ? "" : segment_line(Bytes(count * kTarBlock), 0);
}

}  // namespace layoutfs
