#include "core/names/image_document.h"
#include "core/cas/descriptor_json.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <utility>

namespace layoutfs {
namespace {

using std::chrono::nanoseconds;
using Time = std::chrono::system_clock::time_point;

constexpr std::int64_t kVersion = 1;
// The complete years in the range of 64-bit nanoseconds.
constexpr int kFirstYear = 1678, kLastYear = 2261;
constexpr std::string_view kTimeShape = "0000-00-00T00:00:00.000000000Z";

// "2026-11-22T08:10:00.000000001Z"
std::string to_text(Time time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss<nanoseconds> clock(time - day);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%09dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()),
                static_cast<int>(clock.subseconds().count()));
  return text.data();
}

// Accepts only the format of to_text().
std::optional<Time> parse_time(std::string_view text) {
  if (text.size() != kTimeShape.size()) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_digit = text[i] >= '0' && text[i] <= '9';
    if (kTimeShape[i] == '0' ? !is_digit : text[i] != kTimeShape[i]) return std::nullopt;
  }
  const auto number = [&](std::size_t at, std::size_t length) {
    int value = 0;
    std::from_chars(text.data() + at, text.data() + at + length, value);
    return value;
  };
  const std::chrono::year_month_day date(std::chrono::year(number(0, 4)),
                                         std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                         std::chrono::day(static_cast<unsigned>(number(8, 2))));
  const int hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  if (static_cast<int>(date.year()) < kFirstYear || static_cast<int>(date.year()) > kLastYear)
    return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second) + nanoseconds(number(20, 9));
}

Result<std::string> text_member(JsonValue object, std::string_view name) {
  const auto member = object.find(name);
  const auto text = member ? member->as_string() : std::nullopt;
  if (!text) return fail(Errc::invalid_image, std::string(name) + " is missing, or is not a string");
  return std::string(*text);
}

Result<Time> time_member(JsonValue object, std::string_view name) {
  const auto text = text_member(object, name);
  if (!text) return fail(Error(text.error()));
  const auto time = parse_time(*text);
  if (!time)
    return fail(Errc::invalid_image,
                std::string(name) + " is not a time of the form " + std::string(kTimeShape));
  return *time;
}

Result<Annotations> labels_of(JsonValue object) {
  Annotations labels;
  const auto member = object.find("labels");
  if (!member) return labels;
  if (!member->is_object()) return fail(Errc::invalid_image, "labels is not an object");
  for (std::size_t i = 0; i < member->size(); ++i) {
    const auto text = member->at(i).as_string();
    if (!text) return fail(Errc::invalid_image, "label is not a string");
    labels.emplace(member->name_at(i), *text);
  }
  return labels;
}

Result<NamedImage> parse_image(JsonValue value) {
  if (!value.is_object()) return fail(Errc::invalid_image, "not an object");
  auto name = text_member(value, "name");
  if (!name) return fail(std::move(name).error());
  auto labels = labels_of(value);
  if (!labels) return fail(std::move(labels).error());
  const auto created_at = time_member(value, "createdAt");
  if (!created_at) return fail(Error(created_at.error()));
  const auto updated_at = time_member(value, "updatedAt");
  if (!updated_at) return fail(Error(updated_at.error()));
  const auto member = value.find("target");
  if (!member) return fail(Errc::invalid_image, "target is missing");
  auto target = parse_descriptor(*member);
  if (!target) return fail(std::move(target).error(), "target");
  auto image = checked({std::move(*name), std::move(*labels), std::move(*target), *created_at, *updated_at});
  // An invalid image in the file is Errc::invalid_image.
  if (!image) return fail(Errc::invalid_image, image.error().message());
  return image;
}

}  // namespace

Result<NamedImages> parse_image_document(ByteView text) {
  const auto document = JsonDocument::parse(text, kImageDocumentLimits);
  if (!document) return fail(Error(document.error()));
  const JsonValue root = document->root();
  const auto version = root.find("version");
  if (!version || !version->as_integer()) return fail(Errc::invalid_image, "version is missing");
  if (*version->as_integer() != kVersion)
    return fail(Errc::unsupported, "version " + std::to_string(*version->as_integer()) +
                                       " is not supported, only " + std::to_string(kVersion));
  const auto list = root.find("images");
  if (!list || !list->is_array()) return fail(Errc::invalid_image, "images is missing, or is not an array");
  NamedImages images;
  for (std::size_t i = 0; i < list->size(); ++i) {
    auto image = parse_image(list->at(i));
    if (!image) return fail(std::move(image).error(), "image " + std::to_string(i));
    std::string name = image->name;
    if (!images.emplace(name, std::move(*image)).second)
      return fail(Errc::invalid_image, "image " + std::to_string(i) + ": duplicate name '" + name + "'");
  }
  return images;
}

void write_image(JsonWriter& writer, const NamedImage& image) {
  writer.begin_object().key("name").string(image.name).key("labels").begin_object();
  for (const auto& [key, value] : image.labels) writer.key(key).string(value);
  writer.end_object().key("createdAt").string(to_text(image.created_at));
  writer.key("updatedAt").string(to_text(image.updated_at)).key("target");
  write_descriptor(writer, image.target);
  writer.end_object();
}

std::string image_document(const NamedImages& images) {
  JsonWriter writer(JsonWriter::Style::indented);
  writer.begin_object().key("version").integer(kVersion).key("images").begin_array();
  for (const auto& [name, image] : images) write_image(writer, image);
  return writer.end_array().end_object().str() + "\n";
}

}  // namespace layoutfs
