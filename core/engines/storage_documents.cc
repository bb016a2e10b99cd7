#include "core/engines/storage_documents.h"

#include <algorithm>
#include <cstddef>

#include "core/base/json.h"

namespace layoutfs {
namespace {

// The numbers of containers/storage (pkg/archive/archive.go, Compression).
std::int64_t number_of(Compression compression) {
  switch (compression) {
    case Compression::none:
      return 0;
    case Compression::gzip:
      return 2;
    case Compression::zstd:
      return 4;
  }
  return 0;
}

std::int64_t to_number(std::uint64_t size) { return static_cast<std::int64_t>(size); }

void write_time(JsonWriter& json, std::string_view time) {
  if (is_storage_time(time)) json.key("created").string(time);
}

void write_image(JsonWriter& json, const StorageImage& image) {
  json.begin_object().key("id").string(image.id).key("digest").string(image.manifest.str());
  json.key("names").begin_array();
  for (const std::string& name : image.names) json.string(name);
  json.end_array();
  if (!image.top_layer.empty()) json.key("layer").string(image.top_layer);
  json.key("metadata").string("{}").key("big-data-names").begin_array();
  for (const StorageItem& item : image.items) json.string(item.key);
  json.end_array().key("big-data-sizes").begin_object();
  for (const StorageItem& item : image.items) json.key(item.key).integer(to_number(item.size));
  json.end_object().key("big-data-digests").begin_object();
  for (const StorageItem& item : image.items) json.key(item.key).string(item.digest.str());
  json.end_object();
  write_time(json, image.created);
  json.end_object();
}

void write_layer(JsonWriter& json, const StorageLayer& layer) {
  json.begin_object().key("id").string(layer.id);
  if (!layer.parent.empty()) json.key("parent").string(layer.parent);
  write_time(json, layer.created);
  json.key("compressed-diff-digest").string(layer.blob.str());
  json.key("compressed-size").integer(to_number(layer.blob_size));
  json.key("diff-digest").string(layer.diff_id.str()).key("diff-size").integer(to_number(layer.diff_size));
  json.key("compression").integer(number_of(layer.compression));
  // The sets of owners: engines only estimate sizes of ID maps with them.
  for (const char* const ids : {"uidset", "gidset"}) json.key(ids).begin_array().integer(0).end_array();
  json.end_object();
}

}  // namespace

bool is_storage_time(std::string_view text) noexcept {
  // Digits for '0', all others literally; the rest is a fraction and a zone.
  constexpr std::string_view kPattern = "0000-00-00T00:00:00";
  if (text.size() <= kPattern.size() || text.size() > 40) return false;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  for (std::size_t i = 0; i < kPattern.size(); ++i)
    if (kPattern[i] == '0' ? !is_digit(text[i]) : text[i] != kPattern[i]) return false;
  const auto number = [&](std::size_t at) { return (text[at] - '0') * 10 + (text[at + 1] - '0'); };
  const int month = number(5), day = number(8);
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const int year = number(0) * 100 + number(2);
  const bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  if (month < 1 || month > 12 || day < 1 || day > kDays[month - 1] + (month == 2 && is_leap ? 1 : 0))
    return false;
  if (number(11) > 23 || number(14) > 59 || number(17) > 59) return false;
  std::string_view rest = text.substr(kPattern.size());
  if (rest.front() == '.') {
    const auto end = std::min(rest.find_first_not_of("0123456789", 1), rest.size());
    if (end < 2) return false;
    rest.remove_prefix(end);
  }
  if (rest == "Z") return true;
  constexpr std::string_view kZone = "+00:00";
  if (rest.size() != kZone.size() || (rest[0] != '+' && rest[0] != '-') || rest[3] != ':') return false;
  if (!is_digit(rest[1]) || !is_digit(rest[2]) || !is_digit(rest[4]) || !is_digit(rest[5])) return false;
  return (rest[1] - '0') * 10 + (rest[2] - '0') < 24 && rest[4] < '6';
}

std::string storage_images_json(std::span<const StorageImage> images) {
  JsonWriter json;
  json.begin_array();
  for (const StorageImage& image : images) write_image(json, image);
  return json.end_array().str();
}

std::string storage_layers_json(std::span<const StorageLayer> layers) {
  JsonWriter json;
  json.begin_array();
  for (const StorageLayer& layer : layers) write_layer(json, layer);
  return json.end_array().str();
}

std::string storage_lock(std::string_view document) { return Digest::of(as_bytes(document)).hex(); }

}  // namespace layoutfs
