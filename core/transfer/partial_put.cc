#include "core/transfer/partial_put.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/oci/present_blob.h"
#include "layoutfs/upload.h"

namespace layoutfs {
namespace {

constexpr std::size_t kIdSize = 32;                         // hex digits of an upload's ID
constexpr std::size_t kReuseSize = std::size_t{256} << 10;  // bytes per copy step

std::unexpected<Error> fall_back(const std::string& why) { return fail(Errc::partial_fallback, why); }

// Returns an error of the source. Errors that only concern ranges do not apply to the whole blob.
std::unexpected<Error> source_error(const Error& error) {
  switch (error.code()) {
    case Errc::bad_partial_request:
    case Errc::corrupt:
    case Errc::unsupported:
      return fall_back(error.message());
    default:
      return fail(Error(error));
  }
}

// Returns the gaps between the spans, from `begin` to `end`.
std::vector<BlobChunk> gaps_between(const std::vector<SharedSpan>& spans, std::uint64_t begin,
                                    std::uint64_t end) {
  std::vector<BlobChunk> gaps;
  for (const SharedSpan& span : spans) {
    if (span.offset > begin) gaps.push_back({begin, span.offset - begin});
    begin = span.offset + span.length;
  }
  if (begin < end) gaps.push_back({begin, end - begin});
  return gaps;
}

// Returns the longer half of the spans.
std::vector<SharedSpan> fewer_of(std::vector<SharedSpan> spans) {
  std::ranges::sort(spans, [](const SharedSpan& a, const SharedSpan& b) {
    return a.length != b.length ? a.length > b.length : a.offset < b.offset;
  });
  spans.resize(spans.size() / 2);
  std::ranges::sort(spans, {}, &SharedSpan::offset);
  return spans;
}

class PartialPut {
 public:
  PartialPut(Engine& engine, BlobChunkAccessor& accessor, const BlobInfo& info,
             std::unique_ptr<Upload> upload, const Context& context)
      : engine_(engine), accessor_(accessor), info_(info), upload_(std::move(upload)), context_(context) {}

  Result<PutResult> run(const SpanFinder& find_spans) {
    auto put = append_all(find_spans);
    if (put) return put;
    // Useless for the next attempt or in general.
    if (put.error().code() == Errc::partial_fallback || upload_->size() == 0)
      ignore(upload_->cancel(), "the first error is returned, and clean() removes the upload later");
    return put;
  }

 private:
  std::uint64_t size() const { return *info_.size; }

  Result<PutResult> append_all(const SpanFinder& find_spans) {
    if (upload_->size() > size()) return fall_back(name() + ": the upload of an earlier attempt is too long");
    if (upload_->size() < size()) {
      auto spans = find_spans ? usable_spans(find_spans(info_)) : std::vector<SharedSpan>();
      auto stream = request(spans);
      if (!stream) return fail(std::move(stream).error());
      if (auto appended = append(spans, stream->get()); !appended) return fail(std::move(appended).error());
    }
    return commit();
  }

  Result<PutResult> commit() {
    auto put = upload_->commit(info_.digest, context_);
    if (put) return put;
    switch (put.error().code()) {
      case Errc::digest_invalid:  // the spans, the chunks or the earlier attempt were wrong
      case Errc::size_invalid:    // another process has changed it
      case Errc::upload_busy:     // another process holds it
      case Errc::upload_unknown:  // another process has committed it
        return fall_back(put.error().message());
      default:
        return put;
    }
  }

  // Returns the spans that are in order, refer to existing blobs, and do not lie before the current offset.
  std::vector<SharedSpan> usable_spans(const std::vector<SharedSpan>& found) {
    std::vector<SharedSpan> usable;
    std::map<Digest, std::uint64_t> sizes;  // of the blobs of the spans
    std::uint64_t begin = upload_->size();
    for (SharedSpan span : found) {
      const std::uint64_t passed = begin - std::min(begin, span.offset);
      if (passed >= span.length || span.from.empty()) continue;
      span.offset += passed;
      span.length -= passed;
      const bool is_inside = span.offset < size() && span.length <= size() - span.offset;
      if (!is_inside || span.from_offset > kToEnd - passed) continue;
      span.from_offset += passed;
      const auto [from, is_new] = sizes.try_emplace(span.from, 0);
      if (is_new) from->second = engine_.blob_size(span.from).value_or(std::nullopt).value_or(0);
      if (span.from_offset > from->second || span.length > from->second - span.from_offset) continue;
      begin = span.offset + span.length;
      usable.push_back(std::move(span));
    }
    return usable;
  }

