#include "core/remote/remote_upload.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/http/fields.h"
#include "core/remote/percent.h"
#include "core/remote/response_text.h"
#include "core/remote/url.h"

namespace layoutfs {
namespace {

// A short upload that interruptions have spoilt is sent anew this often.
constexpr int kMostNewUploads = 3;

Result<std::string> location_in(const HttpResponse& response, const std::string& what) {
  const auto field = response.field("Location");
  if (!field) return fail(Errc::io, what + ": the registry gives no location for the upload");
  auto url = resolve_url(response.url(), std::string(*field));
  if (!url) return fail(std::move(url).error(), what + ": location of the upload");
  return url;
}

// Returns the bytes that the registry has, by a Range field: "0-99" are 100. A field that is absent means 0.
std::optional<std::uint64_t> size_in_range(const HttpResponse& response) {
  auto field = response.field("Range");
  if (!field) return 0;
  if (field->starts_with("bytes=")) field->remove_prefix(6);
  const auto dash = field->find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto last = parse_decimal(field->substr(dash + 1));
  if (!last) return std::nullopt;
  // Registries answer "0-0" for an empty upload, too; it is sent again then.
  return *last == 0 ? 0 : *last + 1;
}

RegistryRequest push_request(std::string method) {
  RegistryRequest request{.method = std::move(method)};
  request.purpose = RemotePurpose::push;
  request.if_missing = RegistryCode::blob_upload_unknown;
  return request;
}

Result<std::unique_ptr<HttpResponse>> start(RegistrySession& session, const std::string& query,
                                            const Context& context) {
  RegistryRequest request = push_request("POST");
  request.path = "blobs/uploads/" + query;
  request.body = ByteView();
  request.if_missing = RegistryCode::name_unknown;
  return session.send(request, context);
}

// Returns the location of a new upload.
Result<std::string> new_upload(RegistrySession& session, const Context& context) {
  const auto response = start(session, "", context);
  if (!response) return fail(Error(response.error()));
  return location_in(**response, session.name());
}

Status cancel_upload(RegistrySession& session, const std::string& location, const Context& context) {
  RegistryRequest request = push_request("DELETE");
  request.url = location;
  request.accepted = {404, 405};
  const auto response = session.send(request, context);
  return response ? Status() : fail(Error(response.error()));
}

class RemoteUpload final : public BlobWriter {
 public:
  RemoteUpload(std::shared_ptr<RegistrySession> session, std::string location, std::uint64_t size,
               bool is_new, std::size_t piece)
      : session_(std::move(session)),
        location_(std::move(location)),
        sent_(size),
        piece_(piece),
        hasher_(is_new ? std::optional<Hasher>(std::in_place) : std::nullopt) {}

  Status write(ByteView piece) override {
    if (is_closed_) return closed();
    if (hasher_) hasher_->update(piece);
    while (!piece.empty()) {
      const ByteView part = piece.first(std::min(piece.size(), piece_ - buffer_.size()));
      buffer_.insert(buffer_.end(), part.begin(), part.end());
      piece = piece.subspan(part.size());
      if (buffer_.size() == piece_)
        if (auto flushed = send_buffer({}); !flushed) return flushed;
    }
    return {};
  }

  std::uint64_t size() const noexcept override { return sent_ + buffer_.size(); }
  std::size_t chunk_size() const noexcept override { return piece_; }
  const std::string& id() const noexcept override { return location_; }

  Result<Digest> digest(const Context&) override {
    if (is_closed_) return fail(Error(closed().error()));
    if (!hasher_)
      return fail(Errc::unsupported, session_->name() + ": the digest of a resumed upload is not known");
    return Hasher(*hasher_).finish();
  }

  Status close() override {
    if (is_closed_) return {};
    const auto flushed = buffer_.empty() ? Status() : send_buffer({});
    is_closed_ = true;
    return flushed;
  }

  Result<Descriptor> commit(const Digest& digest, const Context& context) override {
    if (is_closed_) return fail(Error(closed().error()));
    if (digest.empty()) return fail(Errc::digest_invalid, "empty digest");
    if (hasher_ && digest.algorithm() == kBlobAlgorithm)
      if (const Digest computed = Hasher(*hasher_).finish(); computed != digest)
        return fail(Errc::digest_invalid, digest.str() + ": the content has the digest " + computed.str());
    const std::uint64_t size = this->size();
    if (sent_ != 0 && !buffer_.empty())
      if (auto sent = send_buffer(context); !sent) return fail(std::move(sent).error());
    if (auto stored = store(digest, context); !stored) return fail(std::move(stored).error());
    is_closed_ = true;
    return Descriptor{.media_type = "application/octet-stream", .digest = digest, .size = size};
  }

  Status cancel() override {
    if (is_closed_) return {};
    is_closed_ = true;
    return cancel_upload(*session_, location_, {});
  }

 private:
  Status closed() const { return fail(Errc::closed, session_->name() + ": the upload is closed"); }

