#include "core/check/index_check.h"

#include <algorithm>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/cas/verifying_source.h"
#include "core/codec/codec.h"
#include "core/layer/diff_id.h"

namespace layoutfs {
namespace {

std::unexpected<Error> differs(const std::string& what) { return fail(Errc::corrupt, "index file: " + what); }

// Returns the error of an access point that gives wrong bytes; a system error takes precedence.
std::unexpected<Error> point_fails(const std::string& where, const Error& error) {
  if (error.code() != Errc::corrupt) return fail(Error(error));
  return differs(where + "access point is unusable: " + error.message());
}

auto fields_of(const Extent& extent) { return std::tie(extent.offset, extent.size, extent.stream_offset); }

bool are_same(std::span<const Extent> kept, const std::vector<Extent>& found) {
  return std::ranges::equal(kept, found, {}, fields_of, fields_of);
}

bool are_same_xattrs(const LayerIndex& index, const EntryView& kept, const TarEntry& found) {
  if (kept.xattr_count != found.xattrs.size()) return false;
  for (std::uint32_t i = 0; i < kept.xattr_count; ++i) {
    const auto [name, value] = index.xattr(kept.first_xattr + i);
    if (name != found.xattrs[i].first || value != found.xattrs[i].second) return false;
  }
  return true;
}

// Compares the common attributes of all entries, and the location of a file's content.
bool are_same(const LayerIndex& index, const EntryView& kept, const TarEntry& found) {
  if (kept.type != found.type || kept.path != found.path || kept.target != found.target) return false;
  if (kept.mode != found.mode || kept.uid != found.uid || kept.gid != found.gid) return false;
  if (kept.mtime.seconds != found.mtime.seconds || kept.mtime.nanoseconds != found.mtime.nanoseconds)
    return false;
  if (!are_same_xattrs(index, kept, found)) return false;
  if (found.type == EntryType::character || found.type == EntryType::block)
    return kept.device_major == found.device_major && kept.device_minor == found.device_minor;
  if (found.type != EntryType::file) return true;
  if (kept.size != found.size || kept.is_sparse != found.is_sparse) return false;
  return found.is_sparse ? are_same(kept.extents, found.extents) : kept.stream_offset == found.stream_offset;
}

// In the order of the tar.
class EntryCheck {
 public:
  explicit EntryCheck(const LayerIndex& index) : index_(index) {}

  Status add(const TarEntry& found) {
    if (next_ == index_.entry_count()) return differs("missing entry: " + found.path);
    if (!are_same(index_, index_.entry(next_), found))
      return differs("entry " + std::to_string(next_) + " differs from the layer's: " + found.path);
    ++next_;
    return {};
  }
  Status finish() const {
    if (next_ == index_.entry_count()) return {};
    return differs(std::to_string(index_.entry_count()) + " entries, but the layer has " +
                   std::to_string(next_));
  }

 private:
  const LayerIndex& index_;
  std::size_t next_ = 0;
};

Status check_blob(const LayerIndex& index, const BlobPtr& blob, const CheckProgress& progress,
                  const Context& context) {
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  BlobSource bytes(blob);
  VerifyingSource verified(bytes, index.blob(), index.blob_size());
  Bytes buffer(kPiece);
  for (std::uint64_t done = 0;;) {
    if (auto go_on = context.check(); !go_on) return go_on;
    const auto got = verified.read(buffer);
    if (!got) return fail(Error(got.error()));
    if (*got == 0) return {};
    done += *got;
    if (progress) progress(done);
  }
}

// Passes the whole stream on, each span from its access point, if its bytes match the index.
Status decode_spans(const LayerIndex& index, const BlobPtr& blob, const CheckProgress& progress,
                    const Context& context, const std::function<Status(ByteView)>& sink) {
  const StreamIndex stream = index.stream();
  std::unique_ptr<Decoder> decoder;
  Bytes buffer;
  for (std::size_t number = 0; number < stream.spans.size(); ++number) {
    if (auto go_on = context.check(); !go_on) return go_on;
    const SpanRecord& span = stream.spans[number];
    const PointRecord& point = stream.points[span.point];
    const std::string where = "from stream byte " + std::to_string(span.offset) + " on ";
    if (point.offset == span.offset) {
      auto resumed = resume_at(point, stream, blob);
      if (!resumed) return point_fails(where, resumed.error());
      decoder = std::move(*resumed);
      if (progress) progress(index.blob_size() + point.position / 8);
    }
    buffer.resize(static_cast<std::size_t>(stream.span_end(number) - span.offset));
    const auto got = decoder->read(buffer);
    if (!got) return point_fails(where, got.error());
    if (*got != buffer.size() || !is_right_span(stream, number, buffer))
      return differs(where + "content differs from the index");
    if (auto taken = sink(buffer); !taken) return taken;
  }
  return {};
}

}  // namespace

Status check_index(const LayerIndex& index, const BlobPtr& blob, const CheckProgress& progress,
                   const Context& context) {
  if (auto checked = check_blob(index, blob, progress, context); !checked) return checked;
  EntryCheck entries(index);
  TarParser parser([&entries](TarEntry&& entry) { return entries.add(entry); });
  Hasher hasher;
  auto decoded = decode_spans(index, blob, progress, context, [&](ByteView bytes) {
    hasher.update(bytes);
    return parser.feed(bytes);
  });
  if (!decoded) return decoded;
  // Checks that there are no more bytes.
  const auto diff_ids = diff_ids_of(std::move(hasher));
  if (!index.has_diff_ids(diff_ids))
    return differs("the decoded layer has the diffID " + diff_ids.front().str() + ", not " +
                   index.diff_id().str());
  if (auto parsed = parser.finish(); !parsed) return parsed;
  return entries.finish();
}

}  // namespace layoutfs