  // Requests everything outside of the spans, some of which may be dropped for it. Returns null if nothing is
  // missing.
  Result<std::unique_ptr<ChunkStream>> request(std::vector<SharedSpan>& spans) {
    for (;;) {
      auto chunks = gaps_between(spans, upload_->size(), size());
      if (chunks.empty()) return nullptr;
      auto stream = accessor_.get_blob_at(info_, chunks, context_);
      if (stream) return checked_chunks(std::move(*stream), std::move(chunks));
      if (stream.error().code() != Errc::bad_partial_request || spans.empty())
        return source_error(stream.error());
      spans = fewer_of(std::move(spans));
    }
  }

  Status append(const std::vector<SharedSpan>& spans, ChunkStream* stream) {
    for (const SharedSpan& span : spans) {
      if (span.offset > upload_->size())
        if (auto appended = append_chunk(*stream); !appended) return appended;
      if (auto appended = append_span(span); !appended) return appended;
    }
    if (upload_->size() < size())
      if (auto appended = append_chunk(*stream); !appended) return appended;
    if (stream == nullptr) return {};
    const auto more = stream->next();
    return more ? Status() : source_error(more.error());
  }

  Status append_chunk(ChunkStream& stream) {
    const auto source = stream.next();
    if (!source) return source_error(source.error());
    for (;;) {
      if (auto go_on = context_.check(); !go_on) return go_on;
      const auto got = (*source)->read(piece_);
      if (!got) return source_error(got.error());
      if (*got == 0) return {};
      if (auto appended = upload_->append(ByteView(piece_).first(*got)); !appended) return appended;
    }
  }

  Status append_span(const SharedSpan& span) {
    if (from_ != span.from) {
      auto blob = engine_.get_blob(span.from);
      if (!blob) return fall_back(blob.error().message());
      blob_ = std::move(*blob);
      from_ = span.from;
    }
    for (std::uint64_t done = 0; done < span.length;) {
      if (auto go_on = context_.check(); !go_on) return go_on;
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(kReuseSize, span.length - done));
      const auto got = blob_->read_at(std::span(piece_).first(wanted), span.from_offset + done);
      if (!got) return fall_back(got.error().message());
      if (*got == 0) return fall_back(span.from.str() + ": the blob was truncated");
      if (auto appended = upload_->append(ByteView(piece_).first(*got)); !appended) return appended;
      done += *got;
    }
    return {};
  }

  std::string name() const { return info_.digest.str(); }

  Engine& engine_;
  BlobChunkAccessor& accessor_;
  const BlobInfo& info_;
  std::unique_ptr<Upload> upload_;
  const Context& context_;
  Bytes piece_ = Bytes(kReuseSize);
  Digest from_;  // the digest of blob_
  BlobPtr blob_;
};

// Returns the same ID for every attempt to put the blob.
std::string upload_id_of(const Digest& digest) {
  std::string id = digest.hex().substr(0, kIdSize);
  id.resize(kIdSize, '0');
  return id;
}

Result<std::unique_ptr<Upload>> open_upload(Engine& engine, const Digest& digest) {
  const std::string id = upload_id_of(digest);
  auto upload = engine.resume_upload(id);
  if (!upload && upload.error().code() == Errc::upload_unknown) upload = engine.start_upload(id);
  if (upload) return upload;
  switch (upload.error().code()) {
    case Errc::already_exists:  // another process has just started it
    case Errc::upload_busy:     // another process holds it
    case Errc::unsupported:     // this kind of layout has no uploads
      return fall_back(upload.error().message());
    default:
      return upload;
  }
}

}  // namespace

Result<PutResult> put_partial(Engine& engine, BlobChunkAccessor& accessor, const BlobInfo& info,
                              const SpanFinder& find_spans, const Context& context) {
  if (info.digest.empty()) return fail(Errc::digest_invalid, "a partial put requires the blob's digest");
  if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
  if (!info.size) return fall_back(info.digest.str() + ": unknown size");
  const auto present = engine.blob_size(info.digest);
  if (!present) return fail(Error(present.error()));
  if (*present) {
    const auto size = usable_blob_size(
        engine, info.digest, {.size = info.size, .media_type = info.media_type, .context = context});
    if (!size) return fail(Error(size.error()));
    if (!*size) return fall_back(info.digest.str() + ": exists with other content");
    return PutResult{info.digest, **size};
  }
  auto upload = open_upload(engine, info.digest);
  if (!upload) return fail(std::move(upload).error());
  return PartialPut(engine, accessor, info, std::move(*upload), context).run(find_spans);
}

}  // namespace layoutfs