  // Ends the upload with the bytes in the buffer.
  Status store(const Digest& digest, const Context& context) {
    for (int attempt = 0;; ++attempt) {
      RegistryRequest request = push_request("PUT");
      request.url = location_ + (location_.find('?') == std::string::npos ? "?" : "&") +
                    "digest=" + percent_encoded(digest.str());
      request.fields.emplace_back("Content-Type", "application/octet-stream");
      request.body = ByteView(buffer_);
      const auto response = session_->send(request, context);
      if (response) return {};
      Error error(response.error());
      // If the answer to an earlier attempt was lost, the upload is gone and the blob is there.
      if (registry_code(error) == RegistryCode::blob_upload_unknown)
        if (const auto there = is_there(digest, context); there && *there) return {};
      // The registry may have kept a part of an interrupted attempt, in front of the next one. All of the
      // content is here, and has the digest: it can be sent to a new upload.
      if (sent_ != 0 || !hasher_ || !is_spoilt(error) || attempt == kMostNewUploads)
        return fail(std::move(error));
      auto location = new_upload(*session_, context);
      if (!location) return fail(std::move(location).error());
      location_ = *std::move(location);
    }
  }

  static bool is_spoilt(const Error& error) noexcept {
    const RegistryCode code = registry_code(error);
    return code == RegistryCode::digest_invalid || code == RegistryCode::size_invalid ||
           code == RegistryCode::range_invalid || code == RegistryCode::blob_upload_invalid ||
           code == RegistryCode::blob_upload_unknown;
  }

  Result<bool> is_there(const Digest& digest, const Context& context) {
    RegistryRequest request{.method = "HEAD", .path = "blobs/" + digest.str()};
    request.purpose = RemotePurpose::push;
    request.accepted = {404};
    const auto response = session_->send(request, context);
    if (!response) return fail(Error(response.error()));
    return (*response)->status() == 200;
  }

  // Sends the buffer. If the registry already has a part of it, as after an interruption, sends the rest.
  Status send_buffer(const Context& context) {
    const std::uint64_t begin = sent_, end = sent_ + buffer_.size();
    for (std::uint64_t reached = sent_, attempts = 0; sent_ < end; ++attempts) {
      const ByteView rest = ByteView(buffer_).subspan(static_cast<std::size_t>(sent_ - begin));
      RegistryRequest request = push_request("PATCH");
      request.url = location_;
      request.fields.emplace_back("Content-Type", "application/octet-stream");
      request.fields.emplace_back("Content-Range", std::to_string(sent_) + "-" + std::to_string(end - 1));
      request.body = rest;
      request.accepted = {416};
      const auto response = session_->send(request, context);
      if (!response) return fail(Error(response.error()));
      if ((*response)->status() == 416) {
        // An interrupted attempt has left a part, each one more than the one before.
        const auto has = ask_size(context);
        if (!has) return fail(Error(has.error()));
        if (*has < begin || *has > end || (attempts != 0 && *has <= reached)) return other_writer();
        sent_ = reached = *has;
        continue;
      }
      auto location = location_in(**response, session_->name());
      if (!location) return fail(std::move(location).error());
      location_ = *std::move(location);
      sent_ = end;
    }
    buffer_.clear();
    return {};
  }

  Status other_writer() const {
    return fail(RegistryCode::range_invalid,
                session_->name() + ": the upload has another size; another writer has appended to it");
  }

  // Returns the bytes that the registry has.
  Result<std::uint64_t> ask_size(const Context& context) {
    RegistryRequest request = push_request("GET");
    request.url = location_;
    const auto response = session_->send(request, context);
    if (!response) return fail(Error(response.error()));
    if (auto location = location_in(**response, session_->name())) location_ = *std::move(location);
    const auto size = size_in_range(**response);
    if (!size) return fail(Errc::io, session_->name() + ": the registry states no size of the upload");
    return *size;
  }

  friend Result<std::unique_ptr<BlobWriter>> layoutfs::open_remote_upload(std::shared_ptr<RegistrySession>,
                                                                          const std::string&, std::int64_t,
                                                                          std::size_t);

  const std::shared_ptr<RegistrySession> session_;
  std::string location_;
  std::uint64_t sent_;
  const std::size_t piece_;
  std::optional<Hasher> hasher_;  // of all content; nullopt if an earlier writer has sent a part
  Bytes buffer_;                  // after the bytes that were sent
  bool is_closed_ = false;
};

}  // namespace

Result<std::unique_ptr<BlobWriter>> open_remote_upload(std::shared_ptr<RegistrySession> session,
                                                       const std::string& id, std::int64_t offset,
                                                       std::size_t chunk_size) {
  const std::size_t piece = std::max(chunk_size, kSmallestPiece);
  if (id.empty()) {
    if (offset > 0) return fail(RegistryCode::range_invalid, session->name() + ": a new upload is empty");
    auto location = new_upload(*session, {});
    if (!location) return fail(std::move(location).error());
    return std::make_unique<RemoteUpload>(std::move(session), *std::move(location), 0, true, piece);
  }
  auto upload = std::make_unique<RemoteUpload>(session, id, 0, false, piece);
  const auto size = upload->ask_size({});
  if (!size) return fail(Error(size.error()));
  if (offset >= 0 && *size != static_cast<std::uint64_t>(offset))
    return fail(RegistryCode::range_invalid, session->name() + ": the upload has " + std::to_string(*size) +
                                                 " bytes, not " + std::to_string(offset));
  upload->sent_ = *size;
  return upload;
}

Result<bool> mount_remote_blob(RegistrySession& session, const std::string& from, const Digest& digest,
                               const Context& context) {
  const auto response =
      start(session, "?mount=" + percent_encoded(digest.str()) + "&from=" + percent_encoded(from), context);
  if (!response) return fail(Error(response.error()));
  if ((*response)->status() == 201) return true;
  // The registry has started an upload instead, which is not needed.
  if (const auto location = location_in(**response, session.name()))
    ignore(cancel_upload(session, *location, context), "the registry removes it later");
  return false;
}

}  // namespace layoutfs
