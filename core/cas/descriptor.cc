// Parses and writes descriptors as JSON.
#include "layoutfs/descriptor.h"

#include <algorithm>
#include <tuple>

#include "core/base/json_names.h"
#include "core/cas/descriptor_json.h"
#include "core/cas/members.h"

namespace layoutfs {
namespace {

// Returns the member `name`, nullopt if it is absent or null.
std::optional<JsonValue> present_member(JsonValue object, std::string_view name) {
  const auto member = object.find(name);
  return member && !member->is_null() ? member : std::nullopt;
}

std::unexpected<Error> not_a(std::string_view kind, std::string_view name) {
  return fail(Errc::invalid_image, std::string(name) + " is not " + std::string(kind));
}

// Returns an optional string.
Result<std::string> text_member(JsonValue object, std::string_view name) {
  const auto member = present_member(object, name);
  if (!member) return std::string();
  const auto text = member->as_string();
  if (!text) return not_a("a string", name);
  return std::string(*text);
}

// Returns an optional array of strings.
Result<std::vector<std::string>> texts_member(JsonValue object, std::string_view name) {
  std::vector<std::string> texts;
  const auto member = present_member(object, name);
  if (!member) return texts;
  if (!member->is_array()) return not_a("an array", name);
  for (std::size_t i = 0; i < member->size(); ++i) {
    if (member->at(i).is_null()) continue;
    const auto text = member->at(i).as_string();
    if (!text) return not_a("an array of strings", name);
    texts.emplace_back(*text);
  }
  return texts;
}

Result<Digest> digest_member(JsonValue object) {
  const auto member = object.find("digest");
  if (!member) return fail(Errc::invalid_image, "digest is missing");
  const auto text = member->as_string();
  if (!text) return not_a("a string", "digest");
  auto digest = Digest::parse(*text);
  // An invalid digest in a document is Errc::invalid_image.
  if (!digest && digest.error().code() == Errc::digest_invalid)
    return fail(Errc::invalid_image, digest.error().message());
  return digest;
}

Result<std::uint64_t> size_member(JsonValue object) {
  const auto member = object.find("size");
  if (!member) return fail(Errc::invalid_image, "size is missing");
  const auto size = member->as_integer();
  if (!size || *size < 0) return not_a("a number of bytes", "size");
  return static_cast<std::uint64_t>(*size);
}

Result<std::optional<Platform>> platform_member(JsonValue object) {
  const auto member = present_member(object, "platform");
  if (!member) return std::nullopt;
  if (!member->is_object()) return not_a("an object", "platform");
  if (auto spelled = check_spelling(*member, members::kPlatform); !spelled)
    return fail(std::move(spelled).error(), "platform");
  Platform platform;
  for (const auto& [name, field] : {std::pair{"os", &platform.os},
                                    {"architecture", &platform.architecture},
                                    {"variant", &platform.variant},
                                    {"os.version", &platform.os_version}}) {
    auto text = text_member(*member, name);
    if (!text) return fail(std::move(text).error(), "platform");
    *field = std::move(*text);
  }
  auto features = texts_member(*member, "os.features");
  if (!features) return fail(std::move(features).error(), "platform");
  platform.os_features = std::move(*features);
  return platform;
}

void write_texts(JsonWriter& writer, const std::vector<std::string>& texts) {
  writer.begin_array();
  for (const std::string& text : texts) writer.string(text);
  writer.end_array();
}

// Returns whether an annotation with this value counts as absent and is only kept in the text.
bool is_kept_only(JsonValue annotation) {
  return !annotation.as_string() && !annotation.is_object() && !annotation.is_array();
}

// Writes the members of the object `own` that are not in `known`, as all readers understand the names.
void write_others(JsonWriter& writer, JsonValue own, std::span<const std::string_view> known) {
  for (std::size_t i = 0; own.is_object() && i < own.size(); ++i) {
    const std::string_view name = own.name_at(i);
    const auto is_same = [name](std::string_view field) { return is_folded_equal(name, field); };
    if (std::ranges::none_of(known, is_same)) writer.key(name).value(own.at(i));
  }
}

// `own` is the member in the original document, if there is one.
void write_platform(JsonWriter& writer, const Platform& platform, std::optional<JsonValue> own) {
  writer.begin_object();
  writer.key("architecture").string(platform.architecture).key("os").string(platform.os);
  if (!platform.os_version.empty()) writer.key("os.version").string(platform.os_version);
  if (!platform.os_features.empty()) write_texts(writer.key("os.features"), platform.os_features);
  if (!platform.variant.empty()) writer.key("variant").string(platform.variant);
  if (own) write_others(writer, *own, members::kPlatform);
  writer.end_object();
}

// `own` as above: its values that are not strings stay, unless they get a new value.
void write_annotations(JsonWriter& writer, const Annotations& annotations, std::optional<JsonValue> own) {
  writer.begin_object();
  for (const auto& [name, value] : annotations) writer.key(name).string(value);
  for (std::size_t i = 0; own && own->is_object() && i < own->size(); ++i)
    if (is_kept_only(own->at(i)) && !annotations.contains(own->name_at(i)))
      writer.key(own->name_at(i)).value(own->at(i));
  writer.end_object();
}

bool has_kept_only(std::optional<JsonValue> annotations) {
  for (std::size_t i = 0; annotations && annotations->is_object() && i < annotations->size(); ++i)
    if (is_kept_only(annotations->at(i))) return true;
  return false;
}

}  // namespace

Result<Annotations> annotations_of(JsonValue object) {
  Annotations annotations;
  const auto member = present_member(object, "annotations");
  if (!member) return annotations;
  if (!member->is_object()) return not_a("an object", "annotations");
  for (std::size_t i = 0; i < member->size(); ++i) {
    if (is_kept_only(member->at(i))) continue;
    const auto text = member->at(i).as_string();
    if (!text) return not_a("a string", "annotation " + std::string(member->name_at(i)));
    annotations.emplace(member->name_at(i), *text);
  }
  return annotations;
}

std::optional<std::string_view> Descriptor::annotation(std::string_view name) const {
  const auto found = annotations.find(name);
  if (found == annotations.end()) return std::nullopt;
  return found->second;
}

Result<Descriptor> Descriptor::parse(std::string_view json) {
  const auto document = JsonDocument::parse(as_bytes(json));
  if (!document) return fail(Error(document.error()));
  return parse_descriptor(document->root());
}

std::string Descriptor::to_json() const {
  JsonWriter writer;
  write_descriptor(writer, *this);
  return writer.str();
}

Result<Descriptor> parse_descriptor(JsonValue value) {
  if (!value.is_object()) return not_a("an object", "descriptor");
  if (auto spelled = check_spelling(value, members::kDescriptor); !spelled)
    return fail(std::move(spelled).error());
  auto digest = digest_member(value);
  if (!digest) return fail(std::move(digest).error());
  auto size = size_member(value);
  if (!size) return fail(std::move(size).error(), digest->str());
  auto media_type = text_member(value, "mediaType");
  if (!media_type) return fail(std::move(media_type).error(), digest->str());
  auto annotations = annotations_of(value);
  if (!annotations) return fail(std::move(annotations).error(), digest->str());
  auto platform = platform_member(value);
  if (!platform) return fail(std::move(platform).error(), digest->str());
  auto artifact_type = text_member(value, "artifactType");
  if (!artifact_type) return fail(std::move(artifact_type).error(), digest->str());
  auto urls = texts_member(value, "urls");
  if (!urls) return fail(std::move(urls).error(), digest->str());
  auto data = text_member(value, "data");
  if (!data) return fail(std::move(data).error(), digest->str());
  return Descriptor{.media_type = std::move(*media_type),
                    .digest = std::move(*digest),
                    .size = *size,
                    .annotations = std::move(*annotations),
                    .platform = std::move(*platform),
                    .artifact_type = std::move(*artifact_type),
                    .urls = std::move(*urls),
                    .data = std::move(*data),
                    .json = value.dump()};
}

void write_descriptor(JsonWriter& writer, const Descriptor& descriptor) {
  // Limits were checked when its document was read.
  constexpr JsonLimits kLimits{.bytes = SIZE_MAX, .values = SIZE_MAX};
  const auto document = JsonDocument::parse(as_bytes(descriptor.json), kLimits);
  const auto own_member = [&](std::string_view name) {
    return document ? document->root().find(name) : std::nullopt;
  };
  writer.begin_object()
      .key("mediaType")
      .string(descriptor.media_type)
      .key("digest")
      .string(descriptor.digest.str());
  writer.key("size").integer(static_cast<std::int64_t>(descriptor.size));
  if (!descriptor.urls.empty()) write_texts(writer.key("urls"), descriptor.urls);
  const auto own_annotations = own_member("annotations");
  if (!descriptor.annotations.empty() || has_kept_only(own_annotations))
    write_annotations(writer.key("annotations"), descriptor.annotations, own_annotations);
  if (!descriptor.data.empty()) writer.key("data").string(descriptor.data);
  if (descriptor.platform)
    write_platform(writer.key("platform"), *descriptor.platform, own_member("platform"));
  if (!descriptor.artifact_type.empty()) writer.key("artifactType").string(descriptor.artifact_type);
  if (document) write_others(writer, document->root(), members::kDescriptor);
  writer.end_object();
}

bool operator==(const Descriptor& a, const Descriptor& b) {
  const auto members = [](const Descriptor& d) {
    return std::tie(d.media_type, d.digest, d.size, d.annotations, d.platform, d.artifact_type, d.urls,
                    d.data);
  };
  return members(a) == members(b);
}

Result<DescriptorList> DescriptorList::from_member(JsonValue object, std::string_view name) {
  const auto array = object.find(name);
  if (!array) return fail(Errc::invalid_image, std::string(name) + " is missing");
  DescriptorList list;
  if (array->is_null()) return list;
  if (!array->is_array()) return not_a("an array", name);
  // Elements of a hostile array may take one byte each.
  constexpr std::size_t kMostReserved = std::size_t{1} << 16;
  list.entries.reserve(std::min(array->size(), kMostReserved));
  for (std::size_t i = 0; i < array->size(); ++i) {
    auto entry = parse_descriptor(array->at(i));
    if (entry) {
      list.entries.push_back(std::move(*entry));
    } else if (list.problems.size() < kMaxProblems) {
      list.problems.push_back("entry " + std::to_string(i) + ": " + entry.error().message());
    }
  }
  return list;
}

}  // namespace layoutfs
