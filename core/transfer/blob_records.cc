#include "core/transfer/blob_records.h"

#include <array>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <utility>

#include "core/base/json.h"
#include "core/base/xxh3.h"

namespace layoutfs {
namespace {

constexpr std::string_view kTitle = "layoutfs blob records 1 ";
constexpr std::size_t kHexDigits = 16;
constexpr std::size_t kHeader = kTitle.size() + kHexDigits + 1;  // including its newline
constexpr JsonLimits kLimits{.bytes = kMaxBlobRecords, .depth = 8, .values = std::size_t{1} << 20};

std::string checksum_of(std::string_view text) {
  std::array<char, kHexDigits + 1> hex{};
  const auto hash = static_cast<unsigned long long>(XXH3_64bits(text.data(), text.size()));
  std::snprintf(hex.data(), hex.size(), "%016llx", hash);
  return {hex.data(), kHexDigits};
}

std::unexpected<Error> damaged() { return fail(Errc::corrupt, "the blob records are damaged"); }

// An array of `count` strings.
template <std::size_t count>
Result<std::array<std::string_view, count>> strings_in(const JsonValue& value) {
  std::array<std::string_view, count> strings;
  if (!value.is_array() || value.size() != count) return damaged();
  for (std::size_t i = 0; i < count; ++i) {
    const auto text = value.at(i).as_string();
    if (!text) return damaged();
    strings[i] = *text;
  }
  return strings;
}

Status read_pair(const JsonValue& value, BlobRecords& records, std::size_t limit) {
  const auto strings = strings_in<2>(value);
  if (!strings) return fail(Error(strings.error()));
  const auto any = Digest::parse((*strings)[0]), uncompressed = Digest::parse((*strings)[1]);
  if (!any || !uncompressed) return damaged();
  records.uncompressed.set(*any, *uncompressed, limit);
  return {};
}

Status read_location(const JsonValue& value, BlobRecords& records, std::size_t limit) {
  const auto strings = strings_in<4>(value);
  if (!strings) return fail(Error(strings.error()));
  const auto& [transport, scope, digest_text, location] = *strings;
  const auto digest = Digest::parse(digest_text);
  if (!digest) return damaged();
  records.locations.set({*digest, std::string(transport), std::string(scope), std::string(location)}, {},
                        limit);
  return {};
}

template <class Read>
Status read_each(const JsonValue& root, std::string_view name, const Read& read) {
  const auto list = root.find(name);
  if (!list || !list->is_array()) return damaged();
  for (std::size_t i = 0; i < list->size(); ++i)
    if (auto done = read(list->at(i)); !done) return done;
  return {};
}

}  // namespace

void merge(BlobRecords& records, const BlobRecords& newer, std::size_t limit) {
  for (const auto& [time, entry] : newer.uncompressed.by_age())
    records.uncompressed.set(entry->first, entry->second.value, limit);
  for (const auto& [time, entry] : newer.locations.by_age()) records.locations.set(entry->first, {}, limit);
}

Bytes write_blob_records(const BlobRecords& records) {
  JsonWriter json;
  json.begin_object().key("uncompressed").begin_array();
  for (const auto& [time, entry] : records.uncompressed.by_age())
    json.begin_array().string(entry->first.str()).string(entry->second.value.str()).end_array();
  json.end_array().key("locations").begin_array();
  for (const auto& [time, entry] : records.locations.by_age()) {
    const auto& [digest, transport, scope, location] = entry->first;
    json.begin_array().string(transport).string(scope).string(digest.str()).string(location).end_array();
  }
  const std::string body = json.end_array().end_object().str();
  const std::string text = std::string(kTitle) + checksum_of(body) + "\n" + body;
  const ByteView bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

Result<BlobRecords> read_blob_records(ByteView file, std::size_t limit) {
  const std::string_view text = as_text(file);
  if (text.size() < kHeader || text.size() > kMaxBlobRecords || !text.starts_with(kTitle)) return damaged();
  const std::string_view body = text.substr(kHeader);
  if (text.substr(kTitle.size(), kHexDigits) != checksum_of(body) || text[kHeader - 1] != '\n')
    return damaged();
  const auto document = JsonDocument::parse(as_bytes(body), kLimits);
  if (!document || !document->root().is_object()) return damaged();
  BlobRecords records;
  const auto read_one_pair = [&](const JsonValue& value) { return read_pair(value, records, limit); };
  const auto read_one_location = [&](const JsonValue& value) { return read_location(value, records, limit); };
  if (auto read = read_each(document->root(), "uncompressed", read_one_pair); !read)
    return fail(std::move(read).error());
  if (auto read = read_each(document->root(), "locations", read_one_location); !read)
    return fail(std::move(read).error());
  return records;
}

}  // namespace layoutfs
