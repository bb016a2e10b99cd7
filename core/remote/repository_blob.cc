#include "core/remote/repository_blob.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/http/fields.h"
#include "core/remote/http_client.h"
#include "core/remote/retries.h"

namespace layoutfs {
namespace {

// How much is asked for, from the narrowest.
enum class Extent { range, rest, whole };

// The bytes from one position of a blob to another; the whole blob if the registry sends no ranges.
class RangeReader final : public ByteSource {
 public:
  RangeReader(std::shared_ptr<RegistrySession> session, const Digest& digest, std::uint64_t size,
              std::uint64_t begin, std::uint64_t end, Context context)
      : session_(std::move(session)),
        digest_(digest),
        size_(size),
        position_(begin),
        end_(end),
        context_(std::move(context)),
        retries_(session_->retries()) {}

  Result<std::size_t> read(std::span<std::byte> out) override {
    const std::uint64_t left = end_ - position_;
    out = out.first(static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), left)));
    if (out.empty()) return std::size_t{0};
    for (;;) {
      auto got = read_some(out);
      if (got) {
        position_ += *got;
        retries_.restart();
        return *got;
      }
      response_.reset();
      if (auto again = may_try_again(std::move(got).error()); !again) return fail(std::move(again).error());
    }
  }

  // Waits for the header of the first response, which decides where the bytes begin and end.
  Status begin() {
    while (position_ < end_ && !response_) {
      auto connected = connect();
      if (connected) break;
      response_.reset();
      if (auto again = may_try_again(std::move(connected).error()); !again) return again;
    }
    has_begun_ = true;
    return {};
  }

  // Before the first read.
  std::uint64_t offset() const noexcept { return position_; }
  std::uint64_t size() const noexcept { return end_ - position_; }

 private:
  Result<std::size_t> read_some(std::span<std::byte> out) {
    if (!response_)
      if (auto connected = connect(); !connected) return fail(std::move(connected).error());
    const auto got = response_->read(out);
    if (!got) return fail(Error(got.error()));
    if (*got == 0)
      return fail(Errc::unexpected_eof, name() + ": the response ended after " + std::to_string(position_) +
                                            " of " + std::to_string(size_) + " bytes");
    return *got;
  }

  // Waits before the next attempt. Returns `error` if there is none.
  Status may_try_again(Error error) {
    if (!is_interruption(error)) return fail(std::move(error));
    session_->count_retry(error);
    return retries_.wait(std::move(error), std::chrono::milliseconds(0), context_);
  }

  std::string name() const { return session_->name() + "@" + digest_.str(); }

  Error wrong_range(const std::string& what) const {
    return network_error(NetworkCode::interrupted, name() + ": the registry sent " + what +
                                                       " instead of byte " + std::to_string(position_));
  }

  Status connect() {
    RegistryRequest request;
    request.object = "@" + digest_.str();
    request.path = "blobs/" + digest_.str();
    request.returns_refused_links = true;
    request.accepted = {416};
    request.if_missing = RegistryCode::blob_unknown;
    const bool is_whole = position_ == 0 && (end_ == size_ || extent_ != Extent::range);
    if (extent_ != Extent::whole && !is_whole)
      request.fields.emplace_back("Range", "bytes=" + std::to_string(position_) + "-" +
                                               (extent_ == Extent::range ? std::to_string(end_ - 1) : ""));
    auto response = session_->send(request, context_);
    if (!response) return fail(std::move(response).error());
    const int status = (*response)->status();
    response_ = *std::move(response);
    if (status == 206) return check_partial();
    if (status == 200) return check_whole(!is_whole);
    return refuse(status);
  }

  // The next request asks for more: some hosts refuse small ranges, or all.
  Status refuse(int status) {
    const bool was_refused_before = refusals_++ != 0;
    if (was_refused_before && extent_ != Extent::whole)
      extent_ = extent_ == Extent::range ? Extent::rest : Extent::whole;
    response_.reset();
    return fail(network_error(NetworkCode::interrupted,
                              name() + ": the registry answered with status " + std::to_string(status)));
  }

  Status check_partial() {
    const auto field = response_->field("Content-Range");
    if (!field) return fail(wrong_range("a range without Content-Range"));
    const auto range = ContentRange::parse(*field);
    if (!range || range->first != position_)
      return fail(wrong_range("the range '" + std::string(*field) + "'"));
    if (range->size && *range->size != size_) return fail(wrong_size(*range->size));
    return {};
  }

  Error wrong_size(std::uint64_t size) const {
    return {Errc::size_invalid,
            name() + ": the blob has " + std::to_string(size) + " bytes, not " + std::to_string(size_)};
  }

  // `is_more`: than what was asked for.
  Status check_whole(bool is_more) {
    if (const auto size = parse_decimal(response_->field("Content-Length").value_or(""));
        size && *size != size_)
      return fail(wrong_size(*size));
    if (has_begun_) return skip_to_position();
    if (is_more) {
      position_ = 0;
      end_ = size_;
    }
    return {};
  }

  // Reads what an interrupted response has delivered.
  Status skip_to_position() {
    Bytes skipped(static_cast<std::size_t>(std::min<std::uint64_t>(position_, std::size_t{64} << 10)));
    for (std::uint64_t at = 0; at < position_;) {
      const auto piece = std::span(skipped).first(
          static_cast<std::size_t>(std::min<std::uint64_t>(skipped.size(), position_ - at)));
      const auto got = response_->read(piece);
      if (!got) return fail(Error(got.error()));
      if (*got == 0) return fail(Errc::unexpected_eof, name() + ": the response ended early");
      at += *got;
    }
    return {};
  }

  const std::shared_ptr<RegistrySession> session_;
  const Digest digest_;
  const std::uint64_t size_;
  std::uint64_t position_;
  std::uint64_t end_;
  bool has_begun_ = false;
  const Context context_;
  Retries retries_;
  Extent extent_ = Extent::range;
  int refusals_ = 0;
  std::unique_ptr<HttpResponse> response_;  // null before the first request and after an interruption
};

}  // namespace

Result<OpenedRange> RepositoryBlob::open(std::uint64_t offset, std::uint64_t size,
                                         const Context& context) const {
  if (offset > size_ || size > size_ - offset)
    return fail(Errc::unexpected_eof,
                session_->name() + "@" + digest_.str() + ": the range is beyond the end");
  auto reader = std::make_unique<RangeReader>(session_, digest_, size_, offset, offset + size, context);
  if (auto begun = reader->begin(); !begun) return fail(std::move(begun).error());
  return OpenedRange{reader->offset(), reader->size(), std::move(reader)};
}

}  // namespace layoutfs
