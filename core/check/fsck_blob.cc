// One pass over a blob feeds its hash and, for a layer, the decoder, the tar parser and the hash of the
// uncompressed layer.
#include "core/check/fsck_blob.h"

#include <algorithm>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/codec/codec.h"
#include "core/layer/decode_layer.h"
#include "core/layer/diff_id.h"
#include "core/layer/hashing_source.h"
#include "core/stream/layer_stream.h"
#include "core/tar/tar_parser.h"

namespace layoutfs {
namespace {

using Kind = FsckProblem::Kind;

FsckProblem broken_layer(const Digest& layer, const Error& error) {
  return {Kind::broken_layer, layer, layer.str() + ": " + error.message()};
}

// The content of a layer: a tar with the expected digests.
class LayerContent {
 public:
  explicit LayerContent(const ExpectedDiffIds& expected)
      : expected_(expected), tar_([](TarEntry&&) { return Status(); }) {
    for (const auto& [diff_id, config] : expected)
      hashers_.try_emplace(diff_id.algorithm(), diff_id.algorithm());
  }

  void update(ByteView bytes) {
    for (auto& [algorithm, hasher] : hashers_) hasher.update(bytes);
    if (parsed_) parsed_ = tar_.feed(bytes);
  }

  // Returns the problems of the whole content.
  std::vector<FsckProblem> finish(const Digest& layer) {
    std::vector<FsckProblem> problems;
    if (parsed_) parsed_ = tar_.finish();
    if (!parsed_) problems.push_back(broken_layer(layer, parsed_.error()));
    std::map<Algorithm, std::vector<Digest>> found;
    for (auto& [algorithm, hasher] : hashers_) found.emplace(algorithm, diff_ids_of(std::move(hasher)));
    for (const auto& [diff_id, config] : expected_) {
      const std::vector<Digest>& actual = found.at(diff_id.algorithm());
      if (std::ranges::find(actual, diff_id) != actual.end()) continue;
      problems.push_back({Kind::wrong_diff_id, layer,
                          layer.str() + ": uncompressed digest is " + actual.front().str() + ", the config " +
                              config.str() + " says " + diff_id.str()});
    }
    return problems;
  }

 private:
  const ExpectedDiffIds& expected_;
  std::map<Algorithm, Hasher> hashers_;
  TarParser tar_;
  Status parsed_;
};

// Returns nullopt if anything is wrong.
Result<std::optional<BlobFindings>> check_indexed(const IndexedLayer& indexed, const BlobPtr& blob,
                                                  const Digest& digest, const ExpectedDiffIds& layer,
                                                  const std::function<Status(std::uint64_t)>& on_bytes,
                                                  const Context& context) {
  HashingSource source(blob, digest.algorithm(), on_bytes);
  auto hashing = std::async(std::launch::async, [&source] { return source.finish(); });
  LayerContent content(layer);
  const LayerStream stream([&blob] { return Result<BlobPtr>(blob); }, indexed.index->stream(), indexed.spans,
                           true, {}, LayerStream::Failures::returned);
  auto decoded =
      stream.read_all([&content](ByteView bytes) { return content.update(bytes), Status(); }, context);
  auto hasher = hashing.get();
  if (!decoded && decoded.error().code() == Errc::cancelled) return fail(std::move(decoded).error());
  if (!hasher && hasher.error().code() == Errc::cancelled) return fail(std::move(hasher).error());
  if (!decoded || !hasher || hasher->finish() != digest || !content.finish(digest).empty())
    return std::nullopt;
  return BlobFindings{.is_read = true, .bytes = source.bytes_read(), .diff_ids = layer.size()};
}

// A dangling symlink exists, even if it is not needed.
bool is_dead_link(const LayoutReader& reader, const Digest& digest) {
  const auto status = reader.blob_status(digest);
  return status && *status && (*status)->is_dead_link;
}

BlobFindings unreadable(const LayoutReader& reader, const Digest& digest, const Error& error) {
  const bool is_missing = error.code() == Errc::not_found && !is_dead_link(reader, digest);
  const Kind kind = is_missing ? Kind::missing_blob : Kind::unreadable;
  return {.problems = {{kind, digest, message_of(digest, error)}}};
}

}  // namespace

std::string message_of(const Digest& digest, const Error& error) {
  const std::string name = digest.str();
  return error.message().starts_with(name) ? error.message() : name + ": " + error.message();
}

Result<BlobFindings> check_blob(const LayoutReader& reader, const Digest& digest,
                                const ExpectedDiffIds* layer,
                                const std::function<Status(std::uint64_t bytes)>& on_bytes,
                                const std::optional<IndexedLayer>& indexed, const Context& context) {
  if (auto status = on_bytes(0); !status) return fail(std::move(status).error());
  const auto blob = reader.get_blob(digest);
  if (!blob) return unreadable(reader, digest, blob.error());
  const auto compression = compression_of(**blob);
  if (!compression) return unreadable(reader, digest, compression.error());

  if (indexed && layer != nullptr) {
    auto findings = check_indexed(*indexed, *blob, digest, *layer, on_bytes, context);
    if (!findings) return fail(std::move(findings).error());
    if (*findings) return **std::move(findings);
  }
  HashingSource source(*blob, digest.algorithm(), on_bytes);
  std::optional<LayerContent> content;
  if (layer != nullptr) content.emplace(*layer);
  Status decoded;
  if (content)
    decoded = decode_layer(
        *compression, source, (*blob)->size(), [&content](ByteView bytes) { content->update(bytes); },
        [&on_bytes] { return on_bytes(0); });
  if (!decoded && decoded.error().code() == Errc::cancelled) return fail(std::move(decoded).error());
  auto hasher = source.finish();
  if (!hasher && hasher.error().code() == Errc::cancelled) return fail(std::move(hasher).error());
  if (!hasher) return unreadable(reader, digest, hasher.error());

  BlobFindings findings{.is_read = true, .bytes = source.bytes_read()};
  // A blob that does not match its digest explains every other fault.
  if (const Digest found = hasher->finish(); found != digest) {
    findings.problems = {{Kind::wrong_digest, digest, digest.str() + ": content has digest " + found.str()}};
  } else if (!decoded) {
    findings.problems = {broken_layer(digest, decoded.error())};
  } else if (content) {
    findings.diff_ids = layer->size();
    findings.problems = content->finish(digest);
  }
  return findings;
}

}  // namespace layoutfs
